/* cases.c: see cases.h. The parent shares a page with the child that runs cases, which says there what it is at. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#define _XOPEN_SOURCE 700
#include "cases.h"
#include "tests/harness/test.h"

#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    TOGETHER = 100, /* cases in a process */
    SECONDS = 5,    /* that a case may compute */
    WAITING = 120,  /* and take on a busy machine */
    REASON = 160,
    REASONS = 400,
    FILES = 64, /* descriptors that are looked at */
    CANNOT = 3, /* exit code of a process that cannot begin */
};

typedef struct {
    char text[REASON];
    uint64_t count, example;
} Reason;

typedef struct {
    uint64_t at, failures;
    bool cannot, ended, failed, alone;
    double slowest;
    uint64_t slowest_at;
    int reasons;
    Reason reason[REASONS];
} Shared;

static Shared *shared;
static const Cases *cases;

/* --- what a case says --- */

bool case_fails(const char *format, ...) {
    if (shared->failed) return false;
    shared->failed = true;
    shared->failures++;
    char front[80];
    snprintf(front, sizeof front, "  FAIL %s %" PRIu64 ": ", cases->name, shared->at);
    va_list args;
    va_start(args, format);
    test_line(front, format, args);
    va_end(args);
    return false;
}

bool case_failed(void) { return shared->failed; }

void case_says(const char *format, ...) {
    if (!shared->alone) return;
    va_list args;
    va_start(args, format);
    test_line("  ", format, args);
    va_end(args);
}

/* Without digits, paths and what stands in quotes. */
static void plain(char out[REASON], const char *text) {
    size_t n = 0;
    for (const char *p = text; *p && n + 1 < REASON; p++) {
        if (isdigit((unsigned char)*p)) {
            if (!n || out[n - 1] != 'N') out[n++] = 'N';
        } else if (*p == '\'' && strchr(p + 1, '\'')) {
            out[n++] = '*';
            p = strchr(p + 1, '\'');
        } else out[n++] = *p;
    }
    out[n] = 0;
}

void case_tally(const char *format, ...) {
    char text[1024], reason[REASON];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    case_says("%s", text);
    plain(reason, text);
    int i = 0;
    while (i < shared->reasons && strcmp(shared->reason[i].text, reason)) i++;
    if (i == REASONS) return;
    if (i == shared->reasons) {
        shared->reasons++;
        memcpy(shared->reason[i].text, reason, sizeof reason);
        shared->reason[i].example = shared->at;
    }
    shared->reason[i].count++;
}

bool case_refused(const char *what, int code, const char *text) {
    case_says("%s: %s", what, text);
    if (code <= 0 || !*text) return case_fails("%s failed without a line", what);
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 127) return case_fails("%s: more than a line of text: %s", what, text);
    return true;
}

/* --- a process --- */

static int open_files(void) {
    int n = 0;
    for (int i = 0; i < FILES; i++) n += fcntl(i, F_GETFD) != -1;
    return n;
}

static double now(void) {
    struct timeval t;
    gettimeofday(&t, NULL);
    return (double)t.tv_sec + 1e-6 * (double)t.tv_usec;
}

/* A case that takes too long ends the process, by SIGPROF or SIGALRM. */
static void limit(bool on) {
    int slower = TEST_SANITIZED ? 6 : 1;
    struct itimerval t = {.it_value.tv_sec = on ? SECONDS * slower : 0};
    setitimer(ITIMER_PROF, &t, NULL);
    alarm(on ? (unsigned)(WAITING * slower) : 0);
}

static void one(void *state, uint64_t number) {
    int files = open_files();
    shared->at = number;
    shared->failed = false;
    double begun = now();
    limit(true);
    cases->run(state, number);
    limit(false);
    double took = now() - begun;
    if (took > shared->slowest) shared->slowest = took, shared->slowest_at = number;
    if (open_files() != files) case_fails("%d files are open, not %d", open_files(), files);
    if (getenv("GEN_VERBOSE")) printf("  %s %" PRIu64 ": %.0f ms\n", cases->name, number, took * 1000), fflush(stdout);
}

static int child(uint64_t first, uint64_t count) {
    void *state = cases->begin();
    shared->cannot = !state;
    if (!state) return CANNOT;
    for (uint64_t i = 0; i < count; i++) one(state, first + i);
    cases->end(state);
    shared->ended = true;
    fflush(NULL);
    return 0;
}

