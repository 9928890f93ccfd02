/* openvpn.c: packets of OpenVPN (carried.h), once as datagrams and once as pieces of a stream. */
#include "tests/fuzz/carried.h"

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	carried_run(carried_row("openvpn"), at, len);
	carried_run(carried_row("openvpn_stream"), at, len);
	return 0;
}
