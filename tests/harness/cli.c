/* cli.c: runs sdc under the shell with its outputs in files. */
#define _DEFAULT_SOURCE /* wait4 */
#define _XOPEN_SOURCE 700
#include "cli.h"
#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SECONDS = TEST_SANITIZED ? 480 : 120, LINE = 8192 };

static size_t least_peak; /* of a run that does nothing */

bool cli_begin(void) {
    const char *name = getenv("SDC_BIN");
    char path[PATH_MAX];
    if (!realpath(name && *name ? name : "./sdc", path) || access(path, X_OK)) return false;
    if (setenv("SDC", path, 1)) return false;
    if (realpath("weights/builtin.safetensors", path)) setenv("B", path, 1);
    if (setenv("XDG_CACHE_HOME", test_path("cache"), 1)) return false;  /* hashes do not go to the user's cache */
    if (mkdir(test_path("cli"), 0777) && errno != EEXIST) return false; /* an earlier suite may have begun */
    CliRun r = cli("version");
    least_peak = r.peak;
    cli_free(&r);
    return true;
}

const char *cli_path(const char *name) {
    char inner[512];
    snprintf(inner, sizeof inner, "cli/%s", name);
    return test_path(inner);
}

size_t cli_files(void) {
    size_t n = 0;
    DIR *d = opendir(test_path("cli"));
    for (struct dirent *f; d && (f = readdir(d));) n += strcmp(f->d_name, ".") && strcmp(f->d_name, "..");
    if (d) closedir(d);
    return n;
}

static void wait_for_line(const char *path, pid_t pid) {
    for (int i = 0; i < SECONDS * 100; i++) {
        char *text = test_read(path, NULL);
        bool there = text && strchr(text, '\n');
        free(text);
        siginfo_t ended = {0};
        if (there || waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOHANG | WNOWAIT) || ended.si_pid) return;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
}

CliRun cli_shell(const char *command, bool interrupt) {
    CliRun r = {.code = -1};
    char dir[PATH_MAX], out[PATH_MAX], err[PATH_MAX];
    snprintf(dir, sizeof dir, "%s", test_path("cli"));
    snprintf(out, sizeof out, "%s", test_path("cli.out"));
    snprintf(err, sizeof err, "%s", test_path("cli.err"));
    remove(err);
    double start = test_seconds();
    fflush(NULL); /* else the child writes out our buffers once more */
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGINT, SIG_DFL); /* the tests may run where these are ignored, as under nohup */
        signal(SIGHUP, SIG_DFL);
        alarm(SECONDS);
        if (!freopen("/dev/null", "rb", stdin) || !freopen(out, "wb", stdout) || !freopen(err, "wb", stderr) ||
            chdir(dir))
            _exit(126);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    if (pid > 0 && interrupt) {
        wait_for_line(err, pid);
        kill(pid, SIGINT);
    }
    int status;
    struct rusage used = {0};
    if (pid > 0 && wait4(pid, &status, 0, &used) == pid)
        r.code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    r.seconds = test_seconds() - start;
#ifdef __APPLE__
    r.peak = (size_t)used.ru_maxrss;
#else
    r.peak = (size_t)used.ru_maxrss << 10;
#endif
    r.out = test_read(out, NULL);
    r.err = test_read(err, NULL);
    if (!r.out) r.out = calloc(1, 1);
    if (!r.err) r.err = calloc(1, 1);
    return r;
}

static CliRun run(const char *format, va_list args) {
    char line[LINE] = "exec \"$SDC\" ";
    size_t n = strlen(line);
    vsnprintf(line + n, sizeof line - n, format, args);
    return cli_shell(line, false);
}

CliRun cli(const char *format, ...) {
    va_list args;
    va_start(args, format);
    CliRun r = run(format, args);
    va_end(args);
    return r;
}

void cli_free(CliRun *r) {
    free(r->out);
    free(r->err);
    *r = (CliRun){0};
}

bool cli_holds(const char *text, const char *words) {
    while (words && *words) {
        char part[256];
        size_t n = strcspn(words, "|");
        snprintf(part, sizeof part, "%.*s", (int)n, words);
        if (!strstr(text, part)) return false;
        words += n + (words[n] == '|');
    }
    return true;
}

bool cli_cheap(const CliRun *r) {
    return TEST_SANITIZED || (r->seconds < CLI_SECONDS && r->peak < least_peak + CLI_MEMORY);
}

static bool ends(const char *text, const char *tail) {
    size_t n = strlen(text), k = strlen(tail);
    return n >= k && !strcmp(text + n - k, tail);
}

void cli_tell(const CliRun *r) {
    test_note("exit %d after %.2f s and %zu MB, stdout: %.300s", r->code, r->seconds, r->peak >> 20, r->out);
    test_note("stderr: %.600s", r->err);
}

bool cli_fails(int code, const char *words, const char *format, ...) {
    char line[LINE];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    CliRun r = cli("%s", line);
    const char *end = strchr(r.err, '\n'), *help = strstr(r.err, "; see sdc help");
    bool ok = r.code == code && end && !end[1] && !strncmp(r.err, "sdc: ", 5) && !*r.out && cli_holds(r.err, words);
    ok = ok && (code == 2 ? help && help > r.err && ends(r.err, "\n") && !strchr(help + 2, ';') : !help);
    test_check(ok && cli_cheap(&r), "sdc %.150s: exit %d, one line with %s", line, code, words ? words : "anything");
    cli_tell(&r);
    cli_free(&r);
    return ok;
}

static bool only_progress(const char *err) {
    while (*err) {
        const char *step = strstr(err, "step ");
        size_t n = strcspn(err, "\n");
        if (!step || step > err + n) return false;
        err += n + (err[n] == '\n');
    }
    return true;
}

bool cli_works(const char *words, const char *format, ...) {
    char line[LINE];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    CliRun r = cli("%s", line);
    bool ok = r.code == 0 && only_progress(r.err) && cli_holds(r.out, words);
    test_check(ok, "sdc %.150s: works, prints %s", line, words ? words : "anything");
    cli_tell(&r);
    cli_free(&r);
    return ok;
}

void cli_embedding(const char *name) {
    char from[600];
    size_t size = 0;
    const char *golden = getenv("SDC_GOLDEN");
    snprintf(from, sizeof from, "%.500s/embeddings/webui.pt", golden && *golden ? golden : "tests/golden");
    char *bytes = test_read(from, &size);
    test_check(bytes && test_write(cli_path(name), bytes, size), "%s: an embedding is written", name);
    free(bytes);
}
