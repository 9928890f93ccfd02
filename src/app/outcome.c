#include "app/show.h"
#include "registry/registry.h"

#include <string.h>

static bool is(const char *text, const char *wanted)
{
	return text && !strcmp(text, wanted);
}

static void add_completed(struct buffer *out, const struct row *h)
{
	const char *version = row_text(h, "version"), *cipher = row_text(h, "cipher"),
		   *group = row_text(h, "named_group");
	struct value tls = row_value(h, "tls_ms");

	buffer_add_format(out, "completed: %s", version ? version : "a version that was not seen");
	if (cipher)
		buffer_add_format(out, " with %s", cipher);
	if (group)
		buffer_add_format(out, " over %s", group);
	if (tls.type == VALUE_REAL)
		buffer_add_format(out, " in %.1f ms", tls.real);
	const char *resumption = row_text(h, "resumption");
	if (resumption && !is(resumption, "none"))
		buffer_add_format(out, ", resumed by %s",
				  is(resumption, "session_id") ? "session id"
				  : is(resumption, "psk")      ? "PSK"
							       : resumption);
	if (row_text(h, "cause"))
		buffer_add_format(out, "; then the client closed without using it (%s)",
				  row_text(h, "cause"));
}

static void add_alert(struct buffer *out, const struct row *h, const char *alert)
{
	struct value code = row_value(h, "alert_code");
	const struct registry_entry *entry =
		code.type == VALUE_INTEGER && code.integer >= 0 && code.integer < 256
			? registry_find(REGISTRY_ALERT, (uint32_t)code.integer)
			: NULL;
	const char *from = row_text(h, "alert_from");

	buffer_add_format(out, "the %s answered with ", from ? from : "other side");
	if (is(alert, "encrypted"))
		buffer_add_text(out, "an encrypted alert, of which only the shape is seen");
	else
		buffer_add_format(out, "the alert %s", alert);
	if (entry && entry->meaning[0]) {
		size_t len = strlen(entry->meaning);

		if (entry->meaning[len - 1] == '.')
			len--;
		buffer_add_format(out, " (%.*s)", (int)len, entry->meaning);
	}
}

/* What the last thing seen was; NULL where no hello was whole. */
static const char *stage_words(const struct row *h)
{
	static const struct {
		const char *stage, *words;
	} table[] = {
		{ "client_hello", "the client's hello" },
		{ "server_hello", "the server's hello" },
		{ "certificate", "the server's certificate" },
		{ "key_exchange", "the client's key exchange" },
		{ "finished", "a Finished" },
	};
	const char *stage = row_text(h, "stage");

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (is(stage, table[i].stage))
			return table[i].words;
	return NULL;
}

static void add_stage(struct buffer *out, const struct row *h)
{
	const char *words = stage_words(h);

	buffer_add_format(out, "%s%s", words ? "after " : "before any hello was whole",
			  words ? words : "");
}

static void add_failed(struct buffer *out, const struct row *h)
{
	static const struct {
		const char *cause, *words;
	} causes[] = {
		{ "client-closed", "the client closed the connection" },
		{ "client-reset", "the client reset the connection" },
		{ "not-tls-server", "the server answered with something that is not TLS" },
		{ "server-closed", "the server closed the connection" },
		{ "server-reset", "the server reset the connection" },
		{ "server-silent", "the server stayed silent" },
	};
	const char *alert = row_text(h, "alert"), *cause = row_text(h, "cause"),
		   *by = row_text(h, "ended_by");

	buffer_add_text(out, "failed: ");
	for (size_t i = 0; i < sizeof causes / sizeof *causes; i++) {
		if (is(cause, causes[i].cause)) {
			buffer_add_format(out, "%s ", causes[i].words);
			add_stage(out, h);
			return;
		}
	}
	if (alert) {
		add_alert(out, h, alert);
	} else {
		if (is(by, "network"))
			buffer_add_text(out, "nothing more came ");
		else
			buffer_add_format(out, "the %s ended the connection ",
					  by ? by : "other side");
		add_stage(out, h);
	}
	if (cause)
		buffer_add_format(out, "; cause: %s", cause);
}

static void add_open(struct buffer *out, const struct row *h)
{
	buffer_add_text(out, "open: when the capture ended it was still running, ");
	add_stage(out, h);
}

static void add_partial(struct buffer *out, const struct row *h)
{
	const char *marks = row_text(h, "reassembly"), *words = stage_words(h);

	buffer_add_format(out,
			  "partial: bytes are missing%s%s%s, so that what came %s%s cannot be told",
			  marks ? " (" : "", marks ? marks : "", marks ? ")" : "",
			  words ? "after " : "", words ? words : "of it");
}

void outcome_sentence(struct buffer *out, const struct shown *s)
{
	const struct row *h = &s->handshake;
	const char *outcome = row_text(h, "outcome");

	if (is(outcome, "completed"))
		add_completed(out, h);
	else if (is(outcome, "failed"))
		add_failed(out, h);
	else if (is(outcome, "open"))
		add_open(out, h);
	else if (is(outcome, "partial"))
		add_partial(out, h);
	else
		buffer_add_format(out, "%s", outcome ? outcome : "how it ended is not known");
	const char *inferred = row_text(h, "inferred");
	if (inferred && strstr(inferred, "\"outcome\""))
		buffer_add_text(out, " (deduced: the end of it is encrypted)");
}
