#include "flow/track.h"

#include "packet/decap.h"

enum {
	/* RFC 9293 wants a RST inside the window; smaller than any in use, larger than what a
	 * capture misses before one */
	RESET_SLACK_BYTES = 65536,
	/* what may ride on a SYN (RFC 7413) and be acknowledged by the SYN/ACK */
	OPENING_DATA_MAX = 65536,
};

static uint8_t bit(unsigned end)
{
	return (uint8_t)(1U << end);
}

static bool isn_is_known(const struct flow *f, unsigned end)
{
	return f->opening & OPENING_ISN << end;
}

static int64_t since(int64_t later_ns, int64_t earlier_ns)
{
	return (int64_t)((uint64_t)later_ns - (uint64_t)earlier_ns);
}

/* Time since the flow's first packet; -1 where a clock ran back. */
static int64_t relative(const struct flow *f, const struct segment *s)
{
	int64_t passed = since(s->time_ns, f->first_ns);

	return passed < 0 ? -1 : passed;
}

/* A checksum is worth its cost where bytes or flags of the segment will be used, or while the
 * end has not shown yet that it fills checksums in. */
static bool wants_checksum(const struct flow *f, const struct segment *s, unsigned end)
{
	if (s->flags & (TCP_SYN | TCP_FIN | TCP_RST))
		return true;
	if (f->unwatched || f->state == FLOW_OPAQUE)
		return false;
	return s->payload_len || !(f->checksum_right & bit(end));
}

static bool checksum_is_known(const struct segment *s)
{
	return s->transport.len && s->payload.len == s->payload_len;
}

/* An end whose checksums are all wrong was captured on its own host, which leaves them to the
 * network card. Of one that did better, a wrong one is forged, or was put together by the
 * receiving card from several segments, which carry data and little else. */
static enum track_trust trust_in_checksum(struct flow *f, const struct segment *s, unsigned end)
{
	if (!wants_checksum(f, s, end))
		return TRACK_TRUSTED;
	if (s->checksum_wrong || !segment_checksum_fits(s)) {
		f->checksum_wrong |= bit(end);
		if (!(f->checksum_right & bit(end)))
			return TRACK_TRUSTED;
		return s->payload_len && !(s->flags & (TCP_SYN | TCP_RST)) ? TRACK_DOUBTED :
									     TRACK_FORGED;
	}
	if (checksum_is_known(s))
		f->checksum_right |= bit(end);
	return TRACK_TRUSTED;
}

enum track_trust track_trusts(struct flow *f, const struct segment *s, unsigned end)
{
	/* RFC 9293 section 3.10.7.4: once connected, what has no ACK flag is dropped. */
	if (!(s->flags & (TCP_ACK | TCP_SYN | TCP_RST)))
		return TRACK_FORGED;
	if (s->flags & TCP_SYN && s->flags & (TCP_FIN | TCP_RST))
		return TRACK_FORGED;
	enum track_trust trust = trust_in_checksum(f, s, end);
	if (trust != TRACK_TRUSTED)
		return trust;
	if (s->has_md5)
		return f->without_md5 & bit(end) ? TRACK_FORGED : TRACK_TRUSTED;
	f->without_md5 |= bit(end);
	return TRACK_TRUSTED;
}

bool track_over(const struct flow *f)
{
	unsigned both = (f->seen[0] ? 1U : 0) | (f->seen[1] ? 2U : 0);

	return f->reset_by || (f->closed && (f->closed & both) == both);
}

static bool acknowledges(const struct segment *s, uint32_t isn)
{
	return s->flags & TCP_ACK && s->ack - (isn + 1) <= OPENING_DATA_MAX;
}

static enum track_step judge_syn(const struct flow *f, const struct segment *s, unsigned end)
{
	if (isn_is_known(f, end) && f->isn[end] == s->seq)
		return TRACK_TAKE;
	return track_over(f) ? TRACK_RESTART : TRACK_REMEMBER;
}

/* A server that forgot its first answer, or another behind the same address, answers again from
 * another number; it counts while the first one led to nothing. */
static bool answers_anew(const struct flow *f, const struct segment *s, unsigned end)
{
	const struct stream *own = &f->stream[end], *other = &f->stream[1 - end];

	return isn_is_known(f, end) && own->next == f->isn[end] + 1 &&
		(!other->started || other->next == s->ack) && !f->connection;
}

static enum track_step judge_synack(const struct flow *f, const struct segment *s, unsigned end,
	const struct track_pending *pending)
{
	const struct syn *other = pending->from[1 - end];

	if (isn_is_known(f, end) ? f->isn[end] == s->seq :
				   isn_is_known(f, 1 - end) && acknowledges(s, f->isn[1 - end]))
		return TRACK_TAKE;
	if (answers_anew(f, s, end))
		return TRACK_RESTART;
	if ((other && acknowledges(s, other->isn)) || track_over(f))
		return TRACK_RESTART;
	if (isn_is_known(f, 0) || isn_is_known(f, 1) || f->stream[end].started ||
		!stream_near(&f->stream[1 - end], s->ack))
		return TRACK_IGNORE;
	return TRACK_TAKE;
}

static bool begins_pending(
	const struct segment *s, unsigned end, const struct track_pending *pending)
{
	const struct syn *own = pending->from[end], *other = pending->from[1 - end];

	if (s->flags & TCP_RST)
		return false;
	return (own && s->seq == own->isn + 1) ||
		(other && s->flags & TCP_ACK && s->ack == other->isn + 1);
}

static bool is_within(uint32_t seq, uint32_t place, uint32_t slack)
{
	return seq - place + slack <= 2 * slack;
}

