/* test_start.c: what the program finds when it starts: standard streams, little memory, few descriptors, its
 * environment, and the library that it loads only when it is asked to. */
#define _XOPEN_SOURCE 700
#define _GNU_SOURCE
#include "tests/harness/cli.h"
#include "tests/harness/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef SDC_OPENBLAS
enum { WITHOUT = 1, WITH = 0 }; /* exit codes where OpenBLAS cannot be loaded, and where it can */
#else
enum { WITHOUT = 2, WITH = 2 };
#endif
#define PICTURE "txt2img -q -p x --steps 1 -W 64 -H 64 -o p.png"

/* One check of a shell command: its exit code, and what stands on both streams. A failure has one line. */
static void shell(const char *command, int code, const char *out, const char *err) {
    CliRun r = cli_shell(command, false);
    const char *end = strchr(r.err, '\n');
    bool line = !code || (end && !end[1] && !strncmp(r.err, "sdc: ", 5)) || !err;
    test_check(r.code == code && cli_holds(r.out, out) && cli_holds(r.err, err) && line && cli_cheap(&r),
               "%s: exit %d with %s", command, code,
               err   ? err
               : out ? out
                     : "nothing");
    cli_tell(&r);
    cli_free(&r);
}

#define SMALL "-p x --steps 1 -W 64 -H 64 --seed 5 "

/* Nothing open but the standard streams, and one more allowed. */
#define FEW "exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; ulimit -n 4; "

/* "-": files that come from standard input and go to standard output, alone. */
static void dash(void) {
    char command[600];
    shell("\"$SDC\" txt2img -q " SMALL "-o p.png", 0, NULL, NULL);
    shell("\"$SDC\" txt2img " SMALL "-o - > q.png && cmp p.png q.png", 0, NULL, "standard output: seed 5|peak memory");
    shell("\"$SDC\" txt2img " SMALL "-o /dev/stdout | cmp p.png -", 0, NULL, "seed 5");
    shell("\"$SDC\" txt2img -q " SMALL "-o /dev/fd/5 5> q.png && cmp p.png q.png", 0, NULL, "");
    shell("\"$SDC\" txt2img " SMALL "-o - --batch-size 2", 2, NULL, "takes one picture, not 2");
    shell("\"$SDC\" txt2img " SMALL "-o - --steps-sheet -", 2, NULL,
          "--steps-sheet: standard output is also that of --out");
    shell("\"$SDC\" txt2img " SMALL "-q -o - >&-", 1, NULL, "standard output: cannot be written");
    shell("\"$SDC\" txt2img " SMALL "-q -o - > /dev/full", 1, NULL, "standard output: cannot be written: No space");
    shell("{ \"$SDC\" txt2img -q " SMALL "-o - ; echo $? > code; } | true; sleep 0.3; exit $(cat code)", 141, NULL,
          NULL);
    shell("\"$SDC\" convert $B - > c && \"$SDC\" convert -q $B d && cmp c d", 0, NULL, "standard output: written");
    shell("\"$SDC\" make-data --sheet - --count 2 > c && \"$SDC\" make-data --sheet d --count 2 && cmp c d", 0,
          "d: ", "");
    shell("\"$SDC\" judge -n 1 --sheet - | tail -c 8 | grep -ac IEND", 0, "1", "background");
    shell("\"$SDC\" sheet --steps 1 -o - x | tail -c 8 | grep -ac IEND", 0, "1", "standard output: 1 pictures");
    shell("\"$SDC\" replay p.png -o - | tail -c 8 | grep -ac IEND", 0, "1", "p.png: equal");
    shell("\"$SDC\" train --data shapes --out -", 2, NULL, "--out: a model that is trained needs a file");
    shell("\"$SDC\" img2img -q -i p.png " SMALL "-o r.png && cat p.png | \"$SDC\" img2img -q -i - " SMALL
          "-o q.png && cmp q.png r.png && cat p.png | \"$SDC\" img2img -q -i /dev/fd/0 " SMALL "-o - | cmp q.png -",
          0, NULL, "");
    shell("\"$SDC\" replay - < p.png && cat p.png | \"$SDC\" replay -q /dev/stdin", 0, "standard input: equal",
          "step 1/1");
    shell("\"$SDC\" txt2img " SMALL "-o /dev/fd/1 | cmp p.png -", 0, NULL, "standard output: seed 5");
    shell("\"$SDC\" info --no-hash - < $B", 0, "sd-nano", "");
    shell("\"$SDC\" convert - - < $B > e && \"$SDC\" info --no-hash e", 0, "sd-nano", "written");
    shell("cat p.png | \"$SDC\" png-info -", 0, "Steps|1", "");
    shell("echo a cat | \"$SDC\" tokens -p @/dev/stdin", 0, "a cat", "");
    shell("(read line; \"$SDC\" tokens -p -) < many", 0, "dog", "");
    shell("\"$SDC\" info --no-hash /dev/stdin < $B", 0, "sd-nano", "");
    shell("cat $B | \"$SDC\" info /dev/stdin", 1, NULL, "standard input: is a pipe or device, which cannot be mapped");
    int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (terminal < 0 || grantpt(terminal) || unlockpt(terminal)) test_skip("-o -: no terminal to refuse");
    else {
        snprintf(command, sizeof command, "\"$SDC\" txt2img " SMALL "-o - > %s", ptsname(terminal));
        shell(command, 2, NULL, "--out: standard output: is a terminal; send it to a file or a pipe");
    }
}

