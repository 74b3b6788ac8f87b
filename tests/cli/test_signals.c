/* test_signals.c: every command ends by INT, TERM, HUP and a closed pipe as README says, and leaves nothing half-done.
 */
#define _XOPEN_SOURCE 700
#include "tests/harness/cli.h"
#include "tests/harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Each works for minutes, or waits. x.safetensors is a file of many zeros. INT is tested in os_program: a shell's
 * background jobs ignore it. */
static const struct {
    const char *args, *signal;
    int code;
} LONG[] = {
    {"make-data -o drawn --count 100000000", "TERM", 143},
    {"make-data -o drawn2 --count 100000000 --jsonl", "HUP", 129},
    {"judge -n 100000", "HUP", 129},
    {"bench -m $B --steps 1000", "TERM", 143},
    {"diff x.safetensors x.safetensors", "HUP", 129},
    {"tokens -p @/dev/fd/7 7< <(sleep 9)", "TERM", 143},
};

static void ends(const char *args, const char *name, int code) {
    char command[1024], line[64];
    snprintf(command, sizeof command,
             "bash -c 'exec \"$SDC\" %s' > long.out & p=$!; sleep 0.15; kill -s %s $p; wait $p; code=$?; rm long.out; "
             "exit $code",
             args, name);
    snprintf(line, sizeof line, "sdc: stopped by SIG%s\n", name);
    CliRun r = cli_shell(command, false);
    test_check(r.code == code && !strcmp(r.err, line), "sdc %s: %s ends it with %d and one line", args, name, code);
    cli_tell(&r);
    cli_free(&r);
}

/* Whoever reads has gone before anything is written. */
static const char *const PRINTING[] = {
    "version",    "help txt2img",   "samplers", "tokens -p @many",          "info $B", "info $B --json",
    "diff $B $B", "png-info p.png", "help",     "make-data -o d1 --count 3"};

/* What goes on for long ends when the reader has gone, and what it saves is whole. */
static void reader_gone(const char *command, int code, const char *err) {
    char line[1024];
    snprintf(line, sizeof line,
             "{ %s; echo $? > code; } | head -n 1; while ! test -s code; do sleep 0.02; done; exit $(cat code)",
             command);
    CliRun r = cli_shell(line, false);
    test_check(r.code == code && cli_holds(r.err, err), "%s | head -n 1: exit %d, %s", command, code, err);
    cli_tell(&r);
    cli_free(&r);
    remove(cli_path("code"));
}

static void pipe_closed(const char *args) {
    char command[1024];
    snprintf(command, sizeof command,
             "{ sleep 0.03; \"$SDC\" %s; echo $? > code; } | true; sleep 0.06; exit $(cat code)", args);
    CliRun r = cli_shell(command, false);
    test_check(r.code == 141 && !*r.err, "sdc %s | true: 128 + 13, in silence", args);
    cli_tell(&r);
    cli_free(&r);
}

SUITE(signals, .seconds = 2) {
    if (!cli_begin()) {
        test_skip("no program sdc to run; SDC_BIN names it");
        return;
    }
    char many[4000];
    for (size_t i = 0; i + 4 < sizeof many; i += 4) memcpy(many + i, "cat ", 4);
    test_write(cli_path("many"), many, sizeof many - 4);
    CliRun r = cli_shell("\"$SDC\" txt2img -q -p x --steps 1 -W 64 -H 64 -o p.png && "
                         "{ printf '\\122\\0\\0\\0\\0\\0\\0\\0{\"x\":{\"dtype\":\"F32\",\"shape\":[1073741824],"
                         "\"data_offsets\":[0,4294967296]}}               ' > x.safetensors && "
                         "truncate -s 4294967386 x.safetensors; }",
                         false);
    test_check(r.code == 0, "a picture, and a sparse file of 4 GiB");
    cli_tell(&r);
    cli_free(&r);
    for (size_t i = 0; i < sizeof LONG / sizeof *LONG; i++) ends(LONG[i].args, LONG[i].signal, LONG[i].code);
    for (size_t i = 0; i < sizeof PRINTING / sizeof *PRINTING; i++) pipe_closed(PRINTING[i]);
    reader_gone("\"$SDC\" txt2img -p x --steps 1 -W 64 -H 64 --batch-count 1000 -o many.png 2> err", 141, "");
    reader_gone("\"$SDC\" txt2img -p x --steps 1000 -W 64 -H 64 -o one.png 2>&1", 141, "");
    reader_gone(
        "\"$SDC\" train --data shapes --train vae --batch-size 1 --whole-batch 1 --steps 100000 --out v.safetensors "
        "-q --log /dev/stdout",
        141, "is saved");
    r = cli_shell("for f in drawn/*.png drawn2/*.png; do tail -c 8 $f | grep -q IEND || exit 1; done; "
                  "! ls -A drawn drawn2 | grep sdc-",
                  false);
    test_check(r.code == 0, "make-data: every picture is whole, nothing else is left");
    cli_tell(&r);
    cli_free(&r);
    unlink(cli_path("x.safetensors"));
}
