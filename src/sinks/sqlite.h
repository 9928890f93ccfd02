/* sqlite.h: what the database knows beyond a plain sink (sink.h): which captures it holds already. */
#ifndef SINKS_SQLITE_H
#define SINKS_SQLITE_H

#include "sinks/keep.h"
#include "sinks/look.h"
#include "sinks/sink.h"

/* The finished reading with this fingerprint, if there is one: the exit status it ended with and its id. */
bool sqlite_find_capture(struct sink *s, const char *fingerprint, int *status, int64_t *id);
/* Removes a capture, its handshakes and what only they used. */
bool sqlite_forget_capture(struct sink *s, int64_t id, struct error *error);
/* Whom SQLite asks while another program holds the database: it sleeps a little, and says whether to ask again. `times`
 * counts the calls since the lock was met. Without it one waits ten minutes. */
void sqlite_wait_with(struct sink *s, bool (*wait)(void *context, int times), void *context);
/* Removes a little of what is to go; *more where there is more of it. Makes durable what was put before. */
bool sqlite_keep(struct sink *s, const struct keep_limits *limits, bool *more, struct error *error);
/* The kinds of findings, whose words the view `findings` shows; the table is borrowed. Findings of kinds that are not
 * in it are not stored. */
bool sqlite_know_findings(struct sink *s, const struct finding_kind *kinds, size_t count, struct error *error);
/* Where the limits of parsing certificates and names are counted; may be NULL. */
void sqlite_count_limits(struct sink *s, struct limit_counts *limits);

#endif
