/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_ports - a TLS server on many ports of loopback, as cheap as can be
 *
 *   tls_ports CHAIN KEY COUNT
 *
 * Prints the ports on one line and then serves until it is killed: a handshake, then it waits for the client's end. One
 * thread a port, connections of one port one after the other.
 */
#include <errno.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct port {
	SSL_CTX *tls;
	int fd;
};

static void serve_one(SSL_CTX *tls, int fd)
{
	SSL *ssl = SSL_new(tls);
	char rest[256];

	if (ssl && SSL_set_fd(ssl, fd) == 1 && SSL_accept(ssl) == 1)
		while (SSL_read(ssl, rest, sizeof(rest)) > 0)
			;
	SSL_free(ssl);
	close(fd);
}

static void *serve(void *userdata)
{
	struct port *port = userdata;
	int fd;

	while ((fd = accept(port->fd, NULL, NULL)) >= 0 || errno == EINTR || errno == ECONNABORTED)
		if (fd >= 0)
			serve_one(port->tls, fd);
	return NULL;
}

static int listen_anywhere(int *ret_port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 64) < 0 ||
		getsockname(fd, (struct sockaddr *)&address, &size) < 0) {
		perror("tls_ports");
		exit(1);
	}
	*ret_port = ntohs(address.sin_port);
	return fd;
}

int main(int argc, char **argv)
{
	int count = argc == 4 ? atoi(argv[3]) : 0, number;
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
	struct port *ports = calloc(count > 0 ? (size_t)count : 1, sizeof(*ports));
	pthread_t thread;

	if (count <= 0 || !ports || !tls || SSL_CTX_use_certificate_chain_file(tls, argv[1]) != 1 ||
		SSL_CTX_use_PrivateKey_file(tls, argv[2], SSL_FILETYPE_PEM) != 1) {
		fprintf(stderr, "tls_ports: usage: tls_ports CHAIN KEY COUNT\n");
		return 1;
	}
	signal(SIGPIPE, SIG_IGN); /* clients may hang up on us */
	for (int i = 0; i < count; i++) {
		ports[i] = (struct port){tls, listen_anywhere(&number)};
		printf("%d ", number);
		if (pthread_create(&thread, NULL, serve, &ports[i]) != 0)
			return 1;
	}
	printf("\n");
	fflush(stdout);
	pause();
	return 0;
}
