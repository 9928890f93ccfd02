/* secrets.h: from what the key log holds of a handshake to the keys of its records, whatever carries them. Waiting for
 * secrets that come later is the carrier's.
 */
#ifndef DISSECTORS_SECRETS_H
#define DISSECTORS_SECRETS_H

#include "dissectors/env.h"
#include "dissectors/keys.h"

/* TLS 1.3 and DTLS 1.3: before and after a sender's Finished. */
enum secret_epoch { SECRET_EPOCH_HANDSHAKE, SECRET_EPOCH_APPLICATION };

enum secret_kind secret_kind_of(enum sender sender, enum secret_epoch epoch);
/* Looks into the key log, and again where more may have come: at once if that is urgent. Borrowed as
 * keylog_find() says. */
bool secret_find(const struct tls_env *env, const struct handshake *h, enum secret_kind kind, bool urgent,
		 struct bytes *out);
/* RFC 5246 section 7.4.7.1: where EncryptedPreMasterSecret of a ClientKeyExchange begins; empty for none. */
struct bytes secret_premaster_id(const struct handshake *h, struct bytes client_key_exchange);
/* SSL 3.0 to TLS 1.2: the keys of one side. `urgent` as above, `premaster_id` is what the function above gave, or NULL. False where the
 * secret is missing, or the suite is not known. */
bool secret_record_keys(struct tls_env *env, const struct handshake *h, const uint8_t *premaster_id,
			enum sender sender, bool urgent, struct record_keys *out);
/* (D)TLS 1.3: the keys that a traffic secret gives. */
bool secret_traffic_keys(struct tls_env *env, const struct handshake *h, struct bytes secret, struct record_keys *out);
/* The client offered to be asked for its certificate late (RFC 8446 section 4.6.2). */
bool secret_may_ask_late(const struct handshake *h);

#endif
