#include "record/certificate.h"

#include "base/text.h"
#include "base/xmalloc.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

/* What a text is being made of, and whether a limit cut it. */
struct writer {
	struct buffer out;
	struct limit_counts *limits;
};

static void bite(struct limit_counts *limits, enum limit which)
{
	if (limits)
		limits->bitten[which]++;
}

static char *keep(const char *s)
{
	return strcpy(xmalloc(strlen(s) + 1), s);
}

/* The text in a buffer, which is given up; NULL where it is empty. */
static char *take_text(struct buffer *b)
{
	char *text = b->len ? keep(buffer_text(b)) : NULL;

	buffer_finish(b);
	return text;
}

static const struct bytes nothing = { NULL, 0 };

static struct bytes string_bytes(const ASN1_STRING *s)
{
	int len = s ? ASN1_STRING_length(s) : 0;

	return len > 0 ? (struct bytes){ ASN1_STRING_get0_data(s), (size_t)len } : nothing;
}

/* At most CERTIFICATE_TEXT_BYTES of it, made safe. */
static void add_bounded(struct buffer *out, struct bytes b, struct limit_counts *limits)
{
	if (b.len > CERTIFICATE_TEXT_BYTES_MAX) {
		bite(limits, LIMIT_CERTIFICATE_TEXT_BYTES);
		b.len = CERTIFICATE_TEXT_BYTES_MAX;
	}
	text_add_safe(out, b);
}

/* --- names --- */

/* RFC 4514: most specific first, UTF-8 left as it is; where a value is not of the type it says, all
 * values as hex. */
static bool print_name(BIO *bio, X509_NAME *name)
{
	static const unsigned long flags = (XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB);

	if (X509_NAME_print_ex(bio, name, 0, flags) >= 0)
		return true;
	(void)BIO_reset(bio);
	return X509_NAME_print_ex(bio, name, 0, flags | ASN1_STRFLGS_DUMP_ALL) >= 0;
}

static void add_x509_name(struct buffer *out, X509_NAME *name, struct limit_counts *limits)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *at;

	if (bio && name && print_name(bio, name)) {
		long len = BIO_get_mem_data(bio, &at);

		add_bounded(out,
			    len > 0 ? (struct bytes){ (const uint8_t *)at, (size_t)len } : nothing,
			    limits);
	}
	BIO_free(bio);
	ERR_clear_error();
}

void certificate_add_name(struct buffer *out, struct bytes der, struct limit_counts *limits)
{
	const unsigned char *at = der.at;
	X509_NAME *name =
		der.len <= MESSAGE_BYTES_MAX ? d2i_X509_NAME(NULL, &at, (long)der.len) : NULL;
	bool whole = name && (size_t)(at - der.at) == der.len;

	if (whole) {
		add_x509_name(out, name, limits);
	} else {
		struct buffer hex = { 0 };

		text_add_hex(&hex, der);
		add_bounded(out, buffer_bytes(&hex), limits);
		buffer_finish(&hex);
	}
	X509_NAME_free(name);
	ERR_clear_error();
}

static char *name_text(X509_NAME *name, struct limit_counts *limits)
{
	struct buffer out = { 0 };

	add_x509_name(&out, name, limits);
	return take_text(&out);
}

/* --- plain fields --- */

/* The content octets of an INTEGER are not kept by libcrypto, its value is: '-' marks a negative
 * one (which RFC 5280 section 4.1.2.2 forbids and some issue). */
static char *serial_text(const ASN1_INTEGER *serial, struct limit_counts *limits)
{
	struct buffer hex = { 0 }, out = { 0 };

	if (ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER)
		buffer_add_text(&out, "-");
	text_add_hex(&hex, string_bytes(serial));
	add_bounded(&out, buffer_bytes(&hex), limits);
	buffer_finish(&hex);
	return take_text(&out);
}

