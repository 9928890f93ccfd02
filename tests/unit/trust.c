#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "diagnose/trust.h"
#include "pki.h"

#include <unistd.h>

struct place {
	struct made root, intermediate, leaf, stranger;
	char roots[64];
	struct trust *trust;
};

static int make_place(void **state)
{
	struct place *p = calloc(1, sizeof *p);
	struct error error;

	p->root = make_certificate((struct wish){ .subject = "Root", .authority = true, .until_s = NOW_S + DAYS(4000) }, NULL);
	p->stranger = make_certificate((struct wish){ .subject = "Stranger", .authority = true, .until_s = NOW_S + DAYS(4000) }, NULL);
	p->intermediate = make_certificate((struct wish){ .subject = "Between", .authority = true, .until_s = NOW_S + DAYS(1000) },
					   &p->root);
	p->leaf = make_certificate((struct wish){ .subject = "a", .names = "DNS:a.test,DNS:*.b.test,IP:192.0.2.1" },
				   &p->intermediate);
	write_pem(&p->root, p->roots);
	*state = p;
	return trust_create(&(struct trust_options){ .ca_file = p->roots }, &p->trust, &error) ? 0 : -1;
}

static int remove_place(void **state)
{
	struct place *p = *state;

	trust_destroy(p->trust);
	unlink(p->roots);
	free_certificate(&p->root);
	free_certificate(&p->intermediate);
	free_certificate(&p->leaf);
	free_certificate(&p->stranger);
	free(p);
	return 0;
}

/* The judgement of a chain of up to four, at NOW_S unless another second is given. */
#define JUDGE(p, ...) judge_chain((p)->trust, (const struct made *[]){ __VA_ARGS__, NULL }, NOW_S)

static const struct judgement *judge_chain(struct trust *t, const struct made *const *members, int64_t second)
{
	size_t count = 0;

	while (members[count])
		count++;
	struct chain *c = make_chain(members, count);
	const struct judgement *j = trust_judge(t, c, second);
	free_chain(c);
	return j;
}

static const struct remark *remark_of(const struct judgement *j, enum finding_code code)
{
	for (size_t i = 0; i < j->count; i++)
		if (j->remarks[i].code == code)
			return &j->remarks[i];
	return NULL;
}

static void a_sound_chain_leads_to_a_root(void **state)
{
	struct place *p = *state;
	const struct judgement *j = JUDGE(p, &p->leaf, &p->intermediate);

	assert_true(j->parsed && j->roots && j->trusted);
	assert_int_equal(j->flaws, 0);
	assert_int_equal(j->count, 0);
}

static void no_chain_has_no_judgement(void **state)
{
	struct place *p = *state;

	assert_null(trust_judge(p->trust, NULL, NOW_S));
}

static void each_member_has_its_own_end(void **state)
{
	struct place *p = *state;
	const struct made *chain[] = { &p->leaf, &p->intermediate, NULL };
	const struct judgement *j = judge_chain(p->trust, chain, NOW_S + DAYS(2000));

	assert_int_equal(j->flaws, FLAW_EXPIRED);
	assert_true(j->trusted);
	assert_int_equal(j->remarks[0].certificate, 0);
	assert_int_equal(j->remarks[1].certificate, 1);
	assert_string_equal(j->remarks[1].detail, "the intermediate 'Between' expired on 2028-02-26, 1000 days before");
}

static void a_root_that_ends_soon_is_told_though_it_was_not_sent(void **state)
{
	struct place *p = *state;
	const struct made *chain[] = { &p->leaf, &p->intermediate, NULL };
	const struct judgement *j = judge_chain(p->trust, chain, NOW_S + DAYS(3950));
	const struct remark *r = remark_of(j, EXPIRES_SOON);

	assert_non_null(r);
	assert_int_equal(r->certificate, FINDING_NO_CERTIFICATE);
	assert_non_null(strstr(r->detail, "the root 'Root' expires"));
}

