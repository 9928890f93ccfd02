#include "diagnose/judge.h"

#include "base/buffer.h"
#include "base/text.h"
#include "base/xmalloc.h"
#include "diagnose/names.h"

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DAY_S = 86400, SHOWN_NAME_LEN = 64, SHOWN_NAMES = 3 };

static const char *const roles[] = { [ROLE_LEAF] = "leaf", [ROLE_INTERMEDIATE] = "intermediate", [ROLE_ROOT] = "root" };

/* --- parsing --- */

static X509 *parse(struct bytes der)
{
	const unsigned char *at = der.at;
	X509 *x = der.len && der.len <= MESSAGE_BYTES_MAX ? d2i_X509(NULL, &at, (long)der.len) : NULL;

	if (x && (size_t)(at - der.at) == der.len)
		return x;
	X509_free(x);
	return NULL;
}

void parsed_finish(struct parsed *p)
{
	for (size_t i = 0; i < PARSED_REMEMBERED; i++)
		X509_free(p->at[i].x);
	*p = (struct parsed){ 0 };
}

/* Parsing one takes longer than all else about a handshake. */
static X509 *parse_shared(const struct certificate_ref *c, struct parsed *parsed)
{
	struct parsed_certificate *place = &parsed->at[c->sha256[0] % PARSED_REMEMBERED];

	if (!place->x || memcmp(place->sha256, c->sha256, sizeof place->sha256)) {
		X509_free(place->x);
		place->x = parse(c->der);
		memcpy(place->sha256, c->sha256, sizeof place->sha256);
	}
	if (place->x)
		X509_up_ref(place->x);
	return place->x;
}

void certificates_parse(struct certificates *c, const struct chain *chain, struct parsed *parsed)
{
	assert(chain->kept <= CHAIN_LENGTH_MAX);
	c->count = chain->kept;
	for (uint32_t i = 0; i < chain->kept; i++)
		c->at[i] = i ? parse_shared(&chain->certificates[i], parsed) : parse(chain->certificates[i].der);
	ERR_clear_error();
}

void certificates_finish(struct certificates *c)
{
	for (size_t i = 0; i < c->count; i++)
		X509_free(c->at[i]);
	c->count = 0;
}

/* --- texts --- */

static void remark(struct judgement *out, enum finding_code code, enum confidence confidence, int certificate,
		   struct buffer *detail)
{
	const char *text = buffer_text(detail);

	out->remarks = xrealloc(out->remarks, (out->count + 1) * sizeof *out->remarks);
	out->remarks[out->count++] = (struct remark){ .code = (uint8_t)code, .confidence = (uint8_t)confidence,
		.certificate = (int16_t)certificate, .detail = strcpy(xmalloc(strlen(text) + 1), text) };
	buffer_finish(detail);
}

static void add_cut(struct buffer *out, struct bytes b)
{
	bool cut = b.len > SHOWN_NAME_LEN;

	if (cut)
		b.len = SHOWN_NAME_LEN;
	text_add_safe(out, b);
	buffer_add_text(out, cut ? "..." : "");
}

static struct bytes string_bytes(const ASN1_STRING *s)
{
	int len = s ? ASN1_STRING_length(s) : 0;

	return (struct bytes){ len > 0 ? ASN1_STRING_get0_data(s) : NULL, len > 0 ? (size_t)len : 0 };
}

/* The part of a name that people know it by: its common name, else its organisation. */
static void add_name(struct buffer *out, const X509_NAME *name)
{
	static const int parts[] = { NID_commonName, NID_organizationalUnitName, NID_organizationName };

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		int at = X509_NAME_get_index_by_NID(name, parts[i], -1);

		if (at < 0)
			continue;
		buffer_add_text(out, "'");
		add_cut(out, string_bytes(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at))));
		buffer_add_text(out, "'");
		return;
	}
	buffer_add_text(out, "(no name)");
}

static void add_date(struct buffer *out, int64_t time_s)
{
	time_t t = (time_t)time_s;
	struct tm tm;
	char text[32];

	if (gmtime_r(&t, &tm) && strftime(text, sizeof text, "%Y-%m-%d", &tm))
		buffer_add_text(out, text);
}

