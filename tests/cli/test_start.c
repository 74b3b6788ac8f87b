/* test_start.c: what the program finds when it starts: standard streams, little memory, few descriptors, its
 * environment, and the library that it loads only when it is asked to. */
#define _XOPEN_SOURCE 700
#include "tests/harness/cli.h"
#include "tests/harness/test.h"

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

SUITE(start, .seconds = 2) {
    if (!cli_begin()) {
        test_skip("no program sdc to run; SDC_BIN names it");
        return;
    }
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
    shell("ulimit -n 4; \"$SDC\" " PICTURE, 1, NULL, "open files");
    shell("ulimit -n 4; \"$SDC\" info t.safetensors 4< p.png", 1, NULL, "activations");
    shell("ulimit -f 1; \"$SDC\" " PICTURE, 1, NULL, "p.png: cannot be written: |limit");
    shell("ulimit -s 200; \"$SDC\" " PICTURE, 0, NULL, NULL);
    /* the environment */
    shell("LC_ALL=xx_YY LANG=C LANGUAGE=1 \"$SDC\" " PICTURE, 0, NULL, NULL);
    shell("env -i \"$SDC\" info --json " PICTURE, 2, NULL, "");
    shell("env -i HOME=nowhere \"$SDC\" " PICTURE, 0, NULL, NULL);
    shell("XDG_CACHE_HOME=/proc/none \"$SDC\" " PICTURE, 0, NULL, NULL);
    shell("XDG_CACHE_HOME=/dev/full HOME= \"$SDC\" " PICTURE, 0, NULL, NULL);
    shell("SDC_CPU= \"$SDC\" " PICTURE, 0, NULL, NULL);
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
