#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "record/fields.h"
#include "registry/registry.h"
#include "tests/unit/document.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The columns of the view `handshakes` as users rely on them. */
static const char *const contract[] = {
	"id",
	"capture_id",
	"connection_id",
	"time",
	"time_ns",
	"first_packet",
	"last_packet",
	"packets",
	"transport",
	"client_ip",
	"client_port",
	"server_ip",
	"server_port",
	"client_mac",
	"server_mac",
	"vlan",
	"encapsulation",
	"community_id",
	"starttls",
	"application",
	"category",
	"risks",
	"server_name",
	"inner_server_name",
	"dns_name",
	"outcome",
	"stage",
	"ended_by",
	"cause",
	"inferred",
	"version",
	"version_code",
	"version_offered",
	"cipher",
	"cipher_code",
	"named_group",
	"named_group_code",
	"signature_scheme",
	"alpn",
	"key_exchange",
	"dh_bits",
	"forward_secrecy",
	"post_quantum",
	"client_random",
	"server_random",
	"session_id",
	"hello_retry",
	"resumption",
	"resumed_from",
	"early_data",
	"ech",
	"client_auth",
	"extended_master_secret",
	"encrypt_then_mac",
	"secure_renegotiation",
	"compression",
	"alert",
	"alert_code",
	"alert_level",
	"alert_from",
	"server_certificates",
	"client_certificates",
	"certificates_visible",
	"leaf_sha256",
	"certificate_compression",
	"ocsp_status",
	"sct_count",
	"ticket_lifetime_s",
	"ja3",
	"ja3s",
	"ja4",
	"quic_version",
	"quic_retry",
	"dtls_cookie",
	"reassembly",
	"dns_ms",
	"tcp_ms",
	"client_rtt_ms",
	"server_rtt_ms",
	"server_hello_ms",
	"server_think_ms",
	"tls_ms",
	"first_byte_ms",
	"total_ms",
	"round_trips",
	"retransmissions",
	"client_bytes",
	"server_bytes",
};

static void columns_are_the_contracts_in_its_order(void **state)
{
	(void)state;
	assert_int_equal(field_count, sizeof contract / sizeof *contract);
	for (size_t i = 0; i < field_count; i++)
		assert_string_equal(fields[i].column, contract[i]);
}

static void a_field_is_found_by_its_column(void **state)
{
	(void)state;
	assert_ptr_equal(field_find(fields[3].column), &fields[3]);
	assert_null(field_find("no_such_column"));
}

static void packed_fields_do_not_overlap(void **state)
{
	uint64_t taken = 0;

	(void)state;
	for (size_t i = 0; i < field_count; i++) {
		uint64_t place = ((UINT64_C(1) << fields[i].bits) - 1) << fields[i].bit;

		assert_int_equal(taken & place, 0);
		taken |= place;
	}
	assert_int_equal(taken >> 63, 0);
}

static void every_name_of_an_enumeration_fits_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < field_count; i++) {
		uint64_t count = 1;

		if (fields[i].type != FIELD_ENUM)
			continue;
		while (fields[i].names[count])
			count++;
		assert_true(count <= UINT64_C(1) << fields[i].bits);
	}
}

static void every_value_of_an_enumeration_has_its_name(void **state)
{
	static const struct {
		const char *column;
		unsigned last;
		const char *name;
	} ends[] = {
		{ "transport", TRANSPORT_DTLS, "dtls" },
		{ "outcome", OUTCOME_PARTIAL, "partial" },
		{ "stage", STAGE_FINISHED, "finished" },
		{ "ended_by", ENDED_BY_CAPTURE, "capture" },
		{ "resumption", RESUMPTION_PSK, "psk" },
		{ "early_data", EARLY_DATA_REJECTED, "rejected" },
		{ "ech", ECH_REJECTED, "rejected" },
		{ "client_auth", CLIENT_AUTH_REJECTED, "rejected" },
		{ "key_exchange", KEY_EXCHANGE_NULL, "NULL" },
		{ "ocsp_status", OCSP_UNKNOWN, "unknown" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		const char *const *names = field_find(ends[i].column)->names;

		for (unsigned v = 1; v <= ends[i].last; v++)
			assert_non_null(names[v]);
		assert_string_equal(names[ends[i].last], ends[i].name);
		assert_null(names[ends[i].last + 1]);
	}
}

static void inferred_names_are_columns(void **state)
{
	const char *const *names = field_find("inferred")->names;

	(void)state;
	for (int i = 1; names[i]; i++)
		assert_non_null(field_find(names[i]));
	assert_string_equal(names[1 + __builtin_ctz(INFERRED_TLS_MS)], "tls_ms");
	assert_string_equal(names[1 + __builtin_ctz(INFERRED_CLIENT_IP)], "client_ip");
	assert_string_equal(names[1 + __builtin_ctz(INFERRED_CAUSE)], "cause");
}

static void reassembly_names_follow_its_bits(void **state)
{
	const char *const *names = field_find("reassembly")->names;

	(void)state;
	assert_string_equal(names[1 + __builtin_ctz(REASSEMBLY_GAP)], "gap");
	assert_string_equal(names[1 + __builtin_ctz(REASSEMBLY_LIMIT)], "limit");
	assert_string_equal(names[1 + __builtin_ctz(REASSEMBLY_ONE_SIDED)], "one_sided");
}

static void every_field_is_a_sentence(void **state)
{
	(void)state;
	for (size_t i = 0; i < field_count; i++)
		assert_int_equal(fields[i].meaning[strlen(fields[i].meaning) - 1], '.');
}

/* The views ask the table of names by these words. */
static void registries_are_called_as_the_views_call_them(void **state)
{
	static const char *const words[REGISTRY_KIND_COUNT] = {
		[REGISTRY_VERSION] = "version",
		[REGISTRY_CIPHER] = "cipher",
		[REGISTRY_GROUP] = "group",
		[REGISTRY_SIGNATURE_SCHEME] = "signature_scheme",
		[REGISTRY_EXTENSION] = "extension",
		[REGISTRY_ALERT] = "alert",
		[REGISTRY_MESSAGE] = "message",
		[REGISTRY_COMPRESSION] = "compression",
		[REGISTRY_PSK_MODE] = "psk_mode",
		[REGISTRY_CERTIFICATE_COMPRESSION] = "certificate_compression",
		[REGISTRY_ALERT_LEVEL] = "alert_level",
		[REGISTRY_QUIC_VERSION] = "quic_version",
	};

	(void)state;
	for (int kind = 0; kind < REGISTRY_KIND_COUNT; kind++)
		assert_string_equal(registry_kind_name((enum registry_kind)kind), words[kind]);
}

/* Run with the path of docs/fields.md: `ninja fields.md` makes it anew. */
static void the_document_is_current(void **state)
{
	(void)state;
	assert_document("FIELDS_DOCUMENT", fields_add_document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_the_contracts_in_its_order),
		cmocka_unit_test(a_field_is_found_by_its_column),
		cmocka_unit_test(packed_fields_do_not_overlap),
		cmocka_unit_test(every_name_of_an_enumeration_fits_its_place),
		cmocka_unit_test(every_value_of_an_enumeration_has_its_name),
		cmocka_unit_test(inferred_names_are_columns),
		cmocka_unit_test(reassembly_names_follow_its_bits),
		cmocka_unit_test(every_field_is_a_sentence),
		cmocka_unit_test(registries_are_called_as_the_views_call_them),
		cmocka_unit_test(the_document_is_current),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
