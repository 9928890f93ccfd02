/* dialogue.c: the roads of lines and reply codes: SMTP, LMTP, IMAP, POP3, FTP, NNTP, IRC, ManageSieve. What they share is a table;
 * until a word settles it, a connection may be several of them.
 */
#include "dissectors/road.h"

#include <ctype.h>
#include <string.h>

enum { WORDS_MAX = 8, MANGLED_MIN = 6 };

static const struct dialogue {
	const char *name;			/* of the row in `roads` */
	const char *greetings[WORDS_MAX];	/* the server's first words */
	const char *commands[WORDS_MAX];	/* of the client, by which it is known */
	const char *requests[WORDS_MAX];	/* for TLS; the longer ones first */
	const char *offers[2];			/* words of a line by which the server offers it */
	const char *grants[2], *refusals[3];	/* replies to the request */
	const char *farewells[WORDS_MAX];	/* commands after which nobody asks for TLS any more */
	bool tagged;				/* commands and replies begin with a tag (RFC 9051 section 2.2.1) */
	bool prefixed;				/* replies begin with a name (RFC 1459 section 2.3) */
} dialogues[] = {
	{	/* RFC 3207 */
		.name = "smtp", .greetings = { "220" }, .commands = { "EHLO", "HELO" }, .requests = { "STARTTLS" }, .offers = { "STARTTLS" },
		.grants = { "220" }, .refusals = { "4", "5" }, .farewells = { "MAIL ", "AUTH " },
	},
	{	/* RFC 2033, RFC 3207 */
		.name = "lmtp", .greetings = { "220" }, .commands = { "LHLO" }, .requests = { "STARTTLS" }, .offers = { "STARTTLS" },
		.grants = { "220" }, .refusals = { "4", "5" }, .farewells = { "MAIL ", "AUTH " },
	},
	{	/* RFC 4217 section 4 */
		.name = "ftp", .greetings = { "220" }, .commands = { "AUTH TLS", "AUTH SSL", "FEAT", "USER ", "SYST" },
		.requests = { "AUTH TLS", "AUTH SSL" }, .offers = { "AUTH TLS", "AUTH SSL" },
		.grants = { "234", "334" }, .refusals = { "4", "5" }, .farewells = { "PASS ", "PASV", "RETR ", "LIST" },
	},
	{	/* RFC 9051 section 6.2.1 */
		.name = "imap", .greetings = { "* OK", "* PREAUTH", "* BYE" }, .commands = { "CAPABILITY", "STARTTLS", "LOGIN ", "ID ", "NOOP", "LOGOUT" },
		.requests = { "STARTTLS" }, .offers = { "STARTTLS" }, .grants = { "OK" }, .refusals = { "NO", "BAD" },
		.farewells = { "LOGIN ", "AUTHENTICATE ", "SELECT " }, .tagged = true,
	},
	{	/* RFC 2595 section 4 */
		.name = "pop3", .greetings = { "+OK" }, .commands = { "STLS", "CAPA", "USER ", "APOP " }, .requests = { "STLS" }, .offers = { "STLS" },
		.grants = { "+OK" }, .refusals = { "-ERR" }, .farewells = { "PASS ", "APOP ", "AUTH " },
	},
	{	/* RFC 4642 section 2.2 */
		.name = "nntp", .greetings = { "200", "201" }, .commands = { "CAPABILITIES", "MODE READER", "LIST EXTENSIONS" }, .requests = { "STARTTLS" },
		.offers = { "STARTTLS" }, .grants = { "382" }, .refusals = { "4", "5" }, .farewells = { "GROUP ", "AUTHINFO ", "ARTICLE ", "POST" },
	},
	{	/* IRCv3 tls: numerics 670 and 691 */
		.name = "irc", .greetings = { ":", "NOTICE AUTH", "NOTICE *" }, .commands = { "CAP ", "NICK ", "STARTTLS", "USER " }, .requests = { "STARTTLS" },
		.offers = { " tls", ":tls" }, .grants = { "670" }, .refusals = { "691", "421" }, .farewells = { "JOIN ", "PRIVMSG " }, .prefixed = true,
	},
	{	/* RFC 5804 sections 1.7 and 2.2 */
		.name = "sieve", .greetings = { "\"IMPLEMENTATION\"", "\"SIEVE\"", "\"STARTTLS\"", "\"SASL\"", "\"NOTIFY\"" },
		.commands = { "CAPABILITY", "STARTTLS" }, .requests = { "STARTTLS" }, .offers = { "\"STARTTLS\"" },
		.grants = { "OK" }, .refusals = { "NO", "BYE" }, .farewells = { "AUTHENTICATE " },
	},
};

