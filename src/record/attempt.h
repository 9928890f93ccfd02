/* attempt.h: names of the reasons, and the ports where TLS comes first. */
#ifndef RECORD_ATTEMPT_H
#define RECORD_ATTEMPT_H

#include "overhear/attempt.h"

/* As the column `reason` of the view `attempts` has it. */
const char *attempt_reason_name(enum attempt_reason reason);
/* 443, 465, 636, 853, 989 to 995, 5061, 8443. */
bool attempt_is_tls_port(uint16_t port);

#endif
