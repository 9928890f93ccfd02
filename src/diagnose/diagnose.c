#include "diagnose/diagnose.h"

#include "base/xmalloc.h"
#include "diagnose/look.h"

#include <stdlib.h>
#include <string.h>

struct diagnose {
	struct trust *trust;
	bool custom_roots, lacks_roots;
	struct memory memory;
	struct limit_counts limits;
	struct finding_list list;
	struct buffer details[FINDINGS_MAX];
};

bool diagnose_create(const struct trust_options *roots, struct diagnose **out, struct error *error)
{
	struct trust *trust;

	if (!trust_create(roots, &trust, error))
		return false;
	struct diagnose *d = xcalloc(1, sizeof *d);
	d->trust = trust;
	d->custom_roots = roots->ca_file || roots->ca_path;
	memory_init(&d->memory);
	*out = d;
	return true;
}

void diagnose_destroy(struct diagnose *d)
{
	if (!d)
		return;
	trust_destroy(d->trust);
	memory_finish(&d->memory);
	for (size_t i = 0; i < FINDINGS_MAX; i++)
		buffer_finish(&d->details[i]);
	free(d);
}

void diagnose_read_roots(struct diagnose *d)
{
	trust_read_roots(d->trust);
}

void diagnose_begin_capture(struct diagnose *d)
{
	memory_finish(&d->memory);
	memory_init(&d->memory);
}

/* A client that knows nothing newer, whatever became of it. */
static void outdated_client(struct look *l)
{
	const struct hello *hello = l->h->client_hello;
	struct buffer *detail;

	if (!hello || !version_rank(hello->version_highest) || version_rank(hello->version_highest) >= RANK_TLS_1_2)
		return;
	detail = look_add(l, CLIENT_OUTDATED, CONFIDENCE_CERTAIN, FINDING_NO_CERTIFICATE);
	if (!detail)
		return;
	buffer_add_text(detail, "it offers ");
	add_version(detail, hello->version_highest);
	buffer_add_text(detail, " at most");
}

/* RFC 6520 section 4: a payload longer than its record. */
static void heartbleed(struct look *l)
{
	if (l->h->heartbleed_probe)
		look_add_text(l, HEARTBLEED_PROBE, CONFIDENCE_CERTAIN, "a heartbeat claims a longer payload than its record holds");
}

/* It completed, and then the client left without a word, for a reason that its certificate gives. */
static void explain_unused(struct look *l)
{
	int flaw = certificate_flaw(l);

	if (flaw != CAUSE_NONE)
		look_blame(l, (enum finding_code)flaw);
}

static void look_at(struct look *l)
{
	const struct handshake *h = l->h;

	rules_certificate(l);
	if (h->outcome == OUTCOME_COMPLETED)
		rules_weakness(l);
	outdated_client(l);
	heartbleed(l);
	rules_interception(l);
	if (h->outcome == OUTCOME_FAILED)
		rules_failure(l);
	else if (h->outcome == OUTCOME_COMPLETED && h->unused)
		explain_unused(l);
}

/* What explains the failure is what a reader wants to see first. */
static void cause_first(const struct look *l)
{
	struct finding_list *list = l->list;

	for (size_t i = 0; l->cause != CAUSE_NONE && i < list->count; i++) {
		struct finding f = list->at[i];

		if (f.kind != &finding_kinds[l->cause])
			continue;
		memmove(&list->at[1], &list->at[0], i * sizeof f);
		list->at[0] = f;
		return;
	}
}

static void tell_cause(const struct look *l, struct handshake *h)
{
	if (l->cause == CAUSE_NONE)
		return;
	h->cause = handshake_keep_text(h, finding_kinds[l->cause].code);
	if (l->cause_is_likely)
		h->inferred |= INFERRED_CAUSE;
	if (h->outcome == OUTCOME_COMPLETED)
		h->ended_by = ENDED_BY_CLIENT;
}

void diagnose_handshake(struct diagnose *d, struct handshake *h)
{
	int64_t time_s = h->time_ns / 1000000000;
	struct server_memory *server = memory_server(&d->memory, h);
	struct look l = {
		.h = h,
		.chain = h->time_ns == TIME_NONE ? NULL : trust_judge(d->trust, h->server_chain, time_s),
		.server = server,
		.name = memory_name(&d->memory, h),
		.suite = h->cipher >= 0 ? registry_suite((uint32_t)h->cipher) : NULL,
		.memory = &d->memory,
		.custom_roots = d->custom_roots,
		.list = &d->list,
		.details = d->details,
		.limits = &d->limits,
		.cause = CAUSE_NONE,
	};

	d->list.count = 0;
	d->lacks_roots |= l.chain && l.chain->parsed && !l.chain->roots;
	look_at(&l);
	for (size_t i = 0; i < d->list.count; i++)
		d->list.at[i].detail = (char *)(uintptr_t)buffer_text(&d->details[i]);
	cause_first(&l);
	tell_cause(&l, h);
	h->findings = &d->list;
	memory_learn_server(server, h, l.chain);
}

void diagnose_take_limits(struct diagnose *d, struct limit_counts *to)
{
	for (int i = 0; i < LIMIT_COUNT; i++)
		to->bitten[i] += d->limits.bitten[i];
	d->limits = (struct limit_counts){ 0 };
}

bool diagnose_lacks_roots(const struct diagnose *d)
{
	return d->lacks_roots;
}