static const char *plural(int64_t n)
{
	return n == 1 ? "" : "s";
}

/* --- dates --- */

struct validity {
	bool known;
	int64_t from_s, until_s;
};

static bool read_time(const ASN1_TIME *t, int64_t *out)
{
	struct tm tm;

	if (!t || !ASN1_TIME_to_tm(t, &tm))
		return false;
	*out = timegm(&tm);
	return true;
}

static struct validity validity_of(const X509 *x)
{
	struct validity v = { 0 };

	v.known = read_time(X509_get0_notBefore(x), &v.from_s) && read_time(X509_get0_notAfter(x), &v.until_s);
	return v;
}

/* The judgement is good until the next certificate begins or ends. */
static void narrow(struct judging *j, int64_t boundary_s)
{
	if (boundary_s > j->time_s && boundary_s < j->until_s)
		j->until_s = boundary_s;
	if (boundary_s <= j->time_s && boundary_s > j->from_s)
		j->from_s = boundary_s;
}

int64_t trust_soon_days(enum chain_role role, int64_t validity_s)
{
	static const int64_t days[] = { [ROLE_LEAF] = 14, [ROLE_INTERMEDIATE] = 60, [ROLE_ROOT] = 90 };
	int64_t quarter = validity_s / 4 / DAY_S;

	return role == ROLE_LEAF && quarter < days[role] ? quarter : days[role];
}

/* CA/Browser Forum Baseline Requirements, section 6.3.2, and for the older ones their earlier versions. */
int64_t trust_validity_days_max(int64_t issued_s)
{
	static const struct {
		int64_t before_s;
		int64_t days;
	} limits[] = {
		{ 1427846400, 1827 },	/* 2015-04-01: 60 months */
		{ 1519862400, 1188 },	/* 2018-03-01: 39 months */
		{ 1598918400, 825 },	/* 2020-09-01 */
		{ 1773532800, 398 },	/* 2026-03-15 */
		{ 1805068800, 200 },	/* 2027-03-15 */
		{ 1868227200, 100 },	/* 2029-03-15 */
	};

	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
		if (issued_s < limits[i].before_s)
			return limits[i].days;
	return 47;
}

static bool is_self_issued(X509 *x)
{
	return !X509_NAME_cmp(X509_get_subject_name(x), X509_get_issuer_name(x));
}

static enum chain_role role_of(X509 *x, int position)
{
	if (position == 0)
		return ROLE_LEAF;
	return is_self_issued(x) ? ROLE_ROOT : ROLE_INTERMEDIATE;
}

static void judge_dates(struct judging *j, struct judgement *out, X509 *x, int position)
{
	struct validity v = validity_of(x);
	enum chain_role role = role_of(x, position);
	struct buffer detail = { 0 };

	if (!v.known)
		return;
	narrow(j, v.from_s);
	/* The last second is still a part of it (RFC 5280 section 4.1.2.5). */
	narrow(j, v.until_s + 1);
	int64_t left = (v.until_s - j->time_s) / DAY_S, over = (j->time_s - v.until_s) / DAY_S;
	int certificate = position < 0 ? FINDING_NO_CERTIFICATE : position;

	buffer_add_format(&detail, "the %s ", roles[role]);
	add_name(&detail, X509_get_subject_name(x));
	if (j->time_s > v.until_s) {
		out->flaws |= FLAW_EXPIRED;
		buffer_add_text(&detail, " expired on ");
		add_date(&detail, v.until_s);
		buffer_add_format(&detail, ", %lld day%s before", (long long)over, plural(over));
		remark(out, CERTIFICATE_EXPIRED, CONFIDENCE_CERTAIN, certificate, &detail);
	} else if (j->time_s < v.from_s) {
		out->flaws |= FLAW_NOT_YET_VALID;
		buffer_add_text(&detail, " is valid from ");
		add_date(&detail, v.from_s);
		buffer_add_text(&detail, " on");
		remark(out, CERTIFICATE_NOT_YET_VALID, CONFIDENCE_CERTAIN, certificate, &detail);
	} else if (left < trust_soon_days(role, v.until_s - v.from_s)) {
		buffer_add_text(&detail, " expires on ");
		add_date(&detail, v.until_s);
		buffer_add_format(&detail, ", %lld day%s later", (long long)left, plural(left));
		remark(out, EXPIRES_SOON, CONFIDENCE_CERTAIN, certificate, &detail);
	}
	buffer_finish(&detail);
}

