/* findings_document.c: prints docs/findings.md. Run by the target `findings.md`; a test checks that the
 * document is current. */
#include "base/document.h"
#include "diagnose/findings.h"

int main(int argc, char **argv)
{
	return document_main(argc, argv, findings_add_document);
}
