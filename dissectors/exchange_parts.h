/* exchange_parts.h: what the files of the exchange share: exchange.c (messages and progress), exchange_sealed.c (records that nobody can read),
 * exchange_end.c (how it ended, and what follows from it). Not for others.
 */
#ifndef DISSECTORS_EXCHANGE_PARTS_H
#define DISSECTORS_EXCHANGE_PARTS_H

#include "dissectors/exchange.h"

enum { FATAL = 2, CLOSE_NOTIFY = 0, NO_CERTIFICATE = 41, RECORD_CHANGE_CIPHER_SPEC = 20, RECORD_ALERT = 21, RECORD_HANDSHAKE = 22, RECORD_APPLICATION_DATA = 23 };
enum { UNEXPECTED_MESSAGE_ALERT = 10, DECODE_ERROR_ALERT = 50, INTERNAL_ERROR_ALERT = 80 };

void exchange_reset(struct exchange *x);
void exchange_reach(struct exchange *x, enum stage stage);
/* Adds to the ladder. */
void exchange_log(struct exchange *x, struct tls_env *env, enum sender sender, uint16_t type, uint32_t bytes, int64_t ns, bool decrypted);
/* A round trip is a flight of the client's that the server answered. */
void exchange_note_flight(struct exchange *x, enum sender sender);
void exchange_begin(struct exchange *x, int64_t first_ns);
void exchange_complete(struct exchange *x);
/* This sender's Finished passed. */
void exchange_finished(struct exchange *x, enum sender sender, int64_t ns);
void exchange_fail(struct exchange *x, enum sender by);
/* The alert only minds that the other side closed. */
bool exchange_answers_close(const struct exchange *x, struct alert a);
/* An alert after both Finished, before it is noted. */
void exchange_note_farewell(struct exchange *x, enum sender sender);
bool exchange_may_renegotiate(const struct exchange *x, struct tls_env *env);
void exchange_reject_early_data(struct exchange *x);
void exchange_certificate(struct exchange *x, struct tls_env *env, enum sender sender, const struct exchange_message *m);
/* Emits what is completed once the server has spoken, unless it is held. */
void exchange_emit_answered(struct exchange *x, struct tls_env *env, int64_t now_ns);
void exchange_tell_first_byte(struct exchange *x);
/* exchange_opened.c: what only secrets show. */
void exchange_encrypted_extensions(struct exchange *x, struct tls_env *env, const struct exchange_message *m);
void exchange_compressed_certificate(struct exchange *x, struct tls_env *env, enum sender sender, const struct exchange_message *m);
void exchange_alert_after(struct exchange *x, struct tls_env *env, enum sender sender, struct alert a);
void exchange_tell_opened(struct exchange *x);
/* Hands the handshake on and makes ready for another on the same connection. */
void exchange_emit(struct exchange *x, struct tls_env *env);

#endif