static void a_judgement_changes_at_the_very_second(void **state)
{
	struct place *p = *state;
	const struct made *chain[] = { &p->leaf, &p->intermediate, NULL };

	assert_int_equal(judge_chain(p->trust, chain, NOW_S + DAYS(80))->flaws, 0);
	assert_int_equal(judge_chain(p->trust, chain, NOW_S + DAYS(80) + 1)->flaws, FLAW_EXPIRED);
	assert_int_equal(judge_chain(p->trust, chain, NOW_S + DAYS(80))->flaws, 0);
	assert_int_equal(judge_chain(p->trust, chain, NOW_S - DAYS(10))->flaws, 0);
	assert_int_equal(judge_chain(p->trust, chain, NOW_S - DAYS(10) - 1)->flaws, FLAW_NOT_YET_VALID);
}

static void a_leaf_alone_is_incomplete_by_default(void **state)
{
	struct place *p = *state;
	const struct judgement *j = JUDGE(p, &p->leaf);

	assert_int_equal(j->flaws, FLAW_INCOMPLETE);
	assert_int_equal(remark_of(j, CHAIN_INCOMPLETE)->confidence, CONFIDENCE_LIKELY);
}

static void an_intermediate_seen_elsewhere_proves_a_chain_incomplete(void **state)
{
	struct place *p = *state;

	JUDGE(p, &p->leaf);
	JUDGE(p, &p->leaf, &p->intermediate);
	const struct judgement *j = JUDGE(p, &p->leaf);
	assert_int_equal(j->flaws, FLAW_INCOMPLETE);
	assert_false(j->trusted);
	assert_int_equal(remark_of(j, CHAIN_INCOMPLETE)->confidence, CONFIDENCE_CERTAIN);
}

static void a_longer_chain_without_a_root_is_untrusted(void **state)
{
	struct place *p = *state;
	struct made between = make_certificate((struct wish){ .subject = "Other", .authority = true }, &p->stranger);
	struct made leaf = make_certificate((struct wish){ .subject = "b", .names = "DNS:b.test" }, &between);
	const struct judgement *j = JUDGE(p, &leaf, &between);

	assert_int_equal(j->flaws, FLAW_UNTRUSTED);
	assert_non_null(remark_of(j, ISSUER_UNTRUSTED));
	j = JUDGE(p, &leaf, &between, &p->stranger);
	assert_int_equal(j->flaws, FLAW_UNTRUSTED);
	assert_non_null(remark_of(j, CHAIN_HAS_ROOT));
	free_certificate(&leaf);
	free_certificate(&between);
}

static void a_leaf_that_signs_itself_is_self_signed(void **state)
{
	struct place *p = *state;
	struct made leaf = make_certificate((struct wish){ .subject = "b", .names = "DNS:b.test" }, NULL);

	assert_int_equal(JUDGE(p, &leaf)->flaws, FLAW_SELF_SIGNED);
	assert_int_equal(JUDGE(p, &p->root)->flaws, 0);
	free_certificate(&leaf);
}

static void the_order_is_told_only_where_it_is_wrong(void **state)
{
	struct place *p = *state;
	struct made deeper = make_certificate((struct wish){ .subject = "Deeper", .authority = true }, &p->intermediate);
	struct made leaf = make_certificate((struct wish){ .subject = "b", .names = "DNS:b.test" }, &deeper);

	assert_null(remark_of(JUDGE(p, &leaf, &deeper, &p->intermediate), CHAIN_MISORDERED));
	const struct judgement *j = JUDGE(p, &leaf, &p->intermediate, &deeper);
	assert_non_null(remark_of(j, CHAIN_MISORDERED));
	assert_int_equal(j->flaws, 0);
	/* A certificate that has nothing to do with the chain is no disorder. */
	assert_null(remark_of(JUDGE(p, &p->leaf, &p->stranger), CHAIN_MISORDERED));
	free_certificate(&leaf);
	free_certificate(&deeper);
}

