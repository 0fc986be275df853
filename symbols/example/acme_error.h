/* What most libraries have: each error is kept with its place, and with a number that users may
 * rely on. */
#pragma once

#include "acme_tls.h"

#define ACME_ERROR(reason) acme_report((reason), __FILE__, __LINE__)

void acme_report(enum acme_reason reason, const char *file, int line);