/* RFC 9293 section 3.10.7.3 for the answer to a SYN; else only near what comes next. */
static bool reset_is_credible(const struct flow *f, const struct segment *s, unsigned end)
{
	const struct stream *own = &f->stream[end], *other = &f->stream[1 - end];

	if (own->started)
		return is_within(s->seq, own->next, RESET_SLACK_BYTES) ||
			is_within(s->seq, stream_last(own), RESET_SLACK_BYTES);
	if (s->flags & TCP_ACK && other->started)
		return is_within(s->ack, other->next, RESET_SLACK_BYTES);
	return true;
}

/* A FIN among the bytes that came already is forged, or comes again. */
static bool fin_is_credible(const struct flow *f, const struct segment *s, unsigned end)
{
	const struct stream *own = &f->stream[end];

	return !own->started || f->closed & bit(end) ||
		!seq_before(s->seq + s->payload_len, own->next);
}

enum track_step track_judge(const struct flow *f, const struct segment *s, unsigned end,
	const struct track_pending *pending)
{
	if (s->flags & TCP_SYN)
		return s->flags & TCP_ACK ? judge_synack(f, s, end, pending) : judge_syn(f, s, end);
	if (begins_pending(s, end, pending))
		return TRACK_RESTART;
	if (s->flags & TCP_RST)
		return reset_is_credible(f, s, end) ? TRACK_TAKE : TRACK_IGNORE;
	if (stream_near(&f->stream[end], s->seq))
		return s->flags & TCP_FIN && !fin_is_credible(f, s, end) ? TRACK_IGNORE :
									   TRACK_TAKE;
	if (track_over(f) && s->payload_len)
		return TRACK_RESTART;
	return s->flags & TCP_FIN ? TRACK_IGNORE : TRACK_TAKE;
}

static void learn_isn(struct flow *f, unsigned end, uint32_t isn)
{
	if (isn_is_known(f, end))
		return;
	f->opening |= (uint8_t)(OPENING_ISN << end);
	f->isn[end] = isn;
	stream_start(&f->stream[end], isn);
}

struct syn track_syn(const struct segment *s, uint64_t tag)
{
	struct syn syn = { .tag = tag,
		.time_ns = s->time_ns,
		.number = s->number & 0xffffffffffffff,
		.isn = s->seq };
	bool wrong = s->checksum_wrong || !segment_checksum_fits(s);

	syn.flags = (!wrong && checksum_is_known(s) ? SYN_CHECKSUM_RIGHT : 0U) |
		(s->has_md5 ? 0U : SYN_WITHOUT_MD5);
	return syn;
}

void track_begin(struct flow *f, const struct segment *s, unsigned initiator, const struct syn *syn)
{
	f->initiator = (uint8_t)initiator;
	f->first_ns = s->time_ns;
	f->first_number = s->number;
	f->synack_ns = f->ack_ns = f->close_ns = -1;
	if (!syn)
		return;
	f->first_ns = syn->time_ns;
	f->first_number = syn->number;
	f->seen[initiator] = true;
	f->opening |= OPENING_SYN;
	f->syn_retransmitted = syn->flags & SYN_RETRANSMITTED;
	f->checksum_right |= syn->flags & SYN_CHECKSUM_RIGHT ? bit(initiator) : 0;
	f->without_md5 |= syn->flags & SYN_WITHOUT_MD5 ? bit(initiator) : 0;
	f->packets = 1;
	learn_isn(f, initiator, syn->isn);
}

static void note_syn(struct flow *f, const struct segment *s)
{
	if (s->number < f->first_number)
		f->first_number = s->number;
	if (f->opening & OPENING_SYN && since(s->time_ns, f->first_ns) > SYN_RETRANSMISSION_NS)
		f->syn_retransmitted = true;
}

static void note_synack(struct flow *f, const struct segment *s, unsigned end)
{
	if (f->opening & OPENING_SYNACK) {
		if (f->synack_ns >= 0 && relative(f, s) - f->synack_ns > SYN_RETRANSMISSION_NS)
			f->synack_retransmitted = true;
		return;
	}
	f->opening |= OPENING_SYNACK;
	f->initiator = (uint8_t)(1 - end);
	learn_isn(f, end, s->seq);
	learn_isn(f, 1 - end, s->ack - 1);
	if (f->opening & OPENING_SYN)
		f->synack_ns = relative(f, s);
}

static void note_ack(struct flow *f, const struct segment *s, unsigned end)
{
	if (f->opening & OPENING_ACK || !(f->opening & OPENING_SYNACK) || end != f->initiator ||
		!(s->flags & TCP_ACK))
		return;
	if (!stream_near(&f->stream[1 - end], s->ack) || seq_before(s->ack, f->isn[1 - end] + 1))
		return;
	f->opening |= OPENING_ACK;
	if (f->synack_ns >= 0)
		f->ack_ns = relative(f, s);
}

static void note_end(struct flow *f, const struct segment *s, unsigned end)
{
	if (s->flags & TCP_RST && !f->reset_by)
		f->reset_by = (uint8_t)(1 + end);
	if (s->flags & TCP_FIN) {
		f->closed |= bit(end);
		stream_fin(&f->stream[end], flow_data_seq(s) + s->payload_len);
	}
	if (f->first_closer)
		return;
	f->first_closer = (uint8_t)(1 + end);
	f->close_ns = relative(f, s);
}

void track_note(struct flow *f, const struct segment *s, unsigned end)
{
	if (s->flags & TCP_SYN && s->flags & TCP_ACK)
		note_synack(f, s, end);
	else if (s->flags & TCP_SYN)
		note_syn(f, s);
	else
		note_ack(f, s, end);
	if (s->flags & (TCP_FIN | TCP_RST))
		note_end(f, s, end);
}
