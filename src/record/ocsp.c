#include "record/ocsp.h"

#include <openssl/asn1.h>
#include <openssl/ct.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <time.h>

enum { OCSP_BYTES_MAX = 65536 };

static int64_t seconds_of(const ASN1_GENERALIZEDTIME *t)
{
	struct tm when;

	if (!t || !ASN1_TIME_to_tm(t, &when))
		return TIME_NONE;
	return timegm(&when);
}

static uint8_t status_of(int code)
{
	switch (code) {
	case V_OCSP_CERTSTATUS_GOOD:
		return OCSP_GOOD;
	case V_OCSP_CERTSTATUS_REVOKED:
		return OCSP_REVOKED;
	case V_OCSP_CERTSTATUS_UNKNOWN:
		return OCSP_UNKNOWN;
	default:
		return OCSP_UNSEEN;
	}
}

static int32_t count_scts(OCSP_SINGLERESP *single)
{
	STACK_OF(SCT) *scts = OCSP_SINGLERESP_get1_ext_d2i(single, NID_ct_cert_scts, NULL, NULL);
	int count = scts ? sk_SCT_num(scts) : 0;

	SCT_LIST_free(scts);
	return count > 0 ? count : 0;
}

/* A staple is about one certificate, the server's (RFC 6066 section 8): its first answer counts. */
static void read_first(OCSP_BASICRESP *basic, struct ocsp_response *out)
{
	ASN1_GENERALIZEDTIME *this_update = NULL, *next_update = NULL;
	OCSP_SINGLERESP *single = OCSP_resp_get0(basic, 0);

	if (!single)
		return;
	out->status =
		status_of(OCSP_single_get0_status(single, NULL, NULL, &this_update, &next_update));
	out->this_update_s = seconds_of(this_update);
	out->next_update_s = seconds_of(next_update);
	out->sct_count = count_scts(single);
}

bool ocsp_response_parse(struct bytes der, struct ocsp_response *out)
{
	const unsigned char *at = der.at;

	*out = (struct ocsp_response){ .this_update_s = TIME_NONE, .next_update_s = TIME_NONE };
	if (!der.len || der.len > OCSP_BYTES_MAX)
		return false;
	OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &at, (long)der.len);
	if (response && OCSP_response_status(response) == OCSP_RESPONSE_STATUS_SUCCESSFUL) {
		OCSP_BASICRESP *basic = OCSP_response_get1_basic(response);

		if (basic)
			read_first(basic, out);
		OCSP_BASICRESP_free(basic);
	}
	bool read = response != NULL;
	OCSP_RESPONSE_free(response);
	ERR_clear_error();
	return read;
}

static const struct ocsp_response *look_up(struct ocsp_memory *memory, struct bytes der)
{
	if (!memory->has_key)
		hash_key_init(&memory->key);
	memory->has_key = true;
	uint64_t hash = hash_bytes(&memory->key, der.at, der.len) | 1;
	size_t place = (hash >> 1) % OCSP_REMEMBERED;
	if (memory->known[place].hash != hash) {
		memory->known[place].hash = hash;
		ocsp_response_parse(der, &memory->known[place].response);
	}
	return &memory->known[place].response;
}

void ocsp_tell(struct ocsp_memory *memory, struct handshake *h)
{
	struct bytes der = handshake_text(h, h->ocsp_response);

	if (!der.len || h->ocsp_status || h->ocsp_this_update_s != TIME_NONE)
		return;
	const struct ocsp_response *r = look_up(memory, der);
	h->ocsp_status = r->status;
	h->ocsp_this_update_s = r->this_update_s;
	h->ocsp_next_update_s = r->next_update_s;
	if (r->sct_count)
		h->sct_count = (h->sct_count > 0 ? h->sct_count : 0) + r->sct_count;
}
