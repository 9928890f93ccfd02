/* tls_parts.h: what the files of the record layer share: tls.c (framing), tls_sealed.c (records opened with the
 * user's secrets). Not for others.
 */
#ifndef DISSECTORS_TLS_PARTS_H
#define DISSECTORS_TLS_PARTS_H

#include "dissectors/tls.h"

enum record_type {
	RECORD_CHANGE_CIPHER_SPEC = 20,
	RECORD_ALERT = 21,
	RECORD_HANDSHAKE = 22,
	RECORD_APPLICATION_DATA = 23,
	RECORD_HEARTBEAT = 24,
	RECORD_SSL2 = 1,
};

/* ---- tls.c ---- */

enum sender tls_sender_of(const struct tls *t, unsigned end);
/* The content of a record, as of side[end].opened. */
void tls_messages(struct tls *t, struct tls_env *env, unsigned end, struct bytes fragment);
void tls_alert_bytes(struct tls *t, struct tls_env *env, unsigned end, struct bytes body);
/* A record whose header and times stand in side[end]: its body, and its end. */
void tls_record_whole(struct tls *t, struct tls_env *env, unsigned end, struct bytes body);

/* ---- tls_sealed.c ---- */

/* Are there secrets, or may there be? All below is only for when there are. */
static inline bool tls_is_keyed(const struct tls_env *env)
{
	return env->keylog || env->more_secrets;
}
/* Is the body of the record in progress wanted whole? */
bool tls_wants_body(const struct tls *t, unsigned end, bool unreadable);
/* A part of it; where the part is all of it nothing is copied. */
void tls_collect(struct tls *t, struct tls_env *env, unsigned end, struct bytes part);
/* The whole body, of which `last` is the last part; empty where it was not collected. */
struct bytes tls_collected(const struct tls *t, unsigned end, struct bytes last);
void tls_forget_body(struct tls *t, struct tls_env *env, unsigned end);
/* Whatever comes while secrets are waited for has to wait too. */
bool tls_is_waiting(const struct tls *t);
void tls_wait_record(struct tls *t, struct tls_env *env, unsigned end, struct bytes body);
void tls_wait_packet(struct tls *t, uint64_t number);
/* No more time: what waits is taken as it is. */
void tls_stop_waiting(struct tls *t, struct tls_env *env);
/* A record that is sealed. True where that is all; false where it is to be told as one that nobody can read. */
bool tls_open(struct tls *t, struct tls_env *env, unsigned end, struct bytes body);
/* After a message, sealed or not; and after a ChangeCipherSpec. */
void tls_message_passed(struct tls *t, struct tls_env *env, unsigned end,
			const struct exchange_message *m);
void tls_cipher_changed(struct tls *t, unsigned end);
void tls_keys_finish(struct tls *t, struct tls_env *env);

#endif