static void judge_validity(struct judgement *out, X509 *leaf)
{
	struct validity v = validity_of(leaf);
	struct buffer detail = { 0 };

	if (!out->trusted || !v.known || v.until_s < v.from_s)
		return;
	int64_t max = trust_validity_days_max(v.from_s);
	/* Section 6.3.2 counts days of 86,400 seconds, a fraction of one as a whole. */
	if (v.until_s - v.from_s + 1 <= max * DAY_S)
		return;
	buffer_add_format(&detail, "valid for %lld days, issued on ", (long long)((v.until_s - v.from_s + DAY_S) / DAY_S));
	add_date(&detail, v.from_s);
	buffer_add_format(&detail, ", when %lld were the most", (long long)max);
	remark(out, VALIDITY_TOO_LONG, CONFIDENCE_CERTAIN, 0, &detail);
}

/* --- keys and signatures --- */

static int least_bits(int type)
{
	static const struct {
		int type, bits;
	} least[] = { { EVP_PKEY_RSA, 2048 }, { EVP_PKEY_RSA_PSS, 2048 }, { EVP_PKEY_DSA, 2048 }, { EVP_PKEY_EC, 224 } };

	for (size_t i = 0; i < sizeof least / sizeof *least; i++)
		if (least[i].type == type)
			return least[i].bits;
	return 0;
}

static void judge_key(struct judgement *out, X509 *x, int position)
{
	EVP_PKEY *key = X509_get0_pubkey(x);
	struct buffer detail = { 0 };

	if (!key || EVP_PKEY_get_bits(key) >= least_bits(EVP_PKEY_get_base_id(key)))
		return;
	buffer_add_format(&detail, "the %s ", roles[role_of(x, position)]);
	add_name(&detail, X509_get_subject_name(x));
	buffer_add_format(&detail, " has a key of %d bits", EVP_PKEY_get_bits(key));
	remark(out, WEAK_KEY, CONFIDENCE_CERTAIN, position, &detail);
}

/* Nobody looks at a root's signature: it is trusted for being there. */
static void judge_signature(struct judgement *out, X509 *x, int position)
{
	int hash = NID_undef;
	struct buffer detail = { 0 };

	if (is_self_issued(x) || !X509_get_signature_info(x, &hash, NULL, NULL, NULL))
		return;
	if (hash != NID_md2 && hash != NID_md4 && hash != NID_md5 && hash != NID_sha1)
		return;
	buffer_add_format(&detail, "the %s ", roles[role_of(x, position)]);
	add_name(&detail, X509_get_subject_name(x));
	buffer_add_format(&detail, " is signed over %s", OBJ_nid2sn(hash));
	remark(out, WEAK_SIGNATURE, CONFIDENCE_CERTAIN, position, &detail);
}

/* --- the name asked for --- */

static bool holds_name(const GENERAL_NAMES *names, struct bytes host)
{
	uint8_t address[16];
	size_t len = name_address(host, address);

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);

		if (len && n->type == GEN_IPADD && bytes_equal(string_bytes(n->d.iPAddress), (struct bytes){ address, len }))
			return true;
		if (!len && n->type == GEN_DNS && name_matches(string_bytes(n->d.dNSName), host))
			return true;
	}
	return false;
}

static void add_names(struct buffer *out, const GENERAL_NAMES *names)
{
	int shown = 0, more = 0;

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);

		if (n->type != GEN_DNS || shown == SHOWN_NAMES) {
			more++;
			continue;
		}
		buffer_add_text(out, shown++ ? ", '" : "'");
		add_cut(out, string_bytes(n->d.dNSName));
		buffer_add_text(out, "'");
	}
	if (more)
		buffer_add_format(out, "%s%d %s", shown ? " and " : "", more, shown ? "more" : more == 1 ? "other name" : "other names");
	else if (!shown)
		buffer_add_text(out, "no name at all (it has no subject alternative names)");
}

bool trust_holds_name(const struct judgement *j, struct bytes name)
{
	return holds_name(j->names, name);
}

