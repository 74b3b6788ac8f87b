#define _DEFAULT_SOURCE
#define _XOPEN_SOURCE 700
#include "client.h"

#include "tests/harness/test.h"
#include "weights/files/json.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE = TEST_SANITIZED ? 480 : 120 }; /* seconds for a reply */

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void nap(void) { nanosleep(&(struct timespec){0, 10000000}, NULL); }

/* --- the server --- */

bool serve_start(Served *s, const char *arguments) {
    static int count;
    char out[512], command[2048], line[200];
    *s = (Served){0};
    snprintf(out, sizeof out, "%s/serve-%d.out", test_dir(), ++count);
    snprintf(s->log, sizeof s->log, "%s/serve-%d.log", test_dir(), count);
    snprintf(command, sizeof command, "exec \"$SDC\" serve --listen 127.0.0.1:0 %s > %s 2> %s", arguments, out, s->log);
    s->process = fork();
    if (!s->process) {
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    for (double until = now() + PATIENCE; s->process > 0 && now() < until; nap()) {
        FILE *f = fopen(out, "r");
        bool there = f && fgets(line, sizeof line, f) && strchr(line, '\n');
        if (f) fclose(f);
        const char *port = there ? strrchr(line, ':') : NULL;
        if (port && sscanf(port, ":%d", &s->port) == 1) return true;
        if (waitpid(s->process, NULL, WNOHANG)) return s->process = 0, false;
    }
    return false;
}

void serve_signal(const Served *s, int number) { kill(s->process, number); }

int serve_wait(Served *s) {
    int status = 0;
    for (double until = now() + PATIENCE; s->process > 0; nap()) {
        if (waitpid(s->process, &status, WNOHANG) == s->process) break;
        if (now() < until) continue;
        kill(s->process, SIGKILL);
        waitpid(s->process, &status, 0);
        s->process = 0;
        return -1;
    }
    s->process = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int serve_stop(Served *s) {
    if (s->process <= 0) return -1;
    serve_signal(s, SIGTERM);
    return serve_wait(s);
}

/* --- calls --- */

int call_open(const Served *s) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)s->port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0) return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (!connect(fd, (struct sockaddr *)&at, sizeof at)) return fd;
    close(fd);
    return -1;
}

void call_close(int socket) {
    if (socket >= 0) close(socket);
}

