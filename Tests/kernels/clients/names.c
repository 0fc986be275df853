/* Sets TLS server names in the ways that kernels treat differently; connects nowhere. Linked with
 * libssl. names set NAME...           each name once names rodata                a literal on a
 * page of .rodata that nothing has touched names cross                 a name that crosses into a
 * page that is not in memory names each                  a name for each line of standard input
 *   names open LIBRARY          as `each`, by a library that is opened at the line "open"
 *   names storm THREADS CALLS   names of different lengths, from all threads at once */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE	    4096
#define MAX_THREADS 16

/* More than the kernel reads ahead around a page that is asked for. */
static const char pages[129][PAGE] __attribute__((aligned(PAGE))) = { [64] = "rodata.test" };

static SSL_CTX *context;
static int calls;

static void fail(const char *what)
{
	perror(what);
	exit(2);
}

static void set(const char *name)
{
	SSL *ssl = SSL_new(context);

	if (!ssl || SSL_set_tlsext_host_name(ssl, name) != 1)
		fail("SSL_set_tlsext_host_name");
	SSL_free(ssl);
}

/* A file of two windows of what the kernel reads ahead; the name's last bytes are in the second. */
static void cross(void)
{
	const size_t half = 64 << 10;
	char path[] = "/tmp/cross.XXXXXX";
	int file = mkstemp(path);
	char *map;

	if (file < 0 || ftruncate(file, 2 * half) || pwrite(file, "cross.test", 11, half - 4) != 11)
		fail(path);
	map = mmap(NULL, 2 * half, PROT_READ, MAP_PRIVATE, file, 0);
	if (map == MAP_FAILED)
		fail("mmap");
	set(map + half - 4);
	unlink(path);
}

static void each(void (*ask)(const char *))
{
	char line[256];

	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = 0;
		ask(line);
		printf("asked %s\n", line);
		fflush(stdout);
	}
}

/* By a copy of the library that this program is linked with: its functions must be its own. */
static const char *library;
static void *opened;

static void ask_opened(const char *line)
{
	SSL_CTX *(*make_context)(const SSL_METHOD *);
	const SSL_METHOD *(*method)(void);
	SSL *(*make)(SSL_CTX *);
	long (*control)(SSL *, int, long, void *);

	if (!strcmp(line, "open")) {
		opened = dlmopen(LM_ID_NEWLM, library, RTLD_NOW);
		if (!opened)
			fail(dlerror());
		return;
	}
	make_context = dlsym(opened, "SSL_CTX_new");
	method = dlsym(opened, "TLS_client_method");
	make = dlsym(opened, "SSL_new");
	control = dlsym(opened, "SSL_ctrl");
	if (control(make(make_context(method())), SSL_CTRL_SET_TLSEXT_HOSTNAME, 0, (void *)line) !=
	    1)
		fail("SSL_ctrl");
}

static void *storm(void *argument)
{
	long thread = (long)argument;
	char name[200], filling[101];

	memset(filling, 'x', 100);
	filling[100] = 0;
	for (int i = 0; i < calls; i++) {
		snprintf(name, sizeof(name), "t%ld-%d-%.*s.test", thread, i, 1 + i * 7 % 100,
			 filling);
		set(name);
	}
	return NULL;
}

int main(int count, char **arguments)
{
	const char *what = count > 1 ? arguments[1] : "";

	context = SSL_CTX_new(TLS_client_method());
	if (!context)
		return 1;
	if (!strcmp(what, "set")) {
		for (int i = 2; i < count; i++)
			set(arguments[i]);
	} else if (!strcmp(what, "rodata")) {
		set(pages[64]);
	} else if (!strcmp(what, "cross")) {
		cross();
	} else if (!strcmp(what, "each")) {
		each(set);
	} else if (!strcmp(what, "open") && count == 3) {
		library = arguments[2];
		each(ask_opened);
	} else if (!strcmp(what, "storm") && count == 4) {
		pthread_t threads[MAX_THREADS];
		int number = atoi(arguments[2]);

		calls = atoi(arguments[3]);
		for (long i = 0; i < number && i < MAX_THREADS; i++)
			pthread_create(&threads[i], NULL, storm, (void *)i);
		for (int i = 0; i < number && i < MAX_THREADS; i++)
			pthread_join(threads[i], NULL);
	} else {
		return 64;
	}
	return 0;
}
