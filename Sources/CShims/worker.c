#define _GNU_SOURCE
#include "shims.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

// How long the end of a worker that has said its status is waited for; milliseconds.
#define PATIENCE 1000

static int status_pipe = -1;

// In the worker, at its end.
static void tell_status(int status, void *unused)
{
	unsigned char byte = (unsigned char)status;
	ssize_t written;

	(void)unused;
	fflush(NULL);
	// Who reads what it writes would wait for its last thread, and for the processes that close
	// links for it, which share its descriptors.
	for (int descriptor = 0; descriptor < 3; descriptor++)
		close(descriptor);
	written = write(status_pipe, &byte, 1);
	(void)written;
}

// What the kernel sends for a terminal's keys it sends to the whole group, the worker with it.
static void hand_on(int signals, pid_t worker)
{
	struct signalfd_siginfo information;

	while (read(signals, &information, sizeof(information)) == sizeof(information))
		if (information.ssi_signo != SIGCHLD && information.ssi_code != SI_KERNEL)
			kill(worker, (int)information.ssi_signo);
}

static void end_like(int status)
{
	const struct rlimit no_core = { 0, 0 };
	sigset_t all;

	if (WIFEXITED(status))
		_exit(WEXITSTATUS(status));
	// Its own is enough.
	setrlimit(RLIMIT_CORE, &no_core);
	signal(WTERMSIG(status), SIG_DFL);
	sigfillset(&all);
	sigprocmask(SIG_UNBLOCK, &all, NULL);
	raise(WTERMSIG(status));
	_exit(128 + WTERMSIG(status));
}

static void wait_for(pid_t worker, int end, int signals)
{
	struct pollfd polled[] = { { .fd = signals, .events = POLLIN },
				   { .fd = end, .events = POLLIN } };
	int patience = -1, status;
	unsigned char told = 0;

	for (;;) {
		int ready = poll(polled, 2, patience);

		if (ready == 0)
			_exit(told);
		hand_on(signals, worker);
		if (ready > 0 && polled[1].revents) {
			if (read(end, &told, 1) == 1)
				patience = PATIENCE;
			polled[1].fd = -1;
		}
		while (waitpid(worker, &status, WNOHANG | WUNTRACED) == worker) {
			if (!WIFSTOPPED(status))
				end_like(status);
			// A shell's job is stopped when this process is, and goes on with it.
			raise(SIGSTOP);
			kill(worker, SIGCONT);
		}
	}
}

int sniscope_become_worker(void)
{
	int pipes[2], signals;
	pid_t parent = getpid(), worker;
	sigset_t waited, before;

	sigemptyset(&waited);
	sigaddset(&waited, SIGCHLD);
	sigaddset(&waited, SIGINT);
	sigaddset(&waited, SIGQUIT);
	sigaddset(&waited, SIGTERM);
	sigaddset(&waited, SIGHUP);
	if (pipe2(pipes, O_CLOEXEC) != 0)
		return -1;
	signals = signalfd(-1, &waited, SFD_CLOEXEC | SFD_NONBLOCK);
	sigprocmask(SIG_BLOCK, &waited, &before);
	worker = signals < 0 ? -1 : fork();
	if (worker > 0) {
		for (int descriptor = 0; descriptor < 3; descriptor++)
			close(descriptor);
		close(pipes[1]);
		sniscope_bound_capabilities(0);
		sniscope_keep_capabilities(0);
		wait_for(worker, pipes[0], signals);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(pipes[0]);
	if (signals >= 0)
		close(signals);
	if (worker < 0) {
		close(pipes[1]);
		return -1;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		raise(SIGKILL);
	status_pipe = pipes[1];
	on_exit(tell_status, NULL);
	return 0;
}