static void time_text(const ASN1_TIME *time, char out[21])
{
	struct tm tm;

	out[0] = 0;
	if (!time || !ASN1_TIME_to_tm(time, &tm) || tm.tm_year < -1900 || tm.tm_year > 9999 - 1900)
		return;
	if (!strftime(out, 21, "%Y-%m-%dT%H:%M:%SZ", &tm))
		out[0] = 0;
}

/* Signature and key algorithms that libcrypto 3.0 has no name for (RFC 9881, RFC 9909). Sorted by
 * OID. */
static const struct algorithm {
	const char *oid, *name;
	int key_bits; /* of the public key; -1 where it does not follow */
} algorithms[] = {
	{ "2.16.840.1.101.3.4.3.17", "ML-DSA-44", 1312 * 8 },
	{ "2.16.840.1.101.3.4.3.18", "ML-DSA-65", 1952 * 8 },
	{ "2.16.840.1.101.3.4.3.19", "ML-DSA-87", 2592 * 8 },
	{ "2.16.840.1.101.3.4.3.20", "SLH-DSA-SHA2-128s", 32 * 8 },
	{ "2.16.840.1.101.3.4.3.21", "SLH-DSA-SHA2-128f", 32 * 8 },
	{ "2.16.840.1.101.3.4.3.22", "SLH-DSA-SHA2-192s", 48 * 8 },
	{ "2.16.840.1.101.3.4.3.23", "SLH-DSA-SHA2-192f", 48 * 8 },
	{ "2.16.840.1.101.3.4.3.24", "SLH-DSA-SHA2-256s", 64 * 8 },
	{ "2.16.840.1.101.3.4.3.25", "SLH-DSA-SHA2-256f", 64 * 8 },
	{ "2.16.840.1.101.3.4.3.26", "SLH-DSA-SHAKE-128s", 32 * 8 },
	{ "2.16.840.1.101.3.4.3.27", "SLH-DSA-SHAKE-128f", 32 * 8 },
	{ "2.16.840.1.101.3.4.3.28", "SLH-DSA-SHAKE-192s", 48 * 8 },
	{ "2.16.840.1.101.3.4.3.29", "SLH-DSA-SHAKE-192f", 48 * 8 },
	{ "2.16.840.1.101.3.4.3.30", "SLH-DSA-SHAKE-256s", 64 * 8 },
	{ "2.16.840.1.101.3.4.3.31", "SLH-DSA-SHAKE-256f", 64 * 8 },
};

enum { OID_TEXT_LEN = 128 };

static const struct algorithm *find_algorithm(const ASN1_OBJECT *object)
{
	char oid[OID_TEXT_LEN];

	OBJ_obj2txt(oid, sizeof oid, object, 1);
	for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++)
		if (!strcmp(algorithms[i].oid, oid))
			return &algorithms[i];
	return NULL;
}

/* Its long name as libcrypto has it, ours where it has none, else the numbers. */
static char *algorithm_text(const ASN1_OBJECT *object)
{
	const struct algorithm *known = find_algorithm(object);
	char text[OID_TEXT_LEN];

	if (known)
		return keep(known->name);
	return OBJ_obj2txt(text, sizeof text, object, 0) > 0 ? keep(text) : NULL;
}

/* --- the key --- */

static const struct key_type {
	int nid;
	const char *name;
} key_types[] = {
	{ NID_rsaEncryption, "RSA" },
	{ NID_rsassaPss, "RSA-PSS" },
	{ NID_X9_62_id_ecPublicKey, "EC" },
	{ NID_dsa, "DSA" },
	{ NID_dhKeyAgreement, "DH" },
	{ NID_X25519, "X25519" },
	{ NID_X448, "X448" },
	{ NID_ED25519, "Ed25519" },
	{ NID_ED448, "Ed448" },
	{ NID_sm2, "SM2" },
	{ NID_id_GostR3410_2001, "GOST R 34.10-2001" },
	{ NID_id_GostR3410_2012_256, "GOST R 34.10-2012" },
	{ NID_id_GostR3410_2012_512, "GOST R 34.10-2012" },
};

