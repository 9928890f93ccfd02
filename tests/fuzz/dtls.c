/* dtls.c: datagrams of both ends (carried.h). */
#include "tests/fuzz/carried.h"

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	carried_run(carried_row("dtls"), at, len);
	return 0;
}
