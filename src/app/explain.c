#include "app/command.h"
#include "app/meanings.h"
#include "app/message.h"
#include "app/output.h"
#include "app/page.h"
#include "app/suggest.h"
#include "diagnose/findings.h"
#include "record/fields.h"
#include "registry/registry.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* One thing that the word can mean. */
struct sense {
	const char *kind, *name;
	bool has_code;
	uint32_t code;
	const char *meaning;
	const char *reference;	   /* NULL: none */
	const char *remedy;	   /* of a finding; NULL */
	const struct field *field; /* of a column: its values are listed too; NULL */
};

/* What is looked for: a name or a number. */
struct lookup {
	const char *word;
	bool is_code;
	uint32_t code;
	size_t found;
	struct suggestions near;
	void (*tell)(void *context, const struct sense *sense);
	void *context;
};

static void offer(struct lookup *l, const struct sense *s)
{
	bool same = l->is_code ? s->has_code && s->code == l->code : suggest_same(s->name, l->word);

	if (!same) {
		if (!l->is_code)
			suggest_consider(&l->near, s->name);
		return;
	}
	l->found++;
	l->tell(l->context, s);
}

/* From 0x100 on the numbers of messages are our own (enum message_type): no protocol has them. */
static bool is_protocol_code(int kind, uint32_t code)
{
	return kind != REGISTRY_MESSAGE || code < 0x100;
}

static void look_in_registries(struct lookup *l)
{
	for (int kind = 0; kind < REGISTRY_KIND_COUNT; kind++) {
		size_t count;
		const struct registry_entry *entries =
			registry_entries((enum registry_kind)kind, &count);

		for (size_t i = 0; i < count; i++)
			offer(l, &(struct sense){
					 .kind = registry_kind_name((enum registry_kind)kind),
					 .name = entries[i].name,
					 .has_code = is_protocol_code(kind, entries[i].code),
					 .code = entries[i].code,
					 .meaning = entries[i].meaning,
					 .reference = entries[i].reference,
				 });
	}
}

static void look_in_columns(struct lookup *l)
{
	for (size_t i = 0; i < field_count; i++)
		offer(l, &(struct sense){ .kind = "column",
					  .name = fields[i].column,
					  .meaning = fields[i].meaning,
					  .field = &fields[i] });
}

static void look_in_values(struct lookup *l)
{
	char kind[64];

	for (size_t i = 0; i < meaning_count; i++) {
		snprintf(kind, sizeof kind, "value of %s", meanings[i].column);
		offer(l, &(struct sense){ .kind = kind,
					  .name = meanings[i].value,
					  .meaning = meanings[i].sentence });
	}
}

/* RFC 8701 reserves these in several registries at once. */
static void look_at_grease(struct lookup *l)
{
	static const char meaning[] = "Values without a meaning that clients mix into their lists, "
				      "so that servers stay used to unknown ones.";
	bool is_value = l->is_code && registry_is_grease(l->code);

	offer(l, &(struct sense){
			 .kind = "reserved value",
			 .name = "GREASE",
			 .has_code = is_value,
			 .code = l->code,
			 .meaning = meaning,
			 .reference = "RFC 8701",
		 });
}

static void look_in_findings(struct lookup *l)
{
	char kind[64], meaning[256];

	for (size_t i = 0; i < FINDING_KIND_COUNT; i++) {
		const struct finding_kind *k = &finding_kinds[i];

		snprintf(kind, sizeof kind, "finding, %s", severity_name(k->severity));
		snprintf(meaning, sizeof meaning, "%c%s.", toupper((unsigned char)k->title[0]), k->title + 1);
		offer(l, &(struct sense){ .kind = kind,
					  .name = k->code,
					  .meaning = meaning,
					  .reference = k->reference,
					  .remedy = k->remedy });
	}
}

static void look_everywhere(struct lookup *l)
{
	look_in_registries(l);
	look_at_grease(l);
	look_in_columns(l);
	look_in_values(l);
	look_in_findings(l);
}

/* A message's, suite's or alert's number; decimal as well, since alerts and extensions are often
 * named so. */
static bool parse_code(const char *word, uint32_t *out)
{
	bool hexadecimal = word[0] == '0' && (word[1] == 'x' || word[1] == 'X');
	const char *digits = hexadecimal ? word + 2 : word;
	char *end;

	if (!*digits ||
	    strspn(digits, hexadecimal ? "0123456789abcdefABCDEF" : "0123456789") != strlen(digits))
		return false;
	errno = 0;
	unsigned long code = strtoul(digits, &end, hexadecimal ? 16 : 10);
	if (errno || code > UINT32_MAX)
		return false;
	*out = (uint32_t)code;
	return true;
}

