/* os_posix_net.c: os.h for POSIX: sockets, which only `sdc serve` needs. */
#define _GNU_SOURCE /* POLLRDHUP */
#include "tensor/os.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void os_sleep(double seconds) {
    struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    (void)nanosleep(&t, NULL); /* a signal may end it early */
}

/* --- listening --- */

static bool is_loopback(const struct sockaddr *a) {
    if (a->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr) >> 24 == 127;
    return a->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr);
}

static int listen_at(const struct addrinfo *at) {
    int s = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol), yes = 1;
    if (s < 0) return -1;
    (void)setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (!bind(s, at->ai_addr, at->ai_addrlen) && !listen(s, 1024)) return s;
    int why = errno;
    close(s);
    return errno = why, -1;
}

/* The port that the system chose for port 0. */
static int port_of(int s) {
    struct sockaddr_storage a = {0};
    socklen_t size = sizeof a;
    if (getsockname(s, (struct sockaddr *)&a, &size)) return 0;
    return ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&a)->sin6_port
                                         : ((struct sockaddr_in *)(void *)&a)->sin_port);
}

bool os_listen(const char *host, const char *port, bool loopback_only, OsListener *out, const char **why) {
    struct addrinfo want = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found = NULL;
    int code = getaddrinfo(host, port, &want, &found);
    *out = (OsListener){.socket = OS_NO_FILE};
    if (code) return *why = gai_strerror(code), false;
    out->loopback = true;
    for (const struct addrinfo *a = found; a; a = a->ai_next) out->loopback = out->loopback && is_loopback(a->ai_addr);
    if (loopback_only && !out->loopback) return freeaddrinfo(found), *why = NULL, false;
    errno = 0;
    for (const struct addrinfo *a = found; a && out->socket < 0; a = a->ai_next) out->socket = listen_at(a);
    freeaddrinfo(found);
    if (out->socket < 0) return *why = strerror(errno), false;
    out->port = port_of((int)out->socket);
    return true;
}

void os_socket_close(intptr_t socket) {
    if (socket >= 0) close((int)socket);
}

/* --- connections --- */

bool os_peer_gone(intptr_t socket) {
#ifndef POLLRDHUP
#define POLLRDHUP 0
#endif
    struct pollfd p = {.fd = (int)socket, .events = POLLRDHUP};
    return poll(&p, 1, 0) > 0 && p.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL);
}

bool os_readable(intptr_t socket, double seconds) {
    struct pollfd p = {.fd = (int)socket, .events = POLLIN};
    return poll(&p, 1, (int)(1000 * seconds)) > 0;
}

void os_ignore_sigpipe(void) { (void)signal(SIGPIPE, SIG_IGN); }

void os_socket_cut(intptr_t socket) { (void)shutdown((int)socket, SHUT_RDWR); }
