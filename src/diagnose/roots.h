/* roots.h: the trusted roots. A system has some 150 and a capture's chains lead to a few: a root is parsed
 * when a chain first asks for its name, which is what costs; before, only its name is known.
 */
#ifndef DIAGNOSE_ROOTS_H
#define DIAGNOSE_ROOTS_H

#include <openssl/x509_vfy.h>
#include <stddef.h>

struct roots;

struct roots *roots_create(void);
void roots_destroy(struct roots *r);
/* Certificates in PEM. How many there are; 0 where nothing can be read. */
size_t roots_add_file(struct roots *r, const char *path);
size_t roots_add_folder(struct roots *r, const char *folder);
/* The same for a folder that stands beside a bundle, which was read before: files whose name says that their subject is among
 * the roots already are not opened. */
size_t roots_add_bundled_folder(struct roots *r, const char *folder);
/* For verifying; the roots' own. */
X509_STORE *roots_store(struct roots *r);

#endif