static void draw_values(struct page *p, const struct field *f)
{
	if (!f->names)
		return;
	for (size_t i = 1; f->names[i]; i++) {
		const char *sentence = meaning_of(f->column, f->names[i]);

		page_label(p, f->names[i]);
		page_words(p, PLAIN, sentence ? sentence : "");
		page_newline(p);
	}
}

/* As the RFCs write them: one byte and extensions in decimal, the others as pairs of bytes. */
static bool is_written_decimal(const char *kind)
{
	static const char *const kinds[] = {
		"alert",   "alert_level", "certificate_compression", "compression", "extension",
		"message", "psk_mode",
	};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (!strcmp(kinds[i], kind))
			return true;
	return false;
}

static void tell_text(void *context, const struct sense *s)
{
	struct page *p = context;

	if (p->out.len)
		page_newline(p);
	page_text(p, BOLD, s->name);
	page_text(p, FAINT, "  ");
	page_text(p, FAINT, s->kind);
	if (s->has_code && is_written_decimal(s->kind))
		page_format(p, FAINT, " %" PRIu32, s->code);
	else if (s->has_code)
		page_format(p, FAINT, " 0x%04" PRIx32, s->code);
	if (s->reference && *s->reference) {
		page_text(p, FAINT, ", ");
		page_text(p, FAINT, s->reference);
	}
	page_newline(p);
	page_to(p, 2);
	p->indent = 2;
	page_words(p, PLAIN, s->meaning);
	page_newline(p);
	if (s->remedy) {
		page_to(p, 2);
		page_words(p, PLAIN, s->remedy);
		page_newline(p);
	}
	if (s->field)
		draw_values(p, s->field);
}

static struct value text_value(const char *text)
{
	return text ? (struct value){ .type = VALUE_TEXT,
				      .bytes = { (const uint8_t *)text, strlen(text) } }
		    : (struct value){ .type = VALUE_NULL };
}

static void tell_json(void *context, const struct sense *s)
{
	struct buffer *out = context;
	const struct {
		const char *name;
		struct value value;
	} members[] = {
		{ "kind", text_value(s->kind) },
		{ "name", text_value(s->name) },
		{ "code",
		  { .type = s->has_code ? VALUE_INTEGER : VALUE_NULL, .integer = s->code } },
		{ "meaning", text_value(s->meaning) },
		{ "reference", text_value(s->reference) },
		{ "remedy", text_value(s->remedy) },
	};

	for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
		buffer_add_format(out, "%s\"%s\":", i ? "," : "{", members[i].name);
		output_add_json(out, members[i].name, members[i].value);
	}
	buffer_add_text(out, "}\n");
}

static void tell_csv(void *context, const struct sense *s)
{
	struct buffer *out = context;
	const struct value cells[] = {
		text_value(s->kind),
		text_value(s->name),
		{ .type = s->has_code ? VALUE_INTEGER : VALUE_NULL, .integer = s->code },
		text_value(s->meaning),
		text_value(s->reference),
		text_value(s->remedy),
	};

	if (!out->len)
		buffer_add_text(out, "kind,name,code,meaning,reference,remedy\r\n");
	for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
		buffer_add_text(out, i ? "," : "");
		output_add_csv(out, cells[i]);
	}
	buffer_add_text(out, "\r\n");
}

static int unknown(const struct lookup *l)
{
	char near[256];

	if (l->near.count)
		message("nothing known as '%s': did you mean %s?", l->word,
			suggest_text(&l->near, "", near, sizeof near));
	else if (l->is_code)
		message("no registry has the code %s: codes are written as 0x1301 or 47", l->word);
	else
		message("nothing known as '%s': give a message, a column, a suite, an alert, an "
			"extension or a code such as 0x1301",
			l->word);
	return EXIT_USAGE;
}

/* `overhear explain TLS 1.3`: names with spaces need no quotes. */
static const char *join(struct buffer *out, const struct options *o)
{
	for (size_t i = 0; i < o->operand_count; i++)
		buffer_add_format(out, "%s%s", i ? " " : "", o->operands[i]);
	return buffer_text(out);
}

int command_explain(const struct options *o)
{
	struct buffer word = { 0 };
	struct page page;

	page_init(&page, terminal_of_stdout());
	struct lookup l = { .word = join(&word, o),
			    .tell = o->json  ? tell_json
				    : o->csv ? tell_csv
					     : tell_text };
	l.context = o->json || o->csv ? (void *)&page.out : (void *)&page;
	l.near.word = l.word;
	l.is_code = parse_code(l.word, &l.code);
	look_everywhere(&l);
	int status = l.found ? EXIT_DONE : unknown(&l);
	output_write(&page.out);
	page_finish(&page);
	buffer_finish(&word);
	return status;
}
