/* The library that ../README.md describes: just enough of one to have a server name and errors. */
#pragma once

#define ACME_MAX_HOST 253

enum acme_reason {
	ACME_R_NO_MEMORY = 401,
	ACME_R_NO_HOST = 402,
	ACME_R_BAD_HOST = 417,
	ACME_R_BAD_TIMEOUT = 418,
};

struct acme_error {
	enum acme_reason reason;
	const char *file;
	int line;
};

struct acme;

struct acme *acme_new(void);
int acme_set_host(struct acme *tls, const char *host);
int acme_set_timeout(struct acme *tls, int seconds);
int acme_connect(struct acme *tls);
void acme_free(struct acme *tls);
const struct acme_error *acme_last_error(void);
