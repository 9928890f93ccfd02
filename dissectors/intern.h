/* intern.h: hellos and chains that repeat are made once. One table a pipeline, used by its thread alone; what is handed to another thread comes back to be released here.
 *
 * At most SHAPES_MAX are kept when nobody uses them; the table forgets all unused ones when it is full.
 */
#ifndef DISSECTORS_INTERN_H
#define DISSECTORS_INTERN_H

#include "base/hash.h"
#include "base/reader.h"
#include "overhear/hello.h"
#include "overhear/limits.h"

struct intern;

struct intern *intern_create(const struct hash_key *key, struct limit_counts *limits);
void intern_destroy(struct intern *in);

/* The hello with this key, one use more; made from the key (hello.h) at its first sight. */
struct hello *intern_hello(struct intern *in, struct bytes key);
void intern_release_hello(struct intern *in, struct hello *h);

/* The chain of these certificates: `list` is the certificate_list of RFC 5246 section 7.4.2, a vector of u24 vectors without its own length (or, with
 * `extensions`, that of RFC 8446 section 4.4.2). A list that is cut gives the certificates that are whole. NULL where there is none. */
struct chain *intern_chain(struct intern *in, struct bytes list, bool extensions);
void intern_release_chain(struct intern *in, struct chain *c);

#endif
