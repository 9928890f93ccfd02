/* rest.h: a struct kept as its difference from a blank one of its kind: three levels of masks say
 * which groups of eight words, which words of a group and which bytes of a word differ, and only
 * those bytes are stored (XORed with the blank's). Exact to the byte, padding included. Reads and
 * writes only this program's own memory.
 */
#ifndef FLOW_REST_H
#define FLOW_REST_H

#include <stddef.h>
#include <stdint.h>

/* Bytes behind a packed struct that are read or written over with what does not matter: they
 * must be there. */
enum { REST_SLACK = 8 };

/* The most bytes, slack included, that rest_pack() touches for a struct of this size. */
size_t rest_bound(size_t size);
/* size is a multiple of 8. Returns the bytes that count. */
size_t rest_pack(const void *at, const void *blank, size_t size, uint8_t *out);
/* Returns the bytes read. */
size_t rest_unpack(const uint8_t *packed, const void *blank, size_t size, void *out);

#endif
