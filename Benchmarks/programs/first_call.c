/* A program that lives as long as its first call takes: sets one server name some time after it began, prints when, and
 * ends.
 *
 *   first_call [DELAY]        microseconds from main() to the call; 0: as soon as OpenSSL is set up, some 3 ms
 *   first_call DELAY bare     without setting up OpenSSL: what no real program does, and the soonest there can be
 *
 * One line: CLOCK_MONOTONIC of main() and of the call in nanoseconds, and the name. The name stands in the data so that
 * a copy of the file can be made a program with a name of its own by writing over it. */
#include <openssl/ssl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

char server_name[] = "first-call-000000000000.test";

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static long accept_all(void)
{
	return 1;
}

/* SSL_ctrl hands over to a table of functions that an SSL points to near its start: here all of them accept. */
static SSL *bare_connection(void)
{
	static void *functions[64], *connection[64];

	for (int i = 0; i < 64; i++) {
		functions[i] = (void *)accept_all;
		connection[i] = functions;
	}
	return (SSL *)connection;
}

int main(int argc, char **argv)
{
	int64_t began = now(), called;
	int64_t due = began + (argc > 1 ? atol(argv[1]) : 0) * 1000LL;
	struct timespec time = { due / 1000000000, due % 1000000000 };
	SSL *connection = argc > 2 ? bare_connection() : SSL_new(SSL_CTX_new(TLS_client_method()));

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
	called = now();
	if (!connection || !SSL_set_tlsext_host_name(connection, server_name))
		return 1;
	printf("%lld %lld %s\n", (long long)began, (long long)called, server_name);
	return 0;
}
