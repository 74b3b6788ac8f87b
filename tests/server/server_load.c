/* server_load.c: many clients at once, some of them hostile, beside idle ones: make load in small. */
#define _XOPEN_SOURCE 700
#include "server.h"

#include "tests/harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLIENTS = 16, ROUNDS = 3, IDLE = 100, SEEDS = 5, LOOKS = 6 };

static void body_of(int i, char body[100]) {
    snprintf(body, 100, "{\"prompt\":\"p%d\",\"seed\":%d,\"steps\":2}", i % SEEDS, i % SEEDS);
}

/* A request that breaks off, one that is no JSON, one that goes away while it is drawn. */
static void disturb(const Served *s, int i) {
    static const char *const HEADS[] = {"POST /sdapi",
                                        "POST " T " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{"};
    int fd = call_open(s);
    if (i % 3 < 2) call_raw(fd, HEADS[i % 3], strlen(HEADS[i % 3]));
    else call_send(fd, "POST", T, "", "{\"steps\":500,\"seed\":1}");
    call_close(fd);
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Each of the clients gets the picture of its own request, made alone; and progress is answered meanwhile. */
void server_load(const Served *s) {
    Reply alone[SEEDS];
    char body[100];
    int idle[IDLE], fds[CLIENTS], wrong = 0, looks = 0;
    double seconds[ROUNDS * LOOKS];
    for (int i = 0; i < SEEDS; i++) body_of(i, body), alone[i] = call(s, "POST", T, "", body);
    for (int i = 0; i < IDLE; i++) idle[i] = call_open(s);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < CLIENTS; i++) {
            body_of(round + i, body);
            fds[i] = call_open(s);
            call_send(fds[i], "POST", T, "", body);
            if (i % 8 == 0) disturb(s, round + i / 8);
        }
        for (int i = 0; i < LOOKS; i++) {
            Reply r = call(s, "GET", "/sdapi/v1/progress", "", NULL);
            seconds[looks++] = r.status == 200 ? r.seconds : 1e9;
            reply_free(&r);
        }
        for (int i = 0; i < CLIENTS; i++) {
            Reply r = call_read(fds[i]), *own = &alone[(round + i) % SEEDS];
            const char *a = reply_get(&r, "images.0"), *b = reply_get(own, "images.0");
            wrong += !a || !b || strcmp(a, b) != 0;
            call_close(fds[i]);
            reply_free(&r);
        }
    }
    test_check(!wrong, "%d of %d pictures are lost or another's", wrong, CLIENTS * ROUNDS);
    qsort(seconds, (size_t)looks, sizeof *seconds, by_size);
    test_check(seconds[looks / 2] < 0.05, "progress is answered within 50 ms while others draw: %.0f ms",
               1000 * seconds[looks / 2]);
    for (int i = 0; i < IDLE; i++) call_close(idle[i]);
    for (int i = 0; i < SEEDS; i++) reply_free(&alone[i]);
    wait_idle(s, "and nothing is left in the queue");
}
