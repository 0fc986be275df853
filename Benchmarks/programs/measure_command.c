/* Runs a command on one processor and prints what it took: nanoseconds, and the kilobytes that it
 * had in memory at most. A small program of its own: a child's peak includes what its parent had
 * before exec. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

int main(int count, char **arguments)
{
	cpu_set_t one;
	struct rusage usage;
	int status;

	if (count < 2)
		return 2;
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		return 2;
	long long began = now();
	pid_t child = fork();

	if (child < 0)
		return 2;
	if (!child) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, STDOUT_FILENO);
		execvp(arguments[1], arguments + 1);
		_exit(127);
	}
	if (wait4(child, &status, 0, &usage) != child)
		return 2;
	printf("%lld %ld\n", now() - began, usage.ru_maxrss);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