void trust_add_names(const struct judgement *j, struct buffer *out)
{
	add_names(out, j->names);
}

/* --- the order of the chain --- */

static bool issued(X509 *issuer, X509 *child)
{
	return issuer && !X509_NAME_cmp(X509_get_subject_name(issuer), X509_get_issuer_name(child));
}

static int find_issuer(const struct certificates *c, size_t child)
{
	for (size_t i = 0; i < c->count; i++)
		if (i != child && issued(c->at[i], c->at[child]))
			return (int)i;
	return -1;
}

/* A certificate whose issuer was sent too, but not right behind it. */
static void judge_order(const struct certificates *c, struct judgement *out)
{
	struct buffer detail = { 0 };

	for (size_t i = 0; i + 1 < c->count; i++) {
		if (!c->at[i] || is_self_issued(c->at[i]) || issued(c->at[i + 1], c->at[i]))
			continue;
		int at = find_issuer(c, i);
		if (at < 0)
			continue;
		buffer_add_format(&detail, "the issuer of certificate %zu stands at place %d", i, at);
		remark(out, CHAIN_MISORDERED, CONFIDENCE_CERTAIN, (int)i, &detail);
		return;
	}
}

static void judge_root_sent(const struct certificates *c, struct judgement *out)
{
	struct buffer detail = { 0 };

	for (size_t i = 1; i < c->count; i++) {
		if (!c->at[i] || !is_self_issued(c->at[i]))
			continue;
		buffer_add_text(&detail, "");
		add_name(&detail, X509_get_subject_name(c->at[i]));
		buffer_add_format(&detail, " at place %zu costs %d bytes", i, i2d_X509(c->at[i], NULL));
		remark(out, CHAIN_HAS_ROOT, CONFIDENCE_CERTAIN, (int)i, &detail);
		return;
	}
}

/* --- the path to a root --- */

/* What libcrypto said on its way; it goes on after each error. */
struct path {
	bool no_issuer, self_signed_leaf, self_signed_root;
	int other;			/* the first error that is none of these and not about dates; 0 */
};

static int note_error(int fine, X509_STORE_CTX *context)
{
	struct path *path = X509_STORE_CTX_get_ex_data(context, 0);
	int error = X509_STORE_CTX_get_error(context);

	if (fine)
		return 1;
	switch (error) {
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_CERT_UNTRUSTED:
		path->no_issuer = true;
		break;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		path->self_signed_leaf = true;
		break;
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		path->self_signed_root = true;
		break;
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		break;
	default:
		if (!path->other)
			path->other = error;
	}
	return 1;
}

static int position_of(const struct certificates *c, const X509 *x)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->at[i] && !X509_cmp(c->at[i], x))
			return (int)i;
	return -1;
}

static void keep_issuer(const struct judging *j, struct judgement *out, X509 *top)
{
	struct buffer text = { 0 };
	const unsigned char *der = NULL;
	size_t len = 0;
	X509_NAME *name = X509_get_issuer_name(top);

	if (X509_NAME_get0_der(name, &der, &len))
		out->issuer = hash_bytes(j->key, der, len);
	add_name(&text, name);
	out->issuer_text = strcpy(xmalloc(text.len + 1), buffer_text(&text));
	buffer_finish(&text);
}

static void remark_on_issuer(const struct judging *j, struct judgement *out, X509 *top)
{
	X509 *seen = j->find_authority(j->context, top);
	struct buffer detail = { 0 };
	bool incomplete = seen ? !is_self_issued(seen) : j->certificates->count == 1;

	buffer_add_format(&detail, "no certificate of the issuer ");
	add_name(&detail, X509_get_issuer_name(top));
	if (seen)
		buffer_add_format(&detail, ": other handshakes show it, %s", incomplete ? "this server does not send it"
											  : "as a root that is not trusted");
	else
		buffer_add_format(&detail, " %s", incomplete ? "was sent with the leaf" : "is among the trusted roots");
	out->flaws |= incomplete ? FLAW_INCOMPLETE : FLAW_UNTRUSTED;
	remark(out, incomplete ? CHAIN_INCOMPLETE : ISSUER_UNTRUSTED, seen || !incomplete ? CONFIDENCE_CERTAIN : CONFIDENCE_LIKELY,
	       position_of(j->certificates, top), &detail);
}

