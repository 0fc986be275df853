#define _GNU_SOURCE
#include "shims.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// A process is gone, for whoever waits for it, when its last thread is; and a thread whose request
// a FUSE daemon has taken can't even be killed before the daemon answers. So what may end up there
// happens in a process that nobody waits for.

struct apart {
	void *(*body)(void *);
	void *argument;
	_Atomic int error;
};

#define NOT_BEGUN (-1)

// The first thread of the new process. It has the thread-local memory of the thread that made it,
// which waits meanwhile; behind that it may only sleep. It stays: /proc/self is its entry.
static int begin(void *pointer)
{
	struct apart *apart = pointer;
	pthread_t thread;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	atomic_store(&apart->error, pthread_create(&thread, NULL, apart->body, apart->argument));
	syscall(SYS_futex, &apart->error, FUTEX_WAKE, 1, NULL, NULL, 0);
	for (;;)
		syscall(SYS_pause);
}

// The other process keeps the table of descriptors for as long as it is there: who reads this
// one's output would wait for it too.
static void close_standard_streams(void)
{
	fflush(NULL);
	for (int descriptor = 0; descriptor < 3; descriptor++)
		close(descriptor);
}

int sniscope_run_apart(void *(*body)(void *), void *argument)
{
	const size_t size = 256 << 10;
	struct apart apart = { .body = body, .argument = argument, .error = NOT_BEGUN };
	char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	sigset_t all;
	int pid, status;

	if (stack == MAP_FAILED)
		return -1;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	pid = clone(begin, stack + size, CLONE_VM | CLONE_FILES | CLONE_FS, &apart);
	if (pid < 0)
		return -1;
	while (atomic_load(&apart.error) == NOT_BEGUN)
		syscall(SYS_futex, &apart.error, FUTEX_WAIT, NOT_BEGUN, NULL, NULL, 0);
	if (apart.error) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, __WALL);
		errno = apart.error;
		return -1;
	}
	atexit(close_standard_streams);
	while (waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
		continue;
	return status;
}
