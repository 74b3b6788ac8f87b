#define _XOPEN_SOURCE 700
#include "s3.h"

#include "tests/harness/test.h"
#include "tools/server/bucket/sigv4.h"
#include "weights/files/sha256.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HEAD = 16384, MOST_HEADERS = 40 };

typedef struct {
    char head[HEAD], *method, *path, *query;
    struct {
        char *name, *value;
    } header[MOST_HEADERS];
    int headers;
    char *body;
    size_t size;
} Request;

static const char *header(const Request *r, const char *name) {
    for (int i = 0; i < r->headers; i++)
        if (!strcmp(r->header[i].name, name)) return r->header[i].value;
    return "";
}

/* --- reading --- */

static bool read_request(int fd, Request *r) {
    size_t n = 0;
    char *end = NULL;
    while (n < HEAD - 1 && !end) {
        ssize_t got = recv(fd, r->head + n, HEAD - 1 - n, 0);
        if (got <= 0) return false;
        n += (size_t)got;
        r->head[n] = 0;
        end = strstr(r->head, "\r\n\r\n");
    }
    if (!end) return false;
    char *rest = end + 4;
    size_t early = n - (size_t)(rest - r->head);
    end[2] = 0;
    char *line = strstr(r->head, "\r\n");
    *line = 0, line += 2;
    r->method = strtok(r->head, " "), r->path = strtok(NULL, " ");
    if (!r->method || !r->path) return false;
    r->query = strchr(r->path, '?');
    if (r->query) *r->query++ = 0;
    while (*line && r->headers < MOST_HEADERS) {
        char *next = strstr(line, "\r\n"), *colon = strchr(line, ':');
        if (!next || !colon) return false;
        *next = *colon = 0;
        for (char *p = line; *p; p++) *p = (char)tolower((unsigned char)*p);
        r->header[r->headers].name = line;
        r->header[r->headers++].value = colon + 1 + strspn(colon + 1, " ");
        line = next + 2;
    }
    r->size = (size_t)strtoul(header(r, "content-length"), NULL, 10);
    if (r->size > 50 << 20) return false;
    r->body = malloc(r->size + 1);
    if (!strcasecmp(header(r, "expect"), "100-continue")) send(fd, "HTTP/1.1 100 Continue\r\n\r\n", 25, MSG_NOSIGNAL);
    memcpy(r->body, rest, early < r->size ? early : r->size);
    for (size_t at = early; at < r->size;) {
        ssize_t got = recv(fd, r->body + at, r->size - at, 0);
        if (got <= 0) return false;
        at += (size_t)got;
    }
    return true;
}

/* --- signatures --- */

/* Whether the Authorization header is right; else why it is not. */
static const char *check_header(const Request *r) {
    char id[200], stamp[16], region[64], names[800], theirs[80], canonical[HEAD + 2000], hex[65];
    if (sscanf(header(r, "authorization"),
               "AWS4-HMAC-SHA256 Credential=%190[^/]/%15[^/]/%60[^/]/s3/aws4_request, SignedHeaders=%790[^,], "
               "Signature=%70s",
               id, stamp, region, names, theirs) != 5)
        return "no Authorization";
    if (strcmp(id, S3_ID) != 0) return "InvalidAccessKeyId";
    const char *must[] = {"host", "x-amz-content-sha256", "x-amz-date"};
    for (int i = 0; i < 3; i++)
        if (!strstr(names, must[i])) return "a header is not signed";
    int n = snprintf(canonical, sizeof canonical, "%s\n%s\n%s\n", r->method, r->path, r->query ? r->query : "");
    char each[800], before[100] = "";
    strcpy(each, names);
    for (char *name = strtok(each, ";"); name; name = strtok(NULL, ";")) {
        if (strcmp(before, name) >= 0) return "headers are not in order";
        snprintf(before, sizeof before, "%s", name);
        n += snprintf(canonical + n, sizeof canonical - (size_t)n, "%s:%s\n", name, header(r, name));
    }
    snprintf(canonical + n, sizeof canonical - (size_t)n, "\n%s\n%s", names, header(r, "x-amz-content-sha256"));
    sigv4_sign(S3_SECRET, region, header(r, "x-amz-date"), canonical, hex);
    if (strcmp(hex, theirs) != 0) return "SignatureDoesNotMatch";
    uint8_t digest[32];
    Sha256 sum;
    sha256_init(&sum);
    sha256_update(&sum, r->body, r->size);
    sha256_final(&sum, digest);
    sha256_hex(digest, hex);
    return strcmp(hex, header(r, "x-amz-content-sha256")) ? "XAmzContentSHA256Mismatch" : NULL;
}