enum { DIALOGUE_COUNT = sizeof dialogues / sizeof dialogues[0] };

static const struct dialogue *dialogue_of(const struct road *road)
{
	for (size_t i = 0; i < DIALOGUE_COUNT; i++)
		if (!strcmp(dialogues[i].name, road->name))
			return &dialogues[i];
	return NULL;
}

/* ---- words ---- */

static enum look begins_with_one(struct bytes text, const char *const *words, size_t count)
{
	enum look best = LOOK_NO;

	for (size_t i = 0; i < count && words[i] && best != LOOK_YES; i++) {
		enum look look = text_begins(text, words[i]);

		best = look > best ? look : best;
	}
	return best;
}

static bool says(struct bytes line, const char *const *words, size_t count)
{
	return begins_with_one(line, words, count) == LOOK_YES;
}

/* What follows the first word; `first` is the word. */
static struct bytes after_word(struct bytes line, struct bytes *first)
{
	struct reader r = reader_of(line), word = r;
	size_t len = 0;

	while (rd_more(&r) && rd_peek(&r).at[0] != ' ' && len < line.len) {
		rd_skip(&r, 1);
		len++;
	}
	*first = rd_take(&word, len);
	rd_skip(&r, rd_more(&r) ? 1 : 0);
	return rd_rest(&r);
}

static bool is_tag(struct bytes word)
{
	for (size_t i = 0; i < word.len; i++)
		if (!isalnum(word.at[i]) && word.at[i] != '.' && word.at[i] != '-' && word.at[i] != '_')
			return false;
	return word.len && word.len <= 32;
}

static struct bytes command_of(const struct dialogue *d, struct bytes line)
{
	struct bytes word;
	struct bytes rest = after_word(line, &word);

	if (!d->tagged)
		return line;
	return is_tag(word) ? rest : (struct bytes){ NULL, 0 };
}

static struct bytes reply_of(const struct dialogue *d, struct bytes line)
{
	struct bytes word;
	struct bytes rest = after_word(line, &word);
	bool named = d->tagged ? is_tag(word) : d->prefixed && word.len && word.at[0] == ':';

	if (d->tagged && !named)
		return (struct bytes){ NULL, 0 };
	return named ? rest : line;
}

static uint16_t tag_of(struct bytes line)
{
	struct bytes word;
	uint32_t sum = 1;

	after_word(line, &word);
	for (size_t i = 0; i < word.len; i++)
		sum = sum * 31 + word.at[i];
	return (uint16_t)(sum % 65521 + 1);
}

/* ---- who it may be ---- */

uint32_t dialogue_beginnings(struct bytes line, bool *by_server)
{
	uint32_t greeted = 0, commanded = 0;

	for (size_t i = 0; i < road_count; i++) {
		const struct dialogue *d = dialogue_of(&roads[i]);

		if (!d)
			continue;
		if (says(line, d->greetings, WORDS_MAX))
			greeted |= 1U << i;
		struct bytes command = command_of(d, line);
		if (says(command, d->commands, WORDS_MAX) || says(command, d->requests, WORDS_MAX))
			commanded |= 1U << i;
	}
	*by_server = greeted;
	return greeted ? greeted : commanded;
}

/* A tag may be any word, so it is asked for with what follows it. */
static enum look looks_tagged(struct bytes first, const struct dialogue *d)
{
	struct bytes word;
	struct bytes rest = after_word(first, &word);

	if (!is_tag(word))
		return LOOK_NO;
	return word.len == first.len ? LOOK_MAYBE : begins_with_one(rest, d->commands, WORDS_MAX);
}

enum look dialogue_looks(struct bytes first)
{
	enum look best = LOOK_NO;

	for (size_t i = 0; i < DIALOGUE_COUNT && best != LOOK_YES; i++) {
		const struct dialogue *d = &dialogues[i];
		enum look greeting = begins_with_one(first, d->greetings, WORDS_MAX);
		enum look command = d->tagged ? looks_tagged(first, d) : begins_with_one(first, d->commands, WORDS_MAX);
		enum look request = d->tagged ? LOOK_NO : begins_with_one(first, d->requests, WORDS_MAX);

		command = request > command ? request : command;
		best = greeting > best ? greeting : best;
		best = command > best ? command : best;
	}
	return best;
}

