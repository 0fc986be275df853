// A program whose function is found by what it does: BoringSSL's, without symbols.
__attribute__((noinline)) static unsigned long length(const char *text)
{
	unsigned long size = 0;

	while (text[size])
		size++;
	return size;
}

__attribute__((noinline)) static void put_error(int library, int reason, const char *file,
						unsigned line)
{
	__asm__ volatile("" : : "r"(library), "r"(reason), "r"(file), "r"(line));
}

__attribute__((noinline)) static int set(const char **ssl, const char *name)
{
	unsigned long size;

	*ssl = 0;
	if (!name)
		return 1;
	size = length(name);
	if (size == 0 || size > 255) {
		put_error(16, 213, "boringssl/ssl/ssl_lib.cc", 1234);
		return 0;
	}
	*ssl = name;
	return 1;
}

// Places that the loader fills in: relocations.
int (*const volatile functions[])(const char **, const char *) = { set, set };
const char *const volatile texts[] = { "boringssl/ssl/ssl_lib.cc", "server hello done",
				       "BusyBox v1.36" };

void _start(void);
void _start(void)
{
	const char *ssl;

	__asm__ volatile("" : : "r"(functions[0](&ssl, texts[1]) + set(&ssl, texts[0])));
	for (;;)
		;
}
