/* eap.c: packets of EAP (carried.h), once as frames of EAPOL and once in datagrams of RADIUS. */
#include "tests/fuzz/carried.h"

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	carried_run(carried_row("eapol"), at, len);
	carried_run(carried_row("radius"), at, len);
	return 0;
}