static void remark_on_path(const struct judging *j, struct judgement *out, const struct path *path, X509 *top)
{
	struct buffer detail = { 0 };

	if (path->self_signed_leaf) {
		out->flaws |= FLAW_SELF_SIGNED;
		add_name(&detail, X509_get_subject_name(top));
		buffer_add_text(&detail, " signed itself and is no trusted root");
		remark(out, SELF_SIGNED, CONFIDENCE_CERTAIN, 0, &detail);
	} else if (path->self_signed_root) {
		out->flaws |= FLAW_UNTRUSTED;
		buffer_add_text(&detail, "the chain ends in the root ");
		add_name(&detail, X509_get_subject_name(top));
		buffer_add_text(&detail, ", which is not trusted");
		remark(out, ISSUER_UNTRUSTED, CONFIDENCE_CERTAIN, position_of(j->certificates, top), &detail);
	} else if (path->no_issuer) {
		remark_on_issuer(j, out, top);
	} else if (path->other) {
		out->flaws |= FLAW_OTHER;
	}
}

/* The dates of what was sent are judged by the caller; of the rest of the path only a root's is new. */
static void follow_path(struct judging *j, struct judgement *out, const struct path *path, STACK_OF(X509) *built)
{
	int length = built ? sk_X509_num(built) : 0;
	X509 *top = length ? sk_X509_value(built, length - 1) : j->certificates->at[0];

	out->trusted = !path->no_issuer && !path->self_signed_leaf && !path->self_signed_root && !path->other;
	keep_issuer(j, out, top);
	remark_on_path(j, out, path, top);
	for (int i = 0; i < length; i++) {
		X509 *x = sk_X509_value(built, i);

		judge_dates(j, out, x, i ? position_of(j->certificates, x) : 0);
	}
}

static void judge_path(struct judging *j, struct judgement *out)
{
	const struct certificates *c = j->certificates;
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	STACK_OF(X509) *others = sk_X509_new_null();
	struct path path = { 0 };

	for (size_t i = 1; others && i < c->count; i++)
		if (c->at[i])
			sk_X509_push(others, c->at[i]);
	if (context && others && X509_STORE_CTX_init(context, j->roots, c->at[0], others)) {
		X509_STORE_CTX_set_time(context, 0, (time_t)j->time_s);
		X509_STORE_CTX_set_ex_data(context, 0, &path);
		X509_STORE_CTX_set_verify_cb(context, note_error);
		X509_verify_cert(context);
		follow_path(j, out, &path, X509_STORE_CTX_get0_chain(context));
	}
	X509_STORE_CTX_free(context);
	sk_X509_free(others);
}

/* Without roots there is no path: only what each certificate says of itself. */
static void judge_dates_alone(struct judging *j, struct judgement *out)
{
	for (size_t i = 0; i < j->certificates->count; i++)
		if (j->certificates->at[i])
			judge_dates(j, out, j->certificates->at[i], (int)i);
	keep_issuer(j, out, j->certificates->at[0]);
}

static bool has_embedded_scts(X509 *leaf)
{
	return X509_get_ext_by_NID(leaf, NID_ct_precert_scts, -1) >= 0;
}

void judge(struct judging *j, struct judgement *out)
{
	const struct certificates *c = j->certificates;
	X509 *leaf = c->at[0];

	if (!leaf)
		return;
	EVP_PKEY *key = X509_get0_pubkey(leaf);
	out->parsed = true;
	out->roots = j->roots != NULL;
	out->leaf_rsa = key && (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA || EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA_PSS);
	out->leaf_ec = key && EVP_PKEY_get_base_id(key) == EVP_PKEY_EC;
	out->has_scts = has_embedded_scts(leaf);
	if (j->roots)
		judge_path(j, out);
	else
		judge_dates_alone(j, out);
	out->names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
	for (size_t i = 0; i < c->count; i++) {
		if (!c->at[i])
			continue;
		judge_key(out, c->at[i], (int)i);
		judge_signature(out, c->at[i], (int)i);
	}
	judge_validity(out, leaf);
	judge_order(c, out);
	judge_root_sent(c, out);
}
