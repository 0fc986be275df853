#include "acme_error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct acme {
	char *host;
	int timeout;
};

struct acme *acme_new(void)
{
	struct acme *tls = calloc(1, sizeof(*tls));

	if (!tls)
		ACME_ERROR(ACME_R_NO_MEMORY);
	return tls;
}

int acme_set_host(struct acme *tls, const char *host)
{
	size_t length = strlen(host);

	if (length == 0 || length > ACME_MAX_HOST) {
		ACME_ERROR(ACME_R_BAD_HOST);
		return -1;
	}
	free(tls->host);
	tls->host = strdup(host);
	if (!tls->host) {
		ACME_ERROR(ACME_R_NO_MEMORY);
		return -1;
	}
	return 0;
}

int acme_set_timeout(struct acme *tls, int seconds)
{
	if (seconds < 1 || seconds > 3600) {
		ACME_ERROR(ACME_R_BAD_TIMEOUT);
		return -1;
	}
	tls->timeout = seconds;
	return 0;
}

int acme_connect(struct acme *tls)
{
	if (!tls->host) {
		ACME_ERROR(ACME_R_NO_HOST);
		return -1;
	}
	printf("connected to %s\n", tls->host);
	return 0;
}

void acme_free(struct acme *tls)
{
	free(tls->host);
	free(tls);
}
