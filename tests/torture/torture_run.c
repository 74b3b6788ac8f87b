/* torture_run.c: one run of sdc-torture, with its outputs in files, a limit on its time, and signals. */
#define _XOPEN_SOURCE 700
#include "torture.h"
#include "tests/harness/test.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WORDS = 64, CPU_SECONDS = 20, SECONDS = 120 };

/* Splits at spaces, but not within '...'. */
static int split(char *text, char *words[WORDS]) {
    int n = 0;
    for (char *p = text; *p && n < WORDS - 1;) {
        while (*p == ' ') p++;
        if (!*p) break;
        char end = *p == '\'' ? '\'' : ' ';
        words[n++] = p += *p == '\'';
        while (*p && *p != end) p++;
        if (*p) *p++ = 0;
    }
    words[n] = NULL;
    return n;
}

static void child(const char *dir, const char *args, const TortureHow *how, const char *out, const char *err) {
    char text[2048], *words[WORDS];
    snprintf(text, sizeof text, "sdc %s", args);
    split(text, words);
    static const int SIGNALS[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT};
    for (int i = 0; i < 5; i++) signal(SIGNALS[i], SIG_DFL);
    rlim_t most = CPU_SECONDS * (TEST_SANITIZED ? 6 : 1);
    setrlimit(RLIMIT_CPU, &(struct rlimit){most, most});
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    alarm(SECONDS * (TEST_SANITIZED ? 4 : 1));
    if (how->fail) setenv("SDC_FAIL", how->fail, 1);
    else unsetenv("SDC_FAIL");
    if (how->count) setenv("SDC_COUNT", how->count, 1);
    else unsetenv("SDC_COUNT");
    if (how->victim) setenv("SDC_VICTIM", how->victim, 1);
    else unsetenv("SDC_VICTIM");
    if (how->named) setenv("SDC_NAMED", "1", 1);
    char cache[800];
    snprintf(cache, sizeof cache, "%s/cache", dir);
    setenv("XDG_CACHE_HOME", cache, 1);
    if (!freopen("/dev/null", "rb", stdin) || !freopen(out, "wb", stdout) || !freopen(err, "wb", stderr) || chdir(dir))
        _exit(126);
    if (how->prepare) how->prepare(how->user);
    execv(getenv("SDC_TORTURE_BIN"), words);
    _exit(127);
}

static void wait_for(double seconds) {
    struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    while (nanosleep(&t, &t) && errno == EINTR) continue;
}

TortureRun torture_run(const char *dir, const char *args, const TortureHow *how) {
    TortureRun r = {.code = -1};
    char out[1024], err[1024];
    snprintf(out, sizeof out, "%s", test_path("torture.out"));
    snprintf(err, sizeof err, "%s", test_path("torture.err"));
    remove(out), remove(err);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) child(dir, args, how, out, err);
    if (pid > 0 && how->signal) {
        wait_for(how->delay);
        kill(pid, how->signal);
        if (how->twice) wait_for(0.001), kill(pid, how->signal);
    }
    int status;
    if (pid > 0 && waitpid(pid, &status, 0) == pid)
        r.killed = WIFSIGNALED(status), r.code = r.killed ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    if (r.code == 128 + SIGALRM || r.code == 128 + SIGXCPU ||
        (r.code == 128 + SIGKILL && how->signal != SIGKILL && !(how->fail && strstr(how->fail, "KILL"))))
        r.code = 124;
    r.out = test_read(out, NULL);
    r.err = test_read(err, NULL);
    if (!r.out) r.out = calloc(1, 1);
    if (!r.err) r.err = calloc(1, 1);
    return r;
}

void torture_free(TortureRun *r) {
    free(r->out);
    free(r->err);
    *r = (TortureRun){0};
}
