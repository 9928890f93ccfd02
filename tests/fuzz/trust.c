/* A name, then a chain of certificates with two bytes of length before each, out of strangers' bytes. One judge sees
 * them all, as one reading does. */
#include "diagnose/trust.h"

#include "base/xmalloc.h"

#include <openssl/sha.h>
#include <stdlib.h>

enum { NAME_LEN = 24, MEMBERS = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static struct chain *chain_of(struct reader *r)
{
	struct chain *c = xcalloc(1, sizeof *c + MEMBERS * sizeof c->certificates[0]);

	while (rd_more(r) && c->kept < MEMBERS) {
		struct reader der = rd_vec16(r);
		struct certificate_ref *ref = &c->certificates[c->kept++];

		ref->der = rd_rest(&der);
		SHA256(ref->der.at, ref->der.len, ref->sha256);
	}
	c->count = c->kept;
	return c;
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	struct reader r = reader_of((struct bytes){ at, len });
	struct bytes name = rd_take(&r, len < NAME_LEN ? len : NAME_LEN);
	struct chain *c = chain_of(&r);
	static struct trust *t;
	struct buffer out = { 0 };

	if (!t && !trust_create(&(struct trust_options){ 0 }, &t, NULL))
		abort();
	const struct judgement *j = trust_judge(t, c, INT64_C(1748736000));
	if (j && j->parsed) {
		trust_holds_name(j, name);
		trust_add_names(j, &out);
	}
	trust_judge(t, c, INT64_C(1948736000));
	buffer_finish(&out);
	free(c);
	return 0;
}
