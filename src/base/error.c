#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

bool error_set(struct error *e, enum exit_status status, const char *format, ...)
{
	if (e) {
		va_list args;

		va_start(args, format);
		e->status = status;
		vsnprintf(e->text, sizeof e->text, format, args);
		va_end(args);
	}
	return false;
}