bool call_raw(int socket, const void *bytes, size_t size) {
    const char *p = bytes;
    while (size) {
        ssize_t n = send(socket, p, size, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        p += n, size -= (size_t)n;
    }
    return true;
}

bool call_send(int socket, const char *method, const char *path, const char *headers, const char *body) {
    char head[4096], type[64] = "", length[64] = "";
    const char *none = strstr(headers, "Content-Type: -\r\n");
    if (body && !strstr(headers, "Content-Type:")) snprintf(type, sizeof type, "Content-Type: application/json\r\n");
    if (body) snprintf(length, sizeof length, "Content-Length: %zu\r\n", strlen(body));
    snprintf(head, sizeof head, "%s %s HTTP/1.1\r\n%s%s%.*s%s%s\r\n", method, path,
             strstr(headers, "Host:") ? "" : "Host: localhost\r\n", type,
             none ? (int)(none - headers) : (int)strlen(headers), headers, none ? none + 17 : "", length);
    return call_raw(socket, head, strlen(head)) && (!body || call_raw(socket, body, strlen(body)));
}

/* The value of a header's line, or NULL. */
static const char *header(const char *head, const char *name) {
    size_t n = strlen(name);
    for (const char *p = head; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
        if (!strncasecmp(p, name, n) && p[n] == ':') return p + n + 1 + strspn(p + n + 1, " ");
    return NULL;
}

/* Joins chunks in place; false: more must come. */
static bool join_chunks(char *body, size_t *size) {
    char *from = body, *to = body, *end = body + *size;
    for (;;) {
        char *line = memchr(from, '\n', (size_t)(end - from));
        if (!line) return false;
        size_t n = strtoul(from, NULL, 16);
        from = line + 1;
        if (!n) break;
        if ((size_t)(end - from) < n + 2) return false;
        memmove(to, from, n);
        to += n, from += n + 2;
    }
    *size = (size_t)(to - body);
    *to = 0;
    return true;
}

/* Whether all of a reply is in text[0..size). */
static bool is_whole(Reply *r, const char *text, size_t size, bool closed) {
    const char *end = size ? strstr(text, "\r\n\r\n") : NULL;
    if (!end) return false;
    size_t head = (size_t)(end - text) + 2, rest = size - head - 2;
    free(r->head);
    r->head = strndup(text, head);
    if (sscanf(text, "HTTP/1.%*c %d", &r->status) != 1) return true;
    if (r->status == 100) return false;
    const char *length = header(r->head, "Content-Length"), *coding = header(r->head, "Transfer-Encoding");
    r->chunked = coding && !strncasecmp(coding, "chunked", 7);
    bool none = r->status == 204 || r->status == 304;
    if (!none && length && rest < strtoul(length, NULL, 10)) return false;
    if (!none && !length && !r->chunked && !closed) return false;
    free(r->body);
    r->body = malloc(rest + 1);
    memcpy(r->body, end + 4, rest);
    r->body[rest] = 0;
    r->size = rest;
    if (r->chunked && !none && !join_chunks(r->body, &r->size)) return free(r->body), r->body = NULL, false;
    return true;
}

Reply call_read(int socket) {
    Reply r = {0};
    size_t size = 0, room = 1 << 16;
    char *text = malloc(room + 1);
    double began = now();
    for (bool whole = false, closed = false; !whole && !closed && now() - began < PATIENCE;) {
        struct pollfd p = {.fd = socket, .events = POLLIN};
        if (poll(&p, 1, 1000) <= 0) continue;
        if (size == room) text = realloc(text, (room *= 2) + 1);
        ssize_t n = recv(socket, text + size, room - size, 0);
        closed = n <= 0;
        size += n > 0 ? (size_t)n : 0;
        text[size] = 0;
        whole = is_whole(&r, text, size, closed);
    }
    if (!r.body) r.status = 0;
    free(text);
    r.seconds = now() - began;
    return r;
}

Reply call(const Served *s, const char *method, const char *path, const char *headers, const char *body) {
    Reply r = {0};
    int fd = call_open(s);
    if (fd >= 0) {
        (void)call_send(fd, method, path, headers, body); /* a refusal may come before all is sent */
        r = call_read(fd);
    }
    call_close(fd);
    return r;
}

Reply call_with(const Served *s, const char *path, const char *format, const char *value) {
    size_t n = strlen(format) + strlen(value) + 1;
    char *body = malloc(n);
    snprintf(body, n, format, value);
    Reply r = call(s, "POST", path, "", body);
    free(body);
    return r;
}

void reply_free(Reply *r) {
    free(r->head), free(r->body);
    *r = (Reply){0};
}

/* --- what a reply says --- */

const char *reply_header(const Reply *r, const char *name) {
    static char values[4][300];
    static int next;
    const char *at = header(r->head, name);
    char *value = values[next++ % 4];
    if (!at) return NULL;
    snprintf(value, sizeof *values, "%.*s", (int)strcspn(at, "\r\n"), at);
    return value;
}

static const JsonNode *child(const Json *j, const JsonNode *at, const char *name) {
    if (!at || at->type != JSON_ARRAY) return json_get(j, at, name);
    int32_t i = at->child;
    for (long k = strtol(name, NULL, 10); i >= 0 && k > 0; k--) i = j->nodes[i].next;
    return i >= 0 ? &j->nodes[i] : NULL;
}

static char *scalar(const JsonNode *n, bool count) {
    char text[32];
    static const char *const WORDS[] = {
        [JSON_NULL] = "null", [JSON_FALSE] = "false", [JSON_TRUE] = "true", [JSON_NUMBER] = "",
        [JSON_STRING] = "",   [JSON_ARRAY] = "[]",    [JSON_OBJECT] = "{}"};
    snprintf(text, sizeof text, "%d", (int)n->count);
    return strdup(count ? text : n->text ? n->text : WORDS[n->type]);
}

static char *find(const char *text, size_t size, const char *path) {
    Json *j = json_parse("reply", text, size, NULL);
    const char *colon = strchr(path, ':');
    char name[200];
    const JsonNode *at = j ? &j->nodes[0] : NULL;
    char *found = NULL;
    bool count = false;
    for (const char *p = path; at && *p;) {
        size_t n = strcspn(p, ".:");
        snprintf(name, sizeof name, "%.*s", (int)n, p);
        if (!strcmp(name, "#")) count = true;
        else at = child(j, at, name);
        p += n;
        if (p == colon) break;
        p += *p == '.';
    }
    if (at && colon && at->text) found = find(at->text, strlen(at->text), colon + 1);
    else if (at && !colon) found = scalar(at, count);
    json_free(j);
    return found;
}

const char *reply_get(const Reply *r, const char *path) {
    static char *results[8];
    static int next;
    char **at = &results[next++ % 8];
    free(*at);
    return *at = r->body ? find(r->body, r->size, path) : NULL;
}

/* Whether one of "path=value" and so on holds; else *why says what there is. */
static bool holds(const Reply *r, const char *wanted, size_t size, char *why, size_t room) {
    char path[200], value[300];
    size_t n = strcspn(wanted, "=^~!-|");
    snprintf(path, sizeof path, "%.*s", (int)n, wanted);
    snprintf(value, sizeof value, "%.*s", size > n ? (int)(size - n - 1) : 0, wanted + n + 1);
    const char *is = reply_get(r, path);
    bool ok = wanted[n] == '='   ? is && !strcmp(is, value)
              : wanted[n] == '^' ? is && !strncmp(is, value, strlen(value))
              : wanted[n] == '~' ? is && strstr(is, value)
              : wanted[n] == '!' ? is != NULL
                                 : !is;
    if (!ok) snprintf(why, room, "%.*s: it is %.200s", (int)size, wanted, is ? is : "not there");
    return ok;
}

bool reply_check(const Reply *r, int status, const char *wanted, const char *format, ...) {
    char name[300], why[800] = "";
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    bool ok = r->status == status;
    for (const char *p = wanted; ok && *p; p += *p == '|') {
        size_t n = strcspn(p, "|");
        ok = holds(r, p, n, why, sizeof why);
        p += n;
    }
    test_check(ok, "%s", name);
    if (!ok) test_note("%s; status %d, wanted %d: %.300s", why, r->status, status, r->body ? r->body : "no reply");
    return ok;
}

/* --- base64 --- */

static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_of(const uint8_t *bytes, size_t size) {
    char *out = malloc(size / 3 * 4 + 8), *to = out;
    for (size_t i = 0; i < size; i += 3) {
        unsigned v = (unsigned)bytes[i] << 16 | (i + 1 < size ? (unsigned)bytes[i + 1] << 8 : 0) |
                     (i + 2 < size ? bytes[i + 2] : 0);
        *to++ = DIGITS[v >> 18], *to++ = DIGITS[v >> 12 & 63];
        *to++ = i + 1 < size ? DIGITS[v >> 6 & 63] : '=', *to++ = i + 2 < size ? DIGITS[v & 63] : '=';
    }
    *to = 0;
    return out;
}

uint8_t *base64_bytes(const char *text, size_t *size) {
    uint8_t *out = malloc(strlen(text) + 4);
    unsigned v = 0;
    *size = 0;
    for (int bits = 0; *text && *text != '='; text++) {
        v = v << 6 | (unsigned)(strchr(DIGITS, *text) - DIGITS), bits += 6;
        if (bits >= 8) bits -= 8, out[(*size)++] = (uint8_t)(v >> bits);
    }
    return out;
}
