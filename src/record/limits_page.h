/* limits_page.h: the page docs/limits.md, made from the table of limits (overhear/limits.h). */
#ifndef RECORD_LIMITS_PAGE_H
#define RECORD_LIMITS_PAGE_H

#include "overhear/limits.h"

struct buffer;

void limits_add_document(struct buffer *out);

#endif
