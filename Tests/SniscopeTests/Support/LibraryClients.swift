/// Clients in C of libraries that no client of the distribution stands on. Each takes the port of a server on loopback
/// and a name, makes a TLS connection and prints the version that the library itself tells.
struct LibraryClient {
    let source: String
    let options: [String]

    /// A third argument says which of the library's ways it asks by.
    static let wolfSSL = LibraryClient(
        source: """
            #include <arpa/inet.h>
            #include <stdlib.h>
            #include <string.h>
            #include <wolfssl/options.h>
            #include <wolfssl/ssl.h>
            int main(int count, char **arguments)
            {
                struct sockaddr_in server = {AF_INET, htons(atoi(arguments[1])), {htonl(INADDR_LOOPBACK)}};
                const char *name = arguments[2], *way = arguments[3];
                int socket_ = socket(AF_INET, SOCK_STREAM, 0);
                WOLFSSL_CTX *context = wolfSSL_CTX_new(wolfTLS_client_method());
                WOLFSSL *ssl;
                wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_NONE, NULL);
                if (!strcmp(way, "wolfSSL_CTX_UseSNI"))
                    wolfSSL_CTX_UseSNI(context, WOLFSSL_SNI_HOST_NAME, name, strlen(name));
                ssl = wolfSSL_new(context);
                if (!strcmp(way, "wolfSSL_UseSNI")) {
                    /* No name, and a name of no host: */
                    wolfSSL_UseSNI(ssl, WOLFSSL_SNI_HOST_NAME, NULL, 0);
                    wolfSSL_UseSNI(ssl, 1, name, strlen(name));
                    wolfSSL_UseSNI(ssl, WOLFSSL_SNI_HOST_NAME, name, strlen(name));
                }
                if (!strcmp(way, "wolfSSL_set_tlsext_host_name"))
                    wolfSSL_set_tlsext_host_name(ssl, name);
                puts(wolfSSL_lib_version());
                if (connect(socket_, (struct sockaddr *)&server, sizeof(server)))
                    return 2;
                wolfSSL_set_fd(ssl, socket_);
                return wolfSSL_connect(ssl) != WOLFSSL_SUCCESS;
            }
            """, options: ["-lwolfssl", "-lm"])

    static let mbedTLS = LibraryClient(
        source: """
            #include <mbedtls/ctr_drbg.h>
            #include <mbedtls/entropy.h>
            #include <mbedtls/net_sockets.h>
            #include <mbedtls/ssl.h>
            #include <mbedtls/version.h>
            #include <stdio.h>
            int main(int count, char **arguments)
            {
                mbedtls_net_context net;
                mbedtls_ssl_context ssl;
                mbedtls_ssl_config config;
                mbedtls_ctr_drbg_context random;
                mbedtls_entropy_context entropy;
                char version[32];
                mbedtls_net_init(&net);
                mbedtls_ssl_init(&ssl);
                mbedtls_ssl_config_init(&config);
                mbedtls_ctr_drbg_init(&random);
                mbedtls_entropy_init(&entropy);
                mbedtls_version_get_string(version);
                puts(version);
                if (mbedtls_ctr_drbg_seed(&random, mbedtls_entropy_func, &entropy, NULL, 0) ||
                    mbedtls_net_connect(&net, "127.0.0.1", arguments[1], MBEDTLS_NET_PROTO_TCP) ||
                    mbedtls_ssl_config_defaults(&config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                                MBEDTLS_SSL_PRESET_DEFAULT))
                    return 2;
                mbedtls_ssl_conf_authmode(&config, MBEDTLS_SSL_VERIFY_NONE);
                mbedtls_ssl_conf_rng(&config, mbedtls_ctr_drbg_random, &random);
                /* NULL takes the name away. */
                if (mbedtls_ssl_setup(&ssl, &config) || mbedtls_ssl_set_hostname(&ssl, NULL) ||
                    mbedtls_ssl_set_hostname(&ssl, arguments[2]))
                    return 2;
                mbedtls_ssl_set_bio(&ssl, &net, mbedtls_net_send, mbedtls_net_recv, NULL);
                return mbedtls_ssl_handshake(&ssl) != 0;
            }
            """, options: ["-lmbedtls", "-lmbedx509", "-lmbedcrypto"])

    /// LibreSSL's interface above OpenSSL's libssl, as distributions build it (libretls).
    static let libtls = LibraryClient(
        source: """
            #include <openssl/crypto.h>
            #include <stdio.h>
            #include <tls.h>
            int main(int count, char **arguments)
            {
                struct tls_config *config = tls_config_new();
                struct tls *tls = tls_client();
                puts(OpenSSL_version(OPENSSL_VERSION_STRING));
                tls_config_insecure_noverifycert(config);
                tls_config_insecure_noverifyname(config);
                return tls_configure(tls, config) ||
                       tls_connect_servername(tls, "127.0.0.1", arguments[1], arguments[2]) || tls_handshake(tls);
            }
            """, options: ["-ltls", "-lcrypto"])

    /// - Parameter linking: Further options, such as `-static`.
    /// - Returns: The program's path.
    func compile(in workspace: Workspace, as name: String, _ linking: String...) async throws -> String {
        try await workspace.compile(source, as: name, linking + options)
    }
}
