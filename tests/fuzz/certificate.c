#include "record/certificate.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static void text_is_bounded(const char *text, size_t most)
{
	if (text && strlen(text) > most)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	struct bytes der = { at, len };
	struct limit_counts limits = { 0 };
	struct buffer name = { 0 };
	struct certificate c;

	certificate_parse(der, &c, &limits);
	text_is_bounded(c.subject, 4 * CERTIFICATE_TEXT_BYTES_MAX);
	text_is_bounded(c.serial, 4 * CERTIFICATE_TEXT_BYTES_MAX);
	text_is_bounded(c.san, CERTIFICATE_TEXT_BYTES_MAX + 2);
	certificate_finish(&c);
	certificate_add_name(&name, der, &limits);
	text_is_bounded(buffer_text(&name), 4 * CERTIFICATE_TEXT_BYTES_MAX);
	buffer_finish(&name);
	return 0;
}
