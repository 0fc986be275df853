/* What mappings cost processes: nanoseconds each, the median of nine rounds. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define ROUNDS 9
#define CALLS  2000

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e9 + time.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double difference = *(const double *)a - *(const double *)b;

	return difference < 0 ? -1 : difference > 0;
}

static double cost(int file, int protection, int flags)
{
	double rounds[ROUNDS];

	for (int round = 0; round < ROUNDS; round++) {
		double start = now();

		for (int i = 0; i < CALLS; i++)
			munmap(mmap(NULL, 4096, protection, flags, file, 0), 4096);
		rounds[round] = (now() - start) / CALLS;
	}
	qsort(rounds, ROUNDS, sizeof(rounds[0]), compare);
	return rounds[ROUNDS / 2];
}

int main(void)
{
	int file = open("/proc/self/exe", O_RDONLY);

	if (file < 0)
		return 1;
	printf("{\"executable\": %.0f, \"readable\": %.0f, \"anonymous\": %.0f}\n",
	       cost(file, PROT_READ | PROT_EXEC, MAP_PRIVATE), cost(file, PROT_READ, MAP_PRIVATE),
	       cost(-1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS));
	return 0;
}
