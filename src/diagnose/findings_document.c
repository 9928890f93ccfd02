/* findings_document.c: prints docs/findings.md. Run by the target `findings.md`; a test checks that the
 * document is current. */
#include "diagnose/findings.h"

#include <stdio.h>

int main(int argc, char **argv)
{
	struct buffer out = { 0 };
	FILE *f = argc > 1 ? fopen(argv[1], "wb") : stdout;

	if (!f)
		return 1;
	findings_add_document(&out);
	size_t written = fwrite(out.at, 1, out.len, f);
	int closed = fclose(f);
	bool whole = written == out.len && !closed;
	buffer_finish(&out);
	return whole ? 0 : 1;
}