static char *key_type_text(const ASN1_OBJECT *object)
{
	int nid = OBJ_obj2nid(object);

	for (size_t i = 0; i < sizeof key_types / sizeof *key_types; i++)
		if (key_types[i].nid == nid)
			return keep(key_types[i].name);
	return algorithm_text(object);
}

/* The IANA registry of TLS groups has names of its own for two of libcrypto's curves. */
static char *curve_text(int nid)
{
	static const struct {
		int nid;
		const char *name;
	} curves[] = {
		{ NID_X9_62_prime192v1, "secp192r1" },
		{ NID_X9_62_prime256v1, "secp256r1" },
	};

	for (size_t i = 0; i < sizeof curves / sizeof *curves; i++)
		if (curves[i].nid == nid)
			return keep(curves[i].name);
	return nid != NID_undef ? keep(OBJ_nid2sn(nid)) : NULL;
}

/* RFC 5480 section 2.1.1: the curve is the algorithm's parameter; explicit parameters name none. */
static char *curve_of(X509_PUBKEY *key)
{
	const void *parameter;
	X509_ALGOR *algorithm;
	int type;

	if (!X509_PUBKEY_get0_param(NULL, NULL, NULL, &algorithm, key))
		return NULL;
	X509_ALGOR_get0(NULL, &type, &parameter, algorithm);
	return type == V_ASN1_OBJECT ? curve_text(OBJ_obj2nid(parameter)) : NULL;
}

/* Edwards keys have the length that RFC 8032 gives them, not the bits of their field. */
static int bits_of(int nid, EVP_PKEY *key, const ASN1_OBJECT *object)
{
	const struct algorithm *known = find_algorithm(object);

	if (nid == NID_ED25519)
		return 256;
	if (nid == NID_ED448)
		return 456;
	if (known)
		return known->key_bits;
	int bits = key ? EVP_PKEY_get_bits(key) : 0;
	return bits > 0 ? bits : -1;
}

static void read_spki_hash(X509_PUBKEY *key, struct certificate *out)
{
	unsigned char *der = NULL;
	int len = i2d_X509_PUBKEY(key, &der);

	if (len > 0) {
		SHA256(der, (size_t)len, out->spki_sha256);
		out->has_spki = true;
	}
	OPENSSL_free(der);
}

static void read_key(X509 *x, struct certificate *out)
{
	X509_PUBKEY *key = X509_get_X509_PUBKEY(x);
	ASN1_OBJECT *object;

	if (!key || !X509_PUBKEY_get0_param(&object, NULL, NULL, NULL, key))
		return;
	int nid = OBJ_obj2nid(object);
	out->key_type = key_type_text(object);
	out->key_bits = bits_of(nid, X509_get0_pubkey(x), object);
	if (nid == NID_X9_62_id_ecPublicKey)
		out->curve = curve_of(key);
	read_spki_hash(key, out);
}

/* --- extensions --- */

static void add_labelled(struct writer *w, const char *label, struct bytes b)
{
	struct buffer text = { 0 };

	buffer_add_text(&text, label);
	text_add_safe(&text, b);
	buffer_add_text(&w->out, w->out.len > 1 ? "," : "");
	text_add_json(&w->out, buffer_bytes(&text));
	buffer_finish(&text);
}

static void add_ip(struct writer *w, struct bytes b)
{
	uint8_t address[16] = { [10] = 0xff, [11] = 0xff };
	char text[46];

	if (b.len == 4)
		memcpy(address + 12, b.at, 4);
	else if (b.len == 16)
		memcpy(address, b.at, 16);
	if (b.len == 4 || b.len == 16) {
		text_address(address, text);
		add_labelled(w, "ip:", (struct bytes){ (const uint8_t *)text, strlen(text) });
	} else {
		struct buffer hex = { 0 };

		text_add_hex(&hex, b);
		add_labelled(w, "ip:#", buffer_bytes(&hex));
		buffer_finish(&hex);
	}
}

