/* suggest.h: the known names nearest to a mistyped one. */
#ifndef APP_SUGGEST_H
#define APP_SUGGEST_H

#include <stdbool.h>
#include <stddef.h>

enum { SUGGESTIONS_MAX = 3 };

/* Zeroes but for `word` are a search that has seen no name. Names are borrowed. */
struct suggestions {
	const char *word;
	size_t count;
	const char *names[SUGGESTIONS_MAX]; /* the nearest first */
	unsigned distances[SUGGESTIONS_MAX];
};

/* Keeps the name where it is near enough to the word, and not the same name twice. */
void suggest_consider(struct suggestions *s, const char *name);
/* Prints `'a', 'b' or 'c'`, each behind the prefix ("--" or ""), into out and returns it. */
const char *suggest_text(const struct suggestions *s, const char *prefix, char *out, size_t room);
/* Upper and lower case are the same, and so are '-', '_' and ' '. */
bool suggest_same(const char *a, const char *b);

#endif
