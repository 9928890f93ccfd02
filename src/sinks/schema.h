/* schema.h: the tables behind the views, made from the table of fields. */
#ifndef SINKS_SCHEMA_H
#define SINKS_SCHEMA_H

#include "base/buffer.h"

#include <sqlite3.h>

enum {
	SCHEMA_APPLICATION_ID = 0x6f766872,	/* "ovhr" */
	SCHEMA_VERSION = 3,	/* a new one is a row in migrate.c */
};

/* Makes every table and view in an empty database; call it within a transaction. Returns SQLite's code. */
int schema_create(sqlite3 *db);
/* Only the views, and the version; where none of them is there. */
int schema_create_views(sqlite3 *db);
/* Brings the table of names up to this program's registries; writes nothing where they are the same. */
int schema_refresh_names(sqlite3 *db);
/* INSERT INTO handshake_rows: a parameter for each stored field that is not shared, in the order of the table, then one for
 * each enum schema_extra. */
void schema_add_insert(struct buffer *out);
/* INSERT INTO trait_rows: the hash, then each shared field in the order of the table; nothing where the hash is there. */
void schema_add_traits_insert(struct buffer *out);

/* Columns of handshake_rows that come after those of the table of fields, in order. */
enum schema_extra {
	EXTRA_MARKS, EXTRA_CLIENT, EXTRA_SERVER, EXTRA_TRAITS, EXTRA_CLIENT_HELLO, EXTRA_CLIENT_HELLO_SECOND, EXTRA_SERVER_HELLO,
	EXTRA_CERTIFICATE_REQUEST, EXTRA_SERVER_CHAIN, EXTRA_CLIENT_CHAIN, EXTRA_LADDER, EXTRA_FINDINGS, EXTRA_ALERTS, EXTRA_MESSAGES,
	EXTRA_MACS, EXTRA_RANDOMS,
	EXTRA_COUNT
};

#endif
