// A library that is found by its symbols.
long SSL_ctrl(void *ssl, int command, long number, void *pointer);
long SSL_ctrl(void *ssl, int command, long number, void *pointer)
{
	return ssl && command == 55 && pointer ? number : 0;
}

int gnutls_server_name_set(void *session, int type, const void *name, unsigned long size);
int gnutls_server_name_set(void *session, int type, const void *name, unsigned long size)
{
	return SSL_ctrl(session, type, (long)size, (void *)name) != 0;
}

const char OpenSSL_version[] = "OpenSSL 3.0.17 1 Jul 2025";