SUITE(start, .seconds = 2) {
    if (!cli_begin()) {
        test_skip("no program sdc to run; SDC_BIN names it");
        return;
    }
    test_write(cli_path("many"), "a cat\na dog\n", 12);
    dash();
    /* streams */
    shell("\"$SDC\" version >&-", 1, NULL, "standard output: cannot be written");
    shell("\"$SDC\" version 2>&-", 0, "sdc 0", NULL);
    shell("\"$SDC\" nothing 2>&-", 2, NULL, NULL);
    shell("\"$SDC\" version > /dev/full", 1, NULL, "standard output: cannot be written");
    shell("\"$SDC\" " PICTURE " >&- <&- 2>&- && tail -c 8 p.png | grep -q IEND", 0, NULL, NULL);
    shell("\"$SDC\" txt2img -p x --steps 1 -W 64 -H 64 -o p.png --taps t.safetensors >&- 2>&-; \"$SDC\" info --no-hash "
          "t.safetensors 2>&1 | grep -q 'file of activations'",
          0, NULL, NULL);
    /* limits */
    shell(FEW "\"$SDC\" " PICTURE, 1, NULL, "open files");
    shell(FEW "\"$SDC\" info t.safetensors 4< p.png", 1, NULL, "activations");
    shell("ulimit -f 1; \"$SDC\" " PICTURE, 1, NULL, "p.png: cannot be written: |limit");
    shell("ulimit -s 200; \"$SDC\" " PICTURE, 0, NULL, NULL);
    /* the environment */
    shell("LC_ALL=xx_YY LANG=C LANGUAGE=1 \"$SDC\" " PICTURE, 0, NULL, NULL);
    shell("env -i \"$SDC\" info --json " PICTURE, 2, NULL, "");
    shell("env -i HOME=nowhere \"$SDC\" " PICTURE, 0, NULL, NULL);
    shell("XDG_CACHE_HOME=/proc/none \"$SDC\" " PICTURE, 0, NULL, NULL);
    shell("XDG_CACHE_HOME=/dev/full HOME= \"$SDC\" " PICTURE, 0, NULL, NULL);
    shell("SDC_CPU= \"$SDC\" " PICTURE, 0, NULL, NULL);
    shell("\"$SDC\" txt2img -q " SMALL "--exact -o p.png && SDC_CPU=base \"$SDC\" txt2img " SMALL "--exact -o q.png && "
          "cmp p.png q.png",
          0, NULL, "");
    shell("SDC_CPU=openblas \"$SDC\" txt2img " SMALL "--exact -o p.png; true", 0, NULL, "openblas");
    shell("SDC_CPU=v5 \"$SDC\" " PICTURE, 2, NULL, "SDC_CPU: 'v5'|use base");
    shell("mkdir gone && cd gone && rmdir ../gone && \"$SDC\" tokens -p a", 0, "a", NULL);
    shell("mkdir gone && cd gone && rmdir ../gone && \"$SDC\" " PICTURE, 1, NULL, "p.png: |No such file");
    /* OpenBLAS: not there before it is asked for; too little memory for it is said */
    CliRun r = cli_shell("LD_TRACE_LOADED_OBJECTS=1 \"$SDC\"", false);
    test_check(r.code == 0 && !strstr(r.out, "blas"), "no library of products is linked");
    cli_tell(&r);
    cli_free(&r);
#ifdef __linux__
    if (TEST_SANITIZED) return;
    shell("ulimit -v 25000; SDC_CPU=openblas \"$SDC\" " PICTURE, WITHOUT, NULL, "SDC_CPU=openblas: ");
    shell("ulimit -v 70000; \"$SDC\" version", 0, "sdc", NULL);
    shell("ulimit -v 40000; \"$SDC\" " PICTURE, 1, NULL, "memory");
    r = cli_shell("SDC_CPU=openblas \"$SDC\" " PICTURE, false);
    if (r.code == 1 && strstr(r.err, "cannot be loaded")) test_skip("OpenBLAS: it is not there");
    else test_check(r.code == WITH, "SDC_CPU=openblas");
    cli_tell(&r);
    cli_free(&r);
#endif
}