static void add_directory(struct writer *w, X509_NAME *name)
{
	struct buffer text = { 0 };

	add_x509_name(&text, name, w->limits);
	add_labelled(w, "dirname:", buffer_bytes(&text));
	buffer_finish(&text);
}

static void add_oid(struct writer *w, const char *label, const ASN1_OBJECT *object)
{
	char oid[OID_TEXT_LEN];
	int len = OBJ_obj2txt(oid, sizeof oid, object, 1);

	if (len > 0)
		add_labelled(w, label, (struct bytes){ (const uint8_t *)oid, strlen(oid) });
}

/* RFC 5280 section 4.2.1.6; of an otherName only its type is shown. */
static void add_general_name(struct writer *w, const GENERAL_NAME *name)
{
	switch (name->type) {
	case GEN_DNS:
		add_labelled(w, "dns:", string_bytes(name->d.dNSName));
		break;
	case GEN_EMAIL:
		add_labelled(w, "email:", string_bytes(name->d.rfc822Name));
		break;
	case GEN_URI:
		add_labelled(w, "uri:", string_bytes(name->d.uniformResourceIdentifier));
		break;
	case GEN_IPADD:
		add_ip(w, string_bytes(name->d.iPAddress));
		break;
	case GEN_DIRNAME:
		add_directory(w, name->d.directoryName);
		break;
	case GEN_RID:
		add_oid(w, "rid:", name->d.registeredID);
		break;
	case GEN_OTHERNAME:
		add_oid(w, "other:", name->d.otherName->type_id);
		break;
	default:
		break;
	}
}

static char *san_text(X509 *x, struct limit_counts *limits)
{
	struct writer w = { .limits = limits };
	GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	int count = names ? sk_GENERAL_NAME_num(names) : 0;

	buffer_add_text(&w.out, "[");
	for (int i = 0; i < count; i++) {
		size_t before = w.out.len;

		if (i < CERTIFICATE_NAMES_MAX)
			add_general_name(&w, sk_GENERAL_NAME_value(names, i));
		if (i == CERTIFICATE_NAMES_MAX || w.out.len > CERTIFICATE_TEXT_BYTES_MAX) {
			bite(limits, i == CERTIFICATE_NAMES_MAX ? LIMIT_CERTIFICATE_NAMES
								: LIMIT_CERTIFICATE_TEXT_BYTES);
			w.out.len = before;
			break;
		}
	}
	if (w.out.len > 1)
		buffer_add_text(&w.out, "]");
	else
		buffer_clear(&w.out);
	GENERAL_NAMES_free(names);
	return take_text(&w.out);
}

/* The CA/Browser Forum's registry of policy OIDs; the stricter one counts where a certificate names
 * several. */
static const struct policy {
	const char *oid, *name;
} policies[] = {
	{ "2.23.140.1.1", "EV" },
	{ "2.23.140.1.2.2", "OV" },
	{ "2.23.140.1.2.3", "IV" },
	{ "2.23.140.1.2.1", "DV" },
};

static bool has_policy(const CERTIFICATEPOLICIES *list, const char *wanted)
{
	char oid[OID_TEXT_LEN];

	for (int i = 0; i < sk_POLICYINFO_num(list); i++) {
		OBJ_obj2txt(oid, sizeof oid, sk_POLICYINFO_value(list, i)->policyid, 1);
		if (!strcmp(oid, wanted))
			return true;
	}
	return false;
}

static const char *policy_of(X509 *x)
{
	CERTIFICATEPOLICIES *list = X509_get_ext_d2i(x, NID_certificate_policies, NULL, NULL);
	const char *found = NULL;

	for (size_t i = 0; list && !found && i < sizeof policies / sizeof *policies; i++)
		if (has_policy(list, policies[i].oid))
			found = policies[i].name;
	CERTIFICATEPOLICIES_free(list);
	return found;
}

