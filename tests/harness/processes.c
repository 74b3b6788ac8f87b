/* processes.c: suites as processes side by side. A child is the test program with one suite's name; it writes to a
 * file, which is printed when it has ended, and its last line has its counts. Each is a process group of its own, and
 * what is left of the group when the child has ended is killed: a suite out of time cannot stop its servers itself. */
#define _XOPEN_SOURCE 700
#include "harness.h"

#include "tensor/os.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    const Suite *suite;
    pid_t pid;
    double start;
} Job;

static volatile sig_atomic_t stopped; /* by this signal */

static void stop(int signal) { stopped = signal; }

static unsigned most_seconds(const Suite *s) { return (unsigned)(300 + 10 * s->seconds) * (TEST_SANITIZED ? 4 : 1); }

static void file_of(char path[1024], const char *dir, const Suite *s) {
    snprintf(path, 1024, "%s/%s.txt", dir, s->name);
}

static pid_t begin(const char *program, const char *dir, const Suite *s) {
    char path[1024];
    file_of(path, dir, s);
    fflush(NULL); /* else the child prints our buffers again */
    pid_t pid = fork();
    if (pid > 0) setpgid(pid, pid); /* both do it, whoever comes first */
    if (pid) return pid;
    setpgid(0, 0);
    int out = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (out >= 0 && dup2(out, 1) >= 0 && dup2(out, 2) >= 0 && !setenv("TMPDIR", dir, 1)) {
        alarm(most_seconds(s)); /* outlives exec */
        execl(program, program, s->name, (char *)NULL);
    }
    _exit(127);
}

/* Prints what the suite printed but for its last line, which repeats the counts of the line before. */
static Counts finish(const char *dir, const Job *job, int status) {
    char path[1024];
    size_t size = 0;
    file_of(path, dir, job->suite);
    char *text = test_read(path, &size), *last = text, *before = text;
    for (char *p = text; p && *p; p += strcspn(p, "\n"), p += *p == '\n') before = last, last = p;
    Counts n = {0};
    bool counted = last && sscanf(last, "%ld passed, %ld failed", &n.passed, &n.failed) == 2 &&
                   sscanf(before, "%*s %*d passed, %*d failed, %ld skipped", &n.skipped) >= 0;
    if (text) fwrite(text, 1, counted ? (size_t)(last - text) : size, stdout);
    if (WIFSIGNALED(status) || !counted || WEXITSTATUS(status) != counts_status(n)) {
        n.failed++;
        printf("  FAIL suite %s ", job->suite->name);
        if (!WIFSIGNALED(status)) printf("ended with exit code %d", WEXITSTATUS(status));
        else if (WTERMSIG(status) == SIGALRM) printf("took more than %u s", most_seconds(job->suite));
        else printf("ended by signal %d: %s", WTERMSIG(status), strsignal(WTERMSIG(status)));
        printf(", after %.1f s\n", os_clock() - job->start);
    }
    fflush(stdout);
    remove(path);
    free(text);
    return n;
}

static int longest_first(const void *a, const void *b) {
    const Suite *s = *(const Suite *const *)a, *t = *(const Suite *const *)b;
    if (s->slow != t->slow) return s->slow ? 1 : -1;
    return s->seconds != t->seconds ? t->seconds - s->seconds : strcmp(s->name, t->name);
}

static Job *job_of(Job *jobs, int running, pid_t pid) {
    for (int i = 0; i < running; i++)
        if (jobs[i].pid == pid) return jobs + i;
    return NULL;
}

/* Waits for a child and kills the rest of its group; 0 when a signal came instead, < 0 when there is no child. The
 * child stays unreaped until then, so that the group is still its own. */
static pid_t wait_for_one(int *status) {
    siginfo_t ended = {0};
    if (waitid(P_ALL, 0, &ended, WEXITED | WNOWAIT) < 0) return errno == EINTR ? 0 : -1;
    kill(-ended.si_pid, SIGKILL);
    return waitpid(ended.si_pid, status, 0);
}

Counts suites_run(const char *program, const Suite *const *list, int count, int jobs) {
    Counts all = {0};
    char dir[HARNESS_DIR];
    const Suite **order = malloc((size_t)count * sizeof *order);
    Job *running = calloc((size_t)jobs, sizeof *running);
    if (!order || !running) abort();
    harness_make_dir(dir);
    memcpy(order, list, (size_t)count * sizeof *order);
    qsort(order, (size_t)count, sizeof *order, longest_first);
    static const int SIGNALS[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    for (size_t i = 0; i < sizeof SIGNALS / sizeof *SIGNALS; i++)
        if (signal(SIGNALS[i], SIG_IGN) != SIG_IGN)
            sigaction(SIGNALS[i], &(struct sigaction){.sa_handler = stop}, NULL);
    for (int next = 0, n = 0; n || next < count;) {
        while (!stopped && next < count && n < (order[next]->slow ? 1 : jobs)) {
            running[n] = (Job){order[next], begin(program, dir, order[next]), os_clock()};
            if (running[n].pid < 0) abort();
            n++, next++;
        }
        if (stopped) {
            for (int i = 0; i < n; i++) kill(-running[i].pid, SIGTERM);
            next = count;
        }
        int status;
        pid_t pid = wait_for_one(&status);
        if (pid < 0) break;
        Job *job = pid > 0 ? job_of(running, n, pid) : NULL;
        if (!job) continue;
        if (!stopped) {
            Counts c = finish(dir, job, status);
            all.passed += c.passed, all.failed += c.failed, all.skipped += c.skipped;
        }
        *job = running[--n];
    }
    harness_remove_dir(dir);
    free(order);
    free(running);
    if (stopped) {
        signal(stopped, SIG_DFL);
        raise(stopped);
    }
    return all;
}
