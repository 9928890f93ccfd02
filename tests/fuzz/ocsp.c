#include "record/ocsp.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	struct ocsp_response r;
	bool read = ocsp_response_parse((struct bytes){ at, len }, &r);

	if (r.sct_count < 0 || r.status > OCSP_UNKNOWN || (!read && r.status))
		abort();
	return 0;
}
