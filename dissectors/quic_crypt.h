/* quic_crypt.h: how QUIC packets are protected (RFC 9001 section 5): keys from secrets, and packets
 * opened with them.
 */
#ifndef DISSECTORS_QUIC_CRYPT_H
#define DISSECTORS_QUIC_CRYPT_H

#include "base/buffer.h"
#include "base/reader.h"
#include "dissectors/crypto.h"
#include "dissectors/quic_packet.h"

#include <stdbool.h>
#include <stdint.h>

struct quic_keys {
	uint8_t aead; /* enum aead; AEAD_NONE: no keys */
	uint8_t key[KEY_LEN_MAX], iv[NONCE_LEN], hp[KEY_LEN_MAX];
};

/* Of 1-RTT packets: the secret is what the next generation of keys follows from. */
struct quic_generation {
	struct quic_keys keys;
	uint8_t secret[HASH_LEN_MAX], secret_len;
};

/* RFC 9001 section 5.2: those of Initial packets, by enum sender; dcid is that of the client's
 * first one. */
bool quic_keys_initial(struct crypto *c, const struct quic_version *v, struct bytes dcid,
		       struct quic_keys keys[2]);
/* RFC 9001 section 5.1: from a traffic secret of the TLS handshake; false where the suite is none
 * of TLS 1.3. */
bool quic_keys_from_secret(struct crypto *c, const struct quic_version *v, uint16_t suite,
			   struct bytes secret, struct quic_keys *keys);

/* RFC 9001 section 6.1: a new secret, key and iv; the key of the header's protection stays. */
bool quic_keys_update(struct crypto *c, const struct quic_version *v, uint16_t suite, struct quic_generation *g);

/* Opens a packet whose number stands at p->number_at. largest: the largest packet number so far of that kind and
 * sender, or -1; raised where it opens. The payload lies in `room`. False where the packet is not
 * what it should be. */
bool quic_open(struct crypto *c, const struct quic_keys *keys, const struct quic_packet *p,
	       int64_t *largest, struct buffer *room, struct bytes *payload);
/* The same for a packet whose end was not captured (p->cut): what there is of it, which nothing proves. False where its
 * header is not what it should be. */
bool quic_open_cut(struct crypto *c, const struct quic_keys *keys, const struct quic_packet *p,
		   int64_t largest, struct buffer *room, struct bytes *payload);
/* Is this Retry an answer to a packet with this DCID? (RFC 9001 section 5.8) */
bool quic_retry_is_genuine(struct crypto *c, const struct quic_packet *p,
			   struct bytes original_dcid, struct buffer *room);

#endif
