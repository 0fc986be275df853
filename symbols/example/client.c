#include "acme_tls.h"

#include <stdio.h>

int main(int count, char **arguments)
{
	struct acme *tls = acme_new();
	const struct acme_error *error = acme_last_error();

	if (!tls || count != 2 || acme_set_host(tls, arguments[1]) || acme_set_timeout(tls, 30) ||
	    acme_connect(tls)) {
		fprintf(stderr, "error %d at %s:%d\n", error->reason, error->file, error->line);
		return 1;
	}
	acme_free(tls);
	return 0;
}
