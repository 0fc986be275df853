#include "driver.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerRunDriver(int *count, char ***arguments, int (*test)(const uint8_t *, size_t));
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);
void fuzz_list_formats(void);

int fuzz_main(int count, char **arguments)
{
	if (count == 1) {
		fuzz_list_formats();
		return 0;
	}
	return LLVMFuzzerRunDriver(&count, &arguments, LLVMFuzzerTestOneInput);
}