static const struct dialogue *candidate(const struct starttls *s, size_t row)
{
	return s->candidates & 1U << row ? dialogue_of(&roads[row]) : NULL;
}

/* Of several, the one whose port it is, else the first. */
static size_t settle(struct starttls *s)
{
	size_t best = road_count;
	uint16_t port = s->ports[road_end(s, false)];

	for (size_t i = road_count; i-- > 0;)
		if (candidate(s, i))
			best = i;
	for (size_t i = 0; i < road_count; i++)
		for (size_t p = 0; candidate(s, i) && p < 3; p++)
			if (port && roads[i].ports[p] == port)
				best = i;
	s->row = (uint8_t)(best + 1);
	return best;
}

/* ---- what the lines say ---- */

/* Firewalls that will not have TLS write X over the word, in the server's offer or in the client's command. */
static bool is_mangled(struct bytes word)
{
	size_t crosses = 0;

	while (crosses < word.len && word.at[crosses] == 'X')
		crosses++;
	return crosses >= MANGLED_MIN && crosses + 1 >= word.len;
}

static struct bytes without_ending(struct bytes line)
{
	while (line.len && (line.at[line.len - 1] == '\n' || line.at[line.len - 1] == '\r'))
		line.len--;
	return line;
}

static enum road_step client_line(struct starttls *s, struct bytes line)
{
	uint32_t known = 0;
	bool farewell = true, asks = false;

	for (size_t i = 0; i < road_count; i++) {
		const struct dialogue *d = candidate(s, i);

		if (!d)
			continue;
		struct bytes command = command_of(d, line);
		bool request = says(command, d->requests, WORDS_MAX);

		known |= request || says(command, d->commands, WORDS_MAX) ? 1U << i : 0;
		asks |= request;
		farewell &= says(command, d->farewells, WORDS_MAX);
	}
	if (known)
		s->candidates &= known;
	settle(s);
	if (asks) {
		s->asked = true;
		s->tag = tag_of(line);
	} else if (is_mangled(line)) {
		s->stripped = true;
	}
	return farewell ? ROAD_OVER : ROAD_ON;
}

/* A reply of several lines has a '-' behind its code in all but the last. */
static bool goes_on(const struct dialogue *d, struct bytes reply)
{
	return !d->tagged && !d->prefixed && reply.len > 3 && isdigit(reply.at[0]) && reply.at[3] == '-';
}

static bool is_answer(const struct starttls *s, const struct dialogue *d, struct bytes line)
{
	return s->asked && (!d->tagged || tag_of(line) == s->tag);
}

static void read_offer(struct starttls *s, const struct dialogue *d, struct bytes line)
{
	for (size_t i = 0; i < 2 && d->offers[i]; i++)
		s->offered |= text_holds(line, d->offers[i]);
	/* RFC 5321 section 4.1.1.1: a keyword a line, behind the code. */
	struct reader r = reader_of(line);
	bool is_keyword = text_begins(line, "250") == LOOK_YES;

	rd_skip(&r, 4);
	s->stripped |= is_keyword && is_mangled(rd_rest(&r));
}

static enum road_step server_line(struct starttls *s, struct bytes line, struct bytes rest)
{
	for (size_t i = 0; i < road_count; i++) {
		const struct dialogue *d = candidate(s, i);

		if (!d)
			continue;
		struct bytes reply = reply_of(d, line);

		if (is_answer(s, d, line) && says(reply, d->grants, 2) && !goes_on(d, reply)) {
			/* The answer to an earlier command, where more text follows it. */
			if (rest.len && tls_looks(rest) == LOOK_NO)
				continue;
			s->candidates = 1U << i;
			settle(s);
			return ROAD_TLS;
		}
		if (is_answer(s, d, line) && says(reply, d->refusals, 3)) {
			s->asked = false;
			s->refused = true;
		}
		read_offer(s, d, line);
	}
	return ROAD_ON;
}

enum road_step dialogue_take(struct starttls *s, bool client, struct bytes line, struct bytes rest)
{
	line = without_ending(line);
	if (!s->candidates) {
		bool by_server;

		s->candidates = dialogue_beginnings(line, &by_server);
		if (!s->candidates)
			return ROAD_OVER;
		if (client == by_server) {
			s->client = (uint8_t)(3 - s->client);
			client = !client;
		}
		settle(s);
	}
	return client ? client_line(s, line) : server_line(s, line, rest);
}
