#include "app/suggest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { WORD_MAX = 64, NEAR_PERCENT = 40 };

static char folded(char c)
{
	return c == '-' || c == ' ' ? '_' : (char)tolower((unsigned char)c);
}

bool suggest_same(const char *a, const char *b)
{
	while (*a && folded(*a) == folded(*b))
		a++, b++;
	return !*a && !*b;
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Edits of one letter (insert, leave out, replace, swap two neighbours) that turn a into b; each
 * row of the classical matrix follows from the two before it. */
static unsigned distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned rows[3][WORD_MAX + 1];
	unsigned *before = rows[0], *last = rows[1], *now = rows[2];

	for (size_t j = 0; j <= b_len; j++)
		last[j] = (unsigned)j;
	for (size_t i = 1; i <= a_len; i++) {
		now[0] = (unsigned)i;
		for (size_t j = 1; j <= b_len; j++) {
			bool same = folded(a[i - 1]) == folded(b[j - 1]);

			now[j] = least(least(last[j], now[j - 1]) + 1, last[j - 1] + !same);
			if (i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) &&
			    folded(a[i - 2]) == folded(b[j - 1]))
				now[j] = least(now[j], before[j - 2] + 1);
		}
		unsigned *spare = before;
		before = last;
		last = now;
		now = spare;
	}
	return last[b_len];
}

/* A name that begins with the word, or holds it, is near however long it is. */
static unsigned how_far(const char *word, const char *name)
{
	size_t word_len = strnlen(word, WORD_MAX), name_len = strnlen(name, WORD_MAX);
	unsigned far = distance(word, word_len, name, name_len);

	if (word_len < 3)
		return far;
	for (size_t at = 0; at + word_len <= name_len; at++) {
		size_t same = 0;

		while (same < word_len && folded(word[same]) == folded(name[at + same]))
			same++;
		if (same == word_len)
			return least(far, at ? 2 : 1);
	}
	return far;
}

void suggest_consider(struct suggestions *s, const char *name)
{
	unsigned far = how_far(s->word, name);
	size_t length = strnlen(s->word, WORD_MAX), allowed = length * NEAR_PERCENT / 100;
	size_t at = 0;

	if (far > (allowed ? allowed : 1) || far >= length)
		return;
	for (size_t i = 0; i < s->count; i++)
		if (suggest_same(s->names[i], name))
			return;
	while (at < s->count && s->distances[at] <= far)
		at++;
	if (at == SUGGESTIONS_MAX)
		return;
	if (s->count < SUGGESTIONS_MAX)
		s->count++;
	for (size_t i = s->count - 1; i > at; i--) {
		s->names[i] = s->names[i - 1];
		s->distances[i] = s->distances[i - 1];
	}
	s->names[at] = name;
	s->distances[at] = far;
}

const char *suggest_text(const struct suggestions *s, const char *prefix, char *out, size_t room)
{
	size_t len = 0;

	out[0] = 0;
	for (size_t i = 0; i < s->count && len < room; i++) {
		const char *before = !i ? "" : i + 1 == s->count ? " or " : ", ";
		int n = snprintf(out + len, room - len, "%s'%s%s'", before, prefix, s->names[i]);

		len += n > 0 ? (size_t)n : 0;
	}
	return out;
}
