/* fields_document.c: prints docs/fields.md. Run by the target `fields.md`; a test checks that the
 * document is current. */
#include "base/document.h"
#include "record/fields.h"

int main(int argc, char **argv)
{
	return document_main(argc, argv, fields_add_document);
}
