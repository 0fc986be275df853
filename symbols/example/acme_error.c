#include "acme_error.h"

static struct acme_error last_error;

void acme_report(enum acme_reason reason, const char *file, int line)
{
	last_error = (struct acme_error){ .reason = reason, .file = file, .line = line };
}

const struct acme_error *acme_last_error(void)
{
	return &last_error;
}
