/* A library whose SSL_ctrl is nothing but an entry: built with -fcf-protection it begins with
 * `endbr64; push %rbx`, what distributions with CET ship and Debian's own libssl does not. */
long SSL_ctrl(void *ssl, int command, long number, void *pointer)
{
	(void)ssl;
	(void)number;
	(void)pointer;
	__asm__ volatile("" ::: "rbx");
	return command;
}