/* Runs cases in a process of their own; what it says of how that ended, "" if well. */
static void apart(uint64_t first, uint64_t count, char *how, size_t size) {
    fflush(NULL); /* else the child prints our buffers again */
    shared->at = first, shared->ended = false;
    pid_t pid = fork();
    if (!pid) exit(child(first, count)); /* through the leak sanitizer */
    int status = 0;
    *how = 0;
    if (pid < 0 || waitpid(pid, &status, 0) != pid) snprintf(how, size, "no process");
    else if (!WIFSIGNALED(status) && !WEXITSTATUS(status)) return;
    else if (!WIFSIGNALED(status)) snprintf(how, size, "ended the process with exit code %d", WEXITSTATUS(status));
    else if (WTERMSIG(status) == SIGPROF) snprintf(how, size, "computed for more than %d s", SECONDS);
    else if (WTERMSIG(status) == SIGALRM) snprintf(how, size, "took more than %d s", WAITING);
    else snprintf(how, size, "ended the process by signal %d: %s", WTERMSIG(status), strsignal(WTERMSIG(status)));
}

static void lost(const char *how) {
    shared->failures++;
    printf("  FAIL %s %" PRIu64 ": %s\n", cases->name, shared->at, how);
    fflush(stdout);
}

static bool share(const Cases *c) {
    cases = c;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) shared = NULL;
    if (shared) memset(shared, 0, sizeof *shared);
    return shared;
}

static int by_count(const void *a, const void *b) {
    const Reason *x = a, *y = b;
    return x->count < y->count ? 1 : x->count > y->count ? -1 : 0;
}

void cases_run(const Cases *c, uint64_t first, uint64_t count) {
    if (!test_check(share(c), "memory for %s", c->names)) return;
    char how[120];
    double begun = now();
    for (uint64_t at = first, end = first + count; at < end;) {
        uint64_t some = end - at < TOGETHER ? end - at : TOGETHER;
        apart(at, some, how, sizeof how);
        if (*how && !shared->ended) { /* in one of them */
            lost(how);
            if (shared->cannot) break;
            at = shared->at + 1;
            continue;
        }
        for (uint64_t i = 0; *how && i < some; i++) { /* after them all: a leak, of which one? */
            apart(at + i, 1, how, sizeof how);
            if (*how) lost(how);
            snprintf(how, sizeof how, "ended the process in the end");
        }
        at += some;
        if (getenv("GEN_TALLY") && (at - first) % 1000 == 0)
            printf("  %" PRIu64 " done, %" PRIu64 " fail, %.0f s\n", at - first, shared->failures, now() - begun);
    }
    test_check(!shared->failures, "%" PRIu64 " %s from %" PRIu64 " on, %" PRIu64 " of which fail", count, c->names,
               first, shared->failures);
    if (count > 1 && (getenv("SDC_TEST_VERBOSE") || getenv("GEN_TALLY"))) {
        qsort(shared->reason, (size_t)shared->reasons, sizeof *shared->reason, by_count);
        printf("  %" PRIu64 " %s in %.0f s; the slowest is %" PRIu64 ": %.2f s\n", count, c->names, now() - begun,
               shared->slowest_at, shared->slowest);
        for (int i = 0; i < shared->reasons; i++)
            printf("  %7" PRIu64 "  %s (%" PRIu64 ")\n", shared->reason[i].count, shared->reason[i].text,
                   shared->reason[i].example);
    }
    munmap(shared, sizeof *shared);
    shared = NULL;
}

int case_main(const Cases *c, const char *number) {
    char *end;
    uint64_t n = strtoull(number ? number : "", &end, 10);
    if (!number || !*number || *end) {
        fprintf(stderr, "usage: --gen-%s NUMBER\n", c->name);
        return 2;
    }
    if (!share(c)) return 1;
    shared->alone = true;
    int status = child(n, 1);
    return status ? status : shared->failures != 0;
}

uint64_t cases_count(const char *variable, uint64_t otherwise) {
    const char *s = getenv(variable);
    return s && *s ? strtoull(s, NULL, 10) : otherwise;
}

uint64_t cases_first(void) { return cases_count("GEN_FIRST", 0); }