static void short_keys_and_broken_hashes_are_told(void **state)
{
	struct place *p = *state;
	struct made leaf = make_certificate((struct wish){ .subject = "b", .names = "DNS:b.test", .rsa_bits = 1024,
							   .hash = EVP_sha1() }, &p->intermediate);
	const struct judgement *j = JUDGE(p, &leaf, &p->intermediate);

	assert_string_equal(remark_of(j, WEAK_KEY)->detail, "the leaf 'b' has a key of 1024 bits");
	assert_string_equal(remark_of(j, WEAK_SIGNATURE)->detail, "the leaf 'b' is signed over SHA1");
	assert_null(remark_of(JUDGE(p, &p->leaf, &p->intermediate), WEAK_KEY));
	free_certificate(&leaf);
}

static void a_root_may_be_signed_with_anything(void **state)
{
	struct place *p = *state;
	struct made root = make_certificate((struct wish){ .subject = "Old", .authority = true, .hash = EVP_sha1() }, NULL);

	assert_null(remark_of(JUDGE(p, &root), WEAK_SIGNATURE));
	free_certificate(&root);
}

static void names_are_alternative_names_alone(void **state)
{
	struct place *p = *state;
	const struct judgement *j = JUDGE(p, &p->leaf, &p->intermediate);

#define HOLDS(name) trust_holds_name(j, (struct bytes){ (const uint8_t *)(name), strlen(name) })
	assert_true(HOLDS("a.test"));
	assert_true(HOLDS("x.b.test"));
	assert_true(HOLDS("192.0.2.1"));
	assert_false(HOLDS("192.0.2.2"));
	/* The common name. */
	assert_false(HOLDS("a"));
#undef HOLDS
}

static void validity_is_limited_by_the_date_of_issue(void **state)
{
	struct place *p = *state;
	struct wish w = { .subject = "b", .names = "DNS:b.test", .from_s = NOW_S - DAYS(1), .until_s = NOW_S - DAYS(1) + DAYS(398) - 1 };
	struct made fits = make_certificate(w, &p->intermediate);

	w.until_s++;
	struct made exceeds = make_certificate(w, &p->intermediate);
	assert_null(remark_of(JUDGE(p, &fits, &p->intermediate), VALIDITY_TOO_LONG));
	assert_non_null(remark_of(JUDGE(p, &exceeds, &p->intermediate), VALIDITY_TOO_LONG));
	/* Nobody limits a private CA. */
	assert_null(remark_of(JUDGE(p, &exceeds), VALIDITY_TOO_LONG));
	free_certificate(&fits);
	free_certificate(&exceeds);
	assert_int_equal(trust_validity_days_max(1598918399), 825);
	assert_int_equal(trust_validity_days_max(1598918400), 398);
	assert_int_equal(trust_validity_days_max(1773532800), 200);
	assert_int_equal(trust_validity_days_max(1805068800), 100);
	assert_int_equal(trust_validity_days_max(1868227200), 47);
}

static void soon_is_sooner_for_short_lives(void **state)
{
	(void)state;
	assert_int_equal(trust_soon_days(ROLE_LEAF, DAYS(398)), 14);
	assert_int_equal(trust_soon_days(ROLE_LEAF, DAYS(6)), 1);
	assert_int_equal(trust_soon_days(ROLE_INTERMEDIATE, DAYS(6)), 60);
	assert_int_equal(trust_soon_days(ROLE_ROOT, DAYS(6)), 90);
}

static void what_is_no_certificate_is_not_judged(void **state)
{
	struct place *p = *state;
	struct chain *c = make_chain((const struct made *[]){ &p->leaf }, 1);

	c->certificates[0].der.len--;
	c->certificates[0].sha256[0] ^= 1;
	const struct judgement *j = trust_judge(p->trust, c, NOW_S);
	assert_false(j->parsed);
	assert_int_equal(j->count, 0);
	c->certificates[0].der.len++;
	free_chain(c);
}

