/* Calls SSL_ctrl of the libraries named on the command line, as commands on standard input say:
 *
 *   time ROUNDS CALLS   for each round one line: nanoseconds per call in each library, by turns
 *   names COUNT RATE    sets COUNT distinct server names in the first library, RATE a second (0: as
 *                       fast as it goes; above 20,000 those of a millisecond at once); one line:
 *                       nanoseconds of CPU time and of wall time
 *   idle                does nothing
 *
 * Each answer ends with a line "done". */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MOST_LIBRARIES		     128
#define SSL_CTRL_MODE		     33
#define SSL_CTRL_SET_TLSEXT_HOSTNAME 55

typedef long ssl_ctrl(void *ssl, int command, long number, void *pointer);

struct library {
	ssl_ctrl *control;
	/* NULL for the stub, which takes none. */
	void *ssl;
};

static struct library libraries[MOST_LIBRARIES];
static int library_count;

static int64_t nanoseconds(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void open_library(const char *path)
{
	struct library *library = &libraries[library_count++];
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	void *(*method)(void), *(*context)(void *), *(*connection)(void *);

	library->control = handle ? (ssl_ctrl *)dlsym(handle, "SSL_ctrl") : NULL;
	if (!library->control) {
		fprintf(stderr, "caller: %s\n", dlerror());
		exit(1);
	}
	method = dlsym(handle, "TLS_method");
	context = dlsym(handle, "SSL_CTX_new");
	connection = dlsym(handle, "SSL_new");
	if (method && context && connection)
		library->ssl = connection(context(method()));
}

static void time_calls(long rounds, long calls)
{
	for (long round = 0; round < rounds; round++) {
		for (int i = 0; i < library_count; i++) {
			struct library library = libraries[i];
			int64_t start = nanoseconds(CLOCK_MONOTONIC);

			for (long call = 0; call < calls; call++)
				library.control(library.ssl, SSL_CTRL_MODE, 0, NULL);
			printf("%.2f%c", (nanoseconds(CLOCK_MONOTONIC) - start) / (double)calls,
			       i + 1 < library_count ? ' ' : '\n');
		}
	}
}

/* "n000000.example" counts up; printf would take longer than the call. */
static void next_name(char *name)
{
	for (int digit = 6; digit >= 1; digit--) {
		if (name[digit]++ < '9')
			return;
		name[digit] = '0';
	}
}

static void set_names(long count, long rate)
{
	struct library library = libraries[0];
	char name[] = "n000000.example";
	int64_t cpu = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
	int64_t start = nanoseconds(CLOCK_MONOTONIC);
	/* To sleep takes longer than a call. */
	long at_once = rate > 20000 ? rate / 1000 : 1;

	for (long i = 0; i < count; i++) {
		if (rate && i % at_once == 0) {
			int64_t due = start + i * 1000000000LL / rate;
			struct timespec time = { due / 1000000000, due % 1000000000 };

			clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
		}
		next_name(name);
		library.control(library.ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, 0, name);
	}
	printf("%lld %lld\n", (long long)(nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - cpu),
	       (long long)(nanoseconds(CLOCK_MONOTONIC) - start));
}

int main(int argc, char **argv)
{
	char line[128];
	long a, b;

	for (int i = 1; i < argc && library_count < MOST_LIBRARIES; i++)
		open_library(argv[i]);
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "time %ld %ld", &a, &b) == 2)
			time_calls(a, b);
		else if (sscanf(line, "names %ld %ld", &a, &b) == 2)
			set_names(a, b);
		else if (strcmp(line, "idle\n"))
			return 2;
		puts("done");
		fflush(stdout);
	}
	return 0;
}
