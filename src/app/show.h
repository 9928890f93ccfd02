/* show.h: one handshake as the database tells it, and the parts of its page. */
#ifndef APP_SHOW_H
#define APP_SHOW_H

#include "app/database.h"
#include "app/page.h"

struct shown {
	struct row handshake;
	struct rows capture, messages, alerts, offers, chains, certificates, findings;
};

/* How it ended, in a plain sentence. */
void outcome_sentence(struct buffer *out, const struct shown *s);
/* Who sent what, when, and how long each step took. */
void ladder_draw(struct page *p, const struct shown *s);
/* Where the time went, as a waterfall. */
void times_draw(struct page *p, const struct shown *s);
/* What was offered and what was chosen. */
void offers_draw(struct page *p, const struct shown *s);
/* The certificates of both sides. */
void chains_draw(struct page *p, const struct shown *s);

#endif
