#include "record/limits_page.h"

#include "base/buffer.h"

const struct limit_info limit_table[LIMIT_COUNT] = {
#define X(id, text, most, why) [LIMIT_##id] = { .name = text, .reason = why, .value = most },
	LIMIT_TABLE(X)
#undef X
};

void limits_add_document(struct buffer *out)
{
	buffer_add_text(out,
		"# Limits\n\n"
		"Made from include/overhear/limits.h by `ninja limits.md`.\n\n"
		"What strangers send decides how much there is to remember, so there is an end to "
		"everything that is remembered. Whenever a limit bites, its counter goes up: "
		"`captures.limits` has the counters of a reading by these names, only those that are not "
		"0, and SIGUSR1 prints them while it runs. A handshake that lost something to one is "
		"marked `limit` or `evicted` in `reassembly`. `memory` follows from `--memory`; the others "
		"cannot be set: each lies far beyond what honest ends need.\n\n"
		"| counter | at most | of what |\n|---|---|---|\n");
	for (size_t i = 0; i < LIMIT_COUNT; i++)
		buffer_add_format(out, "| %s | %llu | %s |\n", limit_table[i].name,
			(unsigned long long)limit_table[i].value, limit_table[i].reason);
}
