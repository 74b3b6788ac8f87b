/* test_pages.c: the guide's pages say what is true: quotations, commands and their output, options, files and functions
 * that they name (tools/guide/pages.sh); a page that does not is found; and the guide's exercises have the answers that
 * their pages give. */
#define _XOPEN_SOURCE 700
#include "tests/harness/cli.h"
#include "tests/harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A page that holds `text` is found to be untrue, in words. */
static void finds(const char *words, const char *text) {
    char page[4096];
    snprintf(page, sizeof page, "# A page\n\n%s\n", text);
    if (!test_write(cli_path("page.md"), page, strlen(page))) return;
    CliRun r = cli_shell("D=$PWD; cd \"$ROOT\" && sh tools/guide/pages.sh \"$(dirname \"$SDC\")\" check \"$D/page.md\"",
                         false);
    test_check(r.code == 1 && cli_holds(r.err, words), "what a page says wrongly is found: %.40s", words);
    cli_tell(&r);
    cli_free(&r);
}

static void shell(const char *command, const char *words, const char *what) {
    CliRun r = cli_shell(command, false);
    test_check(!r.code && cli_holds(r.out, words), "%s", what);
    cli_tell(&r);
    cli_free(&r);
}

static void answer(int n, const char *tap, int code, const char *words) {
    char command[512];
    snprintf(command, sizeof command,
             "cd \"$ROOT\" && STEPS=1 WORK=\"$OLDPWD\" sh tools/guide/exercise.sh \"$(dirname \"$SDC\")\" %d '%s'", n,
             tap);
    CliRun r = cli_shell(command, false);
    test_check(r.code == code && cli_holds(r.out, words), "exercise %d, answered '%s'", n, tap);
    cli_tell(&r);
    cli_free(&r);
}

SUITE(guide_pages, .seconds = 7) {
    char root[4096];
    if (!cli_begin() || !getcwd(root, sizeof root) || setenv("ROOT", root, 1)) return;
    if (TEST_SANITIZED) {
        test_skip("the guide's pages: their commands are other suites'");
        return;
    }
    shell("cd \"$ROOT\" && sh tools/guide/pages.sh \"$(dirname \"$SDC\")\" check && echo true", "true",
          "the guide's pages are true");
    finds("is no longer true|-int x;|+0.2",
          "```c\n// sd/guide/plain.c: Map\nint x;\n```\n```console\n$ echo 0.2\n0.1\n```");
    finds("defines no nothing_such|has no lines from|exit code 2 of: ./sdc show --no-such-output|exit code 2 of: ./sdc "
          "show "
          "--no-such|make has no target nothing|no command has the option --no-such-option|there is no sd/none.c|"
          "no function is called|there is no none.md",
          "```c\n// sd/guide/plain.c: nothing_such\n```\n"
          "```c\n// sd/guide/plain.c: euler, from \"no such line\" to \"}\"\n```\n"
          "```console\n$ ./sdc show --no-such-output\n```\n```sh\n./sdc show --no-such\nmake nothing\n```\n"
          "By `--no-such-option`, in `sd/none.c`, by `no_such_function()`. See [it](none.md).");

    /* a tap that is the first, one that is not, one that is equal; a program whose taps are all equal */
    answer(5, "resblock", 0, "right: unet.step000.down_blocks.0.resnets.0 is|shift.at");
    answer(5, "down_blocks.0.attentions", 1, "differs, but something before");
    answer(5, "conv_in", 1, "is still right");
    answer(1, "none", 0, "right: all");
}
