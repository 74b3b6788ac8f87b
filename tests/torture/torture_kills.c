/* torture_kills.c: signals, at every call that changes a file and at random moments; then a look at the folder, and the
 * same command again, which must end as if nothing had happened: training to the same bytes. */
#define _XOPEN_SOURCE 700
#include "torture.h"
#include "tests/harness/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static const struct {
    const char *name;
    int number;
    bool told, twice; /* prints a line; is sent twice */
} SIGNALS[] = {{"KILL", SIGKILL, false, false}, {"INT", SIGINT, true, false},    {"TERM", SIGTERM, true, false},
               {"HUP", SIGHUP, true, false},    {"PIPE", SIGPIPE, false, false}, {"QUIT", SIGQUIT, false, false},
               {"INT", SIGINT, true, true}};
enum { SIGNAL_COUNT = sizeof SIGNALS / sizeof *SIGNALS };

static long tried, failed;

static int lines(const char *text) {
    int n = 0;
    for (; *text; text++) n += *text == '\n';
    return n;
}

/* What is wrong with how it ended, or NULL. early: the signal may have come before main. */
static const char *judge_end(const TortureRun *r, int which, bool early) {
    int number = SIGNALS[which].number;
    bool kills = number == SIGKILL || number == SIGQUIT;
    if (r->code == 0 || r->code == 1) return NULL; /* done before it came; or a line that scene_judge looks at */
    if (r->code == 124) return "hangs";
    if (r->code != 128 + number) return "another exit code than 128 + N";
    if (kills || early) return NULL;
    if (r->killed) return "killed: no handler";
    if (SIGNALS[which].told && (lines(r->err) != 1 || strncmp(r->err, "sdc: stopped", 12)))
        return "not one line that says so";
    if (!SIGNALS[which].told && *r->err && strncmp(r->err, "sdc: stopped", 12)) return "a line";
    return NULL;
}

static bool one(Scene *s, int which, const char *fault, bool named, double delay) {
    int number = SIGNALS[which].number;
    char said[64];
    snprintf(said, sizeof said, "%s after %.4f s%s", SIGNALS[which].name, delay, SIGNALS[which].twice ? ", twice" : "");
    TortureHow how = {
        .fail = fault, .named = named, .signal = fault ? 0 : number, .delay = delay, .twice = SIGNALS[which].twice};
    TortureRun r = torture_run(s->dir, s->c->args, &how);
    Folder now, then;
    folder_look(&now, s->dir, &s->before);
    bool may = number == SIGKILL || number == SIGQUIT || r.killed;
    const char *wrong = judge_end(&r, which, !fault && !scene_mixed(s, &now));
    if (!wrong) wrong = scene_judge(s, &r, &now, MAY_STOP | (may ? MAY_LEAVE : 0));
    if (!wrong && r.code == 1) wrong = "exit code 1 on a signal";
    if (!wrong && r.code && !s->c->once && scene_mixed(s, &now))
        wrong = scene_again(s, strstr(r.err, ".csv: ") ? LOOSE : 0);
    tried++, failed += wrong != NULL;
    if (wrong) scene_tell(s, fault ? fault : said, &r, wrong);
    torture_free(&r);
    folder_look(&then, s->dir, &s->before);
    scene_restore(s, &then);
    folder_free(&now);
    folder_free(&then);
    return !wrong;
}

/* At each call that changes what the folder holds, or between two of them. */
static void at_calls(Scene *s, int every, bool named) {
    static const char *const KINDS[] = {"open", "write", "fsync", "rename", "close", "make", "lock", "remove"};
    for (size_t k = 0; k < sizeof KINDS / sizeof *KINDS; k++) {
        long n = scene_calls(s, KINDS[k]), bad = 0, count = 0;
        for (long i = 1; i <= n; i += every)
            for (int which = 0; which < 4; which++) {
                if (which && (i / every + which) % 3) continue; /* KILL always, the others in turn */
                char fault[64];
                snprintf(fault, sizeof fault, "%s:%ld:%s", KINDS[k], i, SIGNALS[which].name);
                bad += !one(s, which, fault, named, 0), count++;
            }
        if (count)
            test_check(!bad, "%s: %ld signals at calls %s%s", s->c->name, count, KINDS[k],
                       named ? ", temporary files with names" : "");
    }
}

static void at_random(Scene *s, int count) {
    long bad = 0;
    for (int i = 0; i < count; i++) {
        double u = 0.5 + 0.5 * test_uniform(0x23u, (uint64_t)(tried * 2 + 1));
        bad += !one(s, i % SIGNAL_COUNT, NULL, i & 1, 1.2 * s->wall * u);
    }
    test_check(!bad, "%s: %d signals at random moments", s->c->name, count);
}

static void run(const char *label, int every, int random) {
    if (!torture_begin()) return;
    for (int i = 0; i < TORTURE_COUNT; i++) {
        const char *given;
        const TortureCase *c = &TORTURE[i];
        Scene s;
        if (!c->model || !torture_only(c->name, &given) || !scene_begin(&s, c)) continue;
        long before = tried, wrong = failed;
        for (int named = 0; named < 2; named++) at_calls(&s, every, named);
        if (random) at_random(&s, random);
        printf("  %-16s %6ld %s, %ld wrong\n", c->name, tried - before, label, failed - wrong);
        fflush(stdout);
        scene_end(&s);
    }
}

SUITE(torture_kills, .seconds = 300, .slow = true) { run("signals", 1, 28); }
