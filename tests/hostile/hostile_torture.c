/* hostile_torture.c: output that goes nowhere: a full disk and a closed descriptor, for every command that prints. The
 * suites of tests/torture try the rest: failing calls, signals, limits. */
#include "hostile.h"
#include "tests/harness/cli.h"
#include "tests/harness/test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Commands that end with their output, which must not be lost in silence, however much was computed before. */
static const struct {
    const char *name, *args;
} PRINTS[] = {
    {"version", "version"},
    {"help", "help"},
    {"help-of-a-command", "help txt2img"},
    {"samplers", "samplers"},
    {"schedulers", "schedulers"},
    {"tokens", "tokens -p 'a cat'"},
    {"tokens-json", "tokens -p 'a cat' --json"},
    {"info", "info \"$B\""},
    {"png-info", "png-info t.png"},
    {"png-info-json", "png-info t.png --json"},
    {"png-info-raw", "png-info t.png --raw"},
    {"diff", "diff \"$B\" \"$B\""},
    {"judge", "judge -n 1"},
    {"verify", "verify --table base --only GEGLU --device cpu"},
    {"verify-json", "verify --table base --only GEGLU --device cpu --json"},
    {"make-data", "make-data --sheet t-sheet.png --count 1"},
    {"replay", "replay -q t.png"},
};

/* Commands whose standard output is nothing but the results that a file holds: quiet, they need none. */
static const char *const QUIET[] = {
    "txt2img -q -p x -W 64 -H 64 --steps 1 --seed 1 -o t-out.png",
    "make-data -q --sheet t-sheet.png --count 1",
    "sheet -q a -W 64 -H 64 --steps 1 -o t-sheet.png",
};

HOSTILE(torture) {
    static const struct { const char *name, *to; } NOWHERE[] = {{"full", ">/dev/full"}, {"closed", ">&-"}};
    CliRun r = cli("txt2img -q -p x -W 64 -H 64 --steps 1 --seed 1 -o t.png");
    test_check(r.code == 0, "a picture to look at");
    cli_free(&r);
    for (int k = 0; k < 2; k++) {
        char name[100], args[300];
        if (!k && access("/dev/full", W_OK)) {
            test_skip("a full disk: no /dev/full");
            continue;
        }
        for (size_t i = 0; i < sizeof PRINTS / sizeof *PRINTS; i++) {
            snprintf(name, sizeof name, "output-%s-%s", NOWHERE[k].name, PRINTS[i].name);
            snprintf(args, sizeof args, "%s %s", PRINTS[i].args, NOWHERE[k].to);
            test_write(cli_path("t-sheet.png"), "old", 3);
            hostile_case(&(HostileCase){.name = name, .args = args, .code = 1, .words = "standard output: cannot be"});
        }
        for (size_t i = 0; i < sizeof QUIET / sizeof *QUIET; i++) {
            snprintf(name, sizeof name, "output-%s-quiet-%.*s", NOWHERE[k].name, (int)strcspn(QUIET[i], " "), QUIET[i]);
            snprintf(args, sizeof args, "%s %s 2>&-", QUIET[i], NOWHERE[k].to);
            hostile_case(&(HostileCase){.name = name, .args = args, .code = 0, .words = NULL});
        }
    }
    remove(cli_path("t.png")), remove(cli_path("t-out.png")), remove(cli_path("t-sheet.png"));
}
