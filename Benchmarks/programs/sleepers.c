/* Loads the libraries that are named, becomes COUNT processes more, and sleeps until standard input
 * ends.
 *
 *   sleepers COUNT LIBRARY... */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 0, loaded = 0, started = 0;
	pid_t *children = calloc((size_t)count + 1, sizeof(*children));
	pid_t parent = getpid();
	char byte;

	for (int i = 2; i < argc; i++)
		loaded += dlopen(argv[i], RTLD_NOW | RTLD_GLOBAL) != NULL;
	for (; started < count; started++) {
		pid_t child = fork();

		if (child < 0)
			break;
		if (child == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (getppid() == parent)
				pause();
			_exit(0);
		}
		children[started] = child;
	}
	printf("%d processes, %d libraries\n", started, loaded);
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	for (int i = 0; i < started; i++)
		kill(children[i], SIGKILL);
	for (int i = 0; i < started; i++)
		waitpid(children[i], NULL, 0);
	return 0;
}
