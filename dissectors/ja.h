/* ja.h: JA3 and JA3S (MD5 over a hello's lists) and JA4 (the client one; sorted lists, so that shuffling extensions does not change it).
 * GREASE (RFC 8701) is left out everywhere, for JA4 also among the signature schemes.
 */
#ifndef DISSECTORS_JA_H
#define DISSECTORS_JA_H

#include "dissectors/hello.h"

/* Fills ja3 (for a server JA3S) and ja4 from the hello's lists and key. */
void ja_fill(struct hello *h, enum hello_kind kind);

#endif