/* RFC 6962 section 3.3: an OCTET STRING that holds a vector of vectors. */
static int count_scts(X509 *x)
{
	ASN1_OCTET_STRING *octets;
	int index = X509_get_ext_by_NID(x, NID_ct_precert_scts, -1), count = 0;

	if (index < 0)
		return 0;
	struct bytes outer = string_bytes(X509_EXTENSION_get_data(X509_get_ext(x, index)));
	const unsigned char *at = outer.at;
	octets = d2i_ASN1_OCTET_STRING(NULL, &at, (long)outer.len);
	struct reader r = reader_of(string_bytes(octets)), list = rd_vec16(&r);
	for (; rd_more(&list); count++)
		(void)rd_vec16(&list);
	bool whole = octets && !list.bad && rd_done(&r);
	ASN1_OCTET_STRING_free(octets);
	return whole ? count : -1;
}

/* RFC 5280 section 4.2.1.9: what does not say so is none; an extension that cannot be read says nothing. */
static int is_ca(X509 *x)
{
	int critical;
	BASIC_CONSTRAINTS *basic = X509_get_ext_d2i(x, NID_basic_constraints, &critical, NULL);
	int absent = critical == -1 ? 0 : -1;
	int ca = basic ? basic->ca != 0 : absent;

	BASIC_CONSTRAINTS_free(basic);
	return ca;
}

/* Its subject is its issuer and its own key made its signature; -1 where libcrypto does not know
 * the key. */
static int is_self_signed(X509 *x)
{
	if (X509_NAME_cmp(X509_get_subject_name(x), X509_get_issuer_name(x)))
		return 0;
	EVP_PKEY *key = X509_get0_pubkey(x);
	if (!key)
		return -1;
	int verdict = X509_verify(x, key);
	return verdict < 0 ? -1 : verdict;
}

static void read_fields(X509 *x, struct certificate *out, struct limit_counts *limits)
{
	const X509_ALGOR *signature;
	const ASN1_OBJECT *object;

	out->parsed = true;
	out->subject = name_text(X509_get_subject_name(x), limits);
	out->issuer = name_text(X509_get_issuer_name(x), limits);
	out->serial = serial_text(X509_get0_serialNumber(x), limits);
	time_text(X509_get0_notBefore(x), out->not_before);
	time_text(X509_get0_notAfter(x), out->not_after);
	X509_get0_signature(NULL, &signature, x);
	X509_ALGOR_get0(&object, NULL, NULL, signature);
	out->signature_algorithm = algorithm_text(object);
	read_key(x, out);
	out->san = san_text(x, limits);
	out->is_ca = is_ca(x);
	out->self_signed = is_self_signed(x);
	out->policy = policy_of(x);
	out->sct_count = count_scts(x);
}

/* Empties libcrypto's queue of errors. */
static bool strings_nest_too_deep(void)
{
	bool found = false;

	for (unsigned long e; (e = ERR_get_error());) {
		int reason = ERR_GET_REASON(e);

		found |= ERR_GET_LIB(e) == ERR_LIB_ASN1 &&
			(reason == ASN1_R_NESTED_ASN1_STRING || reason == ASN1_R_NESTED_TOO_DEEP);
	}
	return found;
}

void certificate_parse(struct bytes der, struct certificate *out, struct limit_counts *limits)
{
	const unsigned char *at = der.at;
	X509 *x = NULL;

	*out = (struct certificate){
		.key_bits = -1, .is_ca = -1, .self_signed = -1, .sct_count = -1
	};
	if (der.len && der.len <= MESSAGE_BYTES_MAX)
		x = d2i_X509(NULL, &at, (long)der.len);
	if (x && (size_t)(at - der.at) == der.len)
		read_fields(x, out, limits);
	X509_free(x);
	if (strings_nest_too_deep())
		bite(limits, LIMIT_DER_DEPTH);
}

void certificate_finish(struct certificate *c)
{
	if (!c)
		return;
	free(c->subject);
	free(c->issuer);
	free(c->serial);
	free(c->key_type);
	free(c->curve);
	free(c->signature_algorithm);
	free(c->san);
	*c = (struct certificate){ 0 };
}
