/* torture_faults.c: the Nth call of each kind fails, in every command. Suite `torture` takes some N, `torture_faults`
 * all of them; make torture TORTURE="convert malloc:17" only that one. */
#define _XOPEN_SOURCE 700
#include "torture.h"
#include "tests/harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *kind, *how; /* SDC_FAIL="KIND:N" and this */
    int allowed;
    bool malloc; /* the line must say that memory is out */
    int most;    /* of the short form */
} Fault;

static const Fault FAULTS[] = {
    {"malloc", "", 0, true, 3},
    {"malloc", "+", 0, true, 1},
    {"open", ":EMFILE", 0, .most = 3},
    {"open", ":EACCES", 0, .most = 1},
    {"open", "+:EMFILE", 0, .most = 1},
    {"read", ":EIO", 0, .most = 2},
    {"read", ":EINTR", MUST_WORK, .most = 1},
    {"read", ":short", MUST_WORK, .most = 1},
    {"write", ":ENOSPC", 0, .most = 2},
    {"write", "+:ENOSPC", 0, .most = 2},
    {"write", ":EINTR", MUST_WORK, .most = 1},
    {"write", ":short", MUST_WORK, .most = 1},
    {"stat", ":EACCES", 0, .most = 2},
    {"stat", "+:EIO", 0, .most = 1},
    {"map", "", 0, .most = 1},
    {"fsync", "", 0, .most = 1},
    {"rename", "", 0, .most = 1},
    {"close", "", 0, .most = 1},
    {"list", "", 0, .most = 1},
    {"make", "", 0, .most = 1},
    {"lock", "", MUST_WORK, .most = 1},
    {"remove", "", 0, .most = 1},
    {"thread", "", MUST_WORK, .most = 1},
};
enum { FAULT_COUNT = sizeof FAULTS / sizeof *FAULTS };

static long tried, failed;

static bool one(Scene *s, const Fault *f, long n, const char *given) {
    char fault[64];
    if (given) snprintf(fault, sizeof fault, "%s", given);
    else if (*f->how == '+') snprintf(fault, sizeof fault, "%s:%ld+%s", f->kind, n, f->how + 1);
    else snprintf(fault, sizeof fault, "%s:%ld%s", f->kind, n, f->how);
    TortureRun r = torture_run(s->dir, s->c->args, &(TortureHow){.fail = fault});
    Folder now;
    folder_look(&now, s->dir, &s->before);
    const char *wrong = scene_judge(s, &r, &now, f ? f->allowed : MAY_STOP);
    if (!wrong && f && f->malloc && r.code == 1 && !strstr(r.err, "memory")) wrong = "does not say that memory is out";
    if (!wrong && r.code == 1 && s->c->again && scene_mixed(s, &now)) {
        wrong = scene_again(s, strstr(r.err, ".csv: ") ? LOOSE : 0);
        Folder again;
        folder_look(&again, s->dir, &s->before);
        scene_restore(s, &again);
        folder_free(&again);
    } else {
        scene_restore(s, &now);
    }
    tried++, failed += wrong != NULL;
    if (wrong || given) scene_tell(s, fault, &r, wrong ? wrong : "as it must");
    if (given) printf("exit %d\n%s%s", r.code, r.out, r.err);
    torture_free(&r);
    folder_free(&now);
    return !wrong;
}

/* turn: the short form takes every fourth kind, the others in the next commands. */
static void command(const TortureCase *c, bool all, int turn) {
    const char *given;
    double start = test_seconds();
    Scene s;
    if (!torture_only(c->name, &given) || !scene_begin(&s, c)) return;
    long before = tried, wrong = failed, kinds = 0;
    if (given) test_check(one(&s, NULL, 0, given), "%s %s", c->name, given);
    for (int k = 0; !given && k < FAULT_COUNT; k++) {
        const Fault *f = &FAULTS[k];
        long n = scene_calls(&s, f->kind), most = all || n < f->most ? n : f->most, bad = 0,
             step = *f->how == '+' && all ? 7 : 1;
        if (!n || (!all && (k + turn) % 4)) continue;
        kinds++;
        /* the first, then spread over the rest */
        for (long i = 0; i < most; i += step)
            bad += !one(&s, f, 1 + (all ? i : i * (n - 1) / (most > 1 ? most - 1 : 1)), NULL);
        test_check(!bad, "%s: each of %ld calls %s%s", c->name, n, f->kind, f->how);
    }
    printf("  %-16s %2ld kinds %6ld faults %4ld wrong %6.1f s\n", c->name, kinds, tried - before, failed - wrong,
           test_seconds() - start);
    fflush(stdout);
    scene_end(&s);
}

static void run(bool all) {
    if (!torture_begin()) return;
    for (int i = 0; i < TORTURE_COUNT; i++)
        if (all || !TORTURE[i].slow) command(&TORTURE[i], all || TORTURE[i].plain, i);
}

SUITE(torture, .seconds = 6) { run(false); }
SUITE(torture_faults, .seconds = 600, .slow = true) { run(true); }
