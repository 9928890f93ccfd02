/* crypto_memory.h: libcrypto's memory is ours (base/xmalloc.h): where none is to be had the program ends and says so. What
 * libcrypto would do instead is fail, and a certificate that is fine would look like one that cannot be read.
 */
#ifndef RECORD_CRYPTO_MEMORY_H
#define RECORD_CRYPTO_MEMORY_H

/* Once, before anything else of libcrypto is used. */
void crypto_memory_checked(void);

#endif