static void roots_that_cannot_be_read_are_an_error(void **state)
{
	struct error error = { 0 };
	struct trust *t = NULL;

	(void)state;
	assert_false(trust_create(&(struct trust_options){ .ca_file = "/nowhere/roots.pem" }, &t, &error));
	assert_int_equal(error.status, EXIT_IO);
	assert_false(trust_create(&(struct trust_options){ .ca_path = "/nowhere" }, &t, &error));
	assert_null(t);
}

/* Moves the PEM file where 'openssl rehash' would have put it, had it the subject of `named`. */
static void move_to(const char *pem, const char *folder, const struct made *named, char path[96])
{
	snprintf(path, 96, "%s/%08lx.0", folder, X509_NAME_hash_ex(X509_get_subject_name(named->x), NULL, NULL, NULL));
	assert_int_equal(rename(pem, path), 0);
}

static void a_system_folder_adds_to_its_bundle_what_that_does_not_name(void **state)
{
	struct place *p = *state;
	struct made unnamed = make_certificate((struct wish){ .subject = "Unnamed", .authority = true, .until_s = NOW_S + DAYS(4000) }, NULL);
	struct made of_stranger = make_certificate((struct wish){ .subject = "s", .names = "DNS:s.test" }, &p->stranger);
	struct made of_unnamed = make_certificate((struct wish){ .subject = "u", .names = "DNS:u.test" }, &unnamed);
	char folder[] = "/tmp/overhear-roots-XXXXXX", pem[64], paths[2][96];
	struct trust *t = NULL;

	assert_non_null(mkdtemp(folder));
	write_pem(&p->stranger, pem);
	move_to(pem, folder, &p->stranger, paths[0]);
	write_pem(&unnamed, pem);
	move_to(pem, folder, &p->root, paths[1]);
	setenv(X509_get_default_cert_file_env(), p->roots, 1);
	setenv(X509_get_default_cert_dir_env(), folder, 1);
	assert_true(trust_create(&(struct trust_options){ 0 }, &t, NULL));
	assert_true(judge_chain(t, (const struct made *[]){ &p->leaf, &p->intermediate, NULL }, NOW_S)->trusted);
	assert_true(judge_chain(t, (const struct made *[]){ &of_stranger, NULL }, NOW_S)->trusted);
	assert_false(judge_chain(t, (const struct made *[]){ &of_unnamed, NULL }, NOW_S)->trusted);
	trust_destroy(t);
	unsetenv(X509_get_default_cert_file_env());
	unsetenv(X509_get_default_cert_dir_env());
	unlink(paths[0]);
	unlink(paths[1]);
	rmdir(folder);
	free_certificate(&unnamed);
	free_certificate(&of_stranger);
	free_certificate(&of_unnamed);
}

int main(void)
{
#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)
	const struct CMUnitTest tests[] = {
		WITH_PLACE(a_sound_chain_leads_to_a_root),
		WITH_PLACE(a_system_folder_adds_to_its_bundle_what_that_does_not_name),
		WITH_PLACE(no_chain_has_no_judgement),
		WITH_PLACE(each_member_has_its_own_end),
		WITH_PLACE(a_root_that_ends_soon_is_told_though_it_was_not_sent),
		WITH_PLACE(a_judgement_changes_at_the_very_second),
		WITH_PLACE(a_leaf_alone_is_incomplete_by_default),
		WITH_PLACE(an_intermediate_seen_elsewhere_proves_a_chain_incomplete),
		WITH_PLACE(a_longer_chain_without_a_root_is_untrusted),
		WITH_PLACE(a_leaf_that_signs_itself_is_self_signed),
		WITH_PLACE(the_order_is_told_only_where_it_is_wrong),
		WITH_PLACE(short_keys_and_broken_hashes_are_told),
		WITH_PLACE(a_root_may_be_signed_with_anything),
		WITH_PLACE(names_are_alternative_names_alone),
		WITH_PLACE(validity_is_limited_by_the_date_of_issue),
		cmocka_unit_test(soon_is_sooner_for_short_lives),
		WITH_PLACE(what_is_no_certificate_is_not_judged),
		cmocka_unit_test(roots_that_cannot_be_read_are_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