/* Whether a signed address is: it is made anew. */
static const char *check_query(const Request *r) {
    char stamp[40], region[64], origin[300], ours[5000], theirs[5000];
    const char *date = r->query ? strstr(r->query, "X-Amz-Date=") : NULL;
    const char *seconds = r->query ? strstr(r->query, "X-Amz-Expires=") : NULL;
    const char *scope = r->query ? strstr(r->query, "X-Amz-Credential=" S3_ID "%2F") : NULL;
    if (!date || !seconds || !scope || sscanf(date, "X-Amz-Date=%30[0-9TZ]", stamp) != 1 ||
        sscanf(scope + strlen("X-Amz-Credential=" S3_ID "%2F"), "%*8[0-9]%%2F%60[a-z0-9-]", region) != 1)
        return "AccessDenied";
    SigV4Keys k = {S3_ID, S3_SECRET, NULL, region};
    snprintf(origin, sizeof origin, "http://%.250s", header(r, "host"));
    snprintf(theirs, sizeof theirs, "%s%s?%s", origin, r->path, r->query);
    bool made = sigv4_address(&k, origin, r->path, stamp, strtol(seconds + 14, NULL, 10), ours, sizeof ours);
    return made && !strcmp(ours, theirs) ? NULL : "SignatureDoesNotMatch";
}

/* --- answers --- */

static void answer(int fd, int status, const char *code, const void *body, size_t size) {
    char head[400], xml[200] = "";
    if (code) snprintf(xml, sizeof xml, "<?xml version=\"1.0\"?><Error><Code>%.100s</Code></Error>", code);
    if (code) body = xml, size = strlen(xml);
    int n =
        snprintf(head, sizeof head, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", status, size);
    send(fd, head, (size_t)n, MSG_NOSIGNAL);
    if (size) send(fd, body, size, MSG_NOSIGNAL);
}

static void object_path(const S3 *s, const char *path, char out[1200]) {
    int n = snprintf(out, 1200, "%s/", s->dir);
    snprintf(out + n, 1200 - (size_t)n, "%s", path + 1);
    for (char *p = out + n; *p; p++)
        if (*p == '/') *p = '_';
}

static void serve(const S3 *s, int fd, const Request *r) {
    char file[1200], mode_path[600], mode[20] = "ok", log_path[600];
    snprintf(mode_path, sizeof mode_path, "%s/mode", s->dir);
    snprintf(log_path, sizeof log_path, "%s/log", s->dir);
    FILE *f = fopen(mode_path, "r");
    if (f && fscanf(f, "%15s", mode) != 1) strcpy(mode, "ok");
    if (f) fclose(f);
    const char *why = !strcmp(r->method, "PUT") ? check_header(r) : check_query(r);
    FILE *log = fopen(log_path, "a");
    fprintf(log, "%s %s %s %s\n", r->method, r->path, mode, why ? why : "signed");
    fclose(log);
    if (!strcmp(mode, "drop")) return;
    object_path(s, r->path, file);
    size_t size = 0;
    char *bytes = NULL;
    if (!strcmp(mode, "503")) answer(fd, 503, "SlowDown", NULL, 0);
    else if (why) answer(fd, 403, why, NULL, 0);
    else if (strncmp(r->path, "/pictures/", 10) != 0) answer(fd, 404, "NoSuchBucket", NULL, 0);
    else if (!strcmp(r->method, "PUT")) {
        test_write(file, r->body, r->size);
        answer(fd, 200, NULL, NULL, 0);
    } else if ((bytes = test_read(file, &size))) answer(fd, 200, NULL, bytes, size);
    else answer(fd, 404, "NoSuchKey", NULL, 0);
    free(bytes);
}

static void run(const S3 *s, int listener) {
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0) continue;
        Request *r = calloc(1, sizeof *r);
        if (read_request(fd, r)) serve(s, fd, r);
        free(r->body), free(r);
        close(fd);
    }
}

bool s3_start(S3 *s, const char *dir, int port) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    snprintf(s->dir, sizeof s->dir, "%s", dir);
    mkdir(dir, 0777);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&at, size) || listen(fd, 20) || getsockname(fd, (struct sockaddr *)&at, &size))
        return close(fd), false;
    s->port = ntohs(at.sin_port);
    fflush(NULL);
    s->process = fork();
    if (!s->process) {
        signal(SIGTERM, SIG_DFL);
        run(s, fd);
    }
    close(fd);
    return s->process > 0;
}

void s3_stop(S3 *s) {
    if (s->process <= 0) return;
    kill(s->process, SIGKILL);
    waitpid(s->process, NULL, 0);
    s->process = 0;
}

void s3_mode(const S3 *s, const char *mode) {
    char path[600];
    snprintf(path, sizeof path, "%s/mode", s->dir);
    test_write(path, mode, strlen(mode));
}
