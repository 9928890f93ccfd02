/* limits_document.c: prints docs/limits.md. Run by the target `limits.md`; a test checks that the
 * document is current. */
#include "base/document.h"
#include "record/limits_page.h"

int main(int argc, char **argv)
{
	return document_main(argc, argv, limits_add_document);
}
