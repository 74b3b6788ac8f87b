/* test_install.c: what `make install` leaves, as build/.../stage has it: a program by the library of pkg-config, the
 * symbols of libsd.so, the manual page, completion. */
#define _XOPEN_SOURCE 700
#include "tests/harness/cli.h"
#include "tests/harness/test.h"

#include "tools/cli/commands.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One check of a shell command: $I is the installed folder, $STAGE the one above it, $ROOT the sources. */
static void shell(const char *command, const char *out, const char *what) {
    CliRun r = cli_shell(command, false);
    test_check(!r.code && !*r.err && (!out || cli_holds(r.out, out)), "%s", what);
    cli_tell(&r);
    cli_free(&r);
}

static bool has(const char *tool) {
    char command[100];
    snprintf(command, sizeof command, "command -v %s > /dev/null", tool);
    CliRun r = cli_shell(command, false);
    int code = r.code;
    cli_free(&r);
    return !code;
}

/* --- symbols --- */

enum { MOST = 200, NAME = 64 };
typedef struct {
    char at[MOST][NAME];
    int count;
} Names;

static void add(Names *n, const char *name, size_t length) {
    for (int i = 0; i < n->count; i++)
        if (strlen(n->at[i]) == length && !memcmp(n->at[i], name, length)) return;
    if (n->count < MOST && length < NAME) snprintf(n->at[n->count++], NAME, "%.*s", (int)length, name);
}

static int by_name(const void *a, const void *b) { return strcmp(a, b); }

/* The functions that a header declares: names before '(' outside comments and braces. */
static void declared(Names *n, const char *path) {
    char *text = test_read(path, NULL);
    int depth = 0;
    for (char *p = text; p && *p; p++) {
        if (p[0] == '/' && p[1] == '*') {
            p = strstr(p, "*/");
            if (!p) break;
            p++;
        } else if (p[0] == '/' && p[1] == '/') p += strcspn(p, "\n") - 1;
        else if (*p == '#') p += strcspn(p, "\n") - 1;
        else if (*p == '{') depth++;
        else if (*p == '}') depth--;
        else if (islower((unsigned char)*p)) {
            size_t length = strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789_");
            if (!depth && p[length] == '(' && (!strncmp(p, "sd_", 3) || !strncmp(p, "error_", 6))) add(n, p, length);
            p += length - 1;
        }
    }
    free(text);
}

static void symbols(void) {
    Names want = {.count = 0}, have = {.count = 0};
    char path[1200];
    const char *const headers[] = {"sd/sd.h", "tensor/error.h"};
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/include/libsd/%s", getenv("I"), headers[i]);
        declared(&want, path);
    }
    CliRun r =
        cli_shell("nm -D --defined-only \"$I\"/lib/libsd.so | sed -n 's/^[^ ]* [TDBRW] \\([^@]*\\).*/\\1/p'", false);
    for (char *p = r.out; *p; p += strcspn(p, "\n"), p += *p == '\n') add(&have, p, strcspn(p, "\n"));
    cli_free(&r);
    qsort(want.at, (size_t)want.count, NAME, by_name);
    qsort(have.at, (size_t)have.count, NAME, by_name);
    bool same = want.count == have.count && want.count > 30;
    for (int i = 0; same && i < want.count; i++) same = !strcmp(want.at[i], have.at[i]);
    test_check(same, "libsd.so has the %d functions of the headers, and nothing else", want.count);
    for (int i = 0; !same && i < MOST; i++) test_note("%s | %s", want.at[i], have.at[i]);
}

/* --- completion --- */

/* What bash makes of a command line: its last word is being typed. */
static void completes(const char *words, int count, const char *first, const char *what) {
    char command[900];
    snprintf(command, sizeof command,
             "bash -c '. \"$I\"/share/bash-completion/completions/sdc; COMP_WORDS=(%s); COMP_CWORD=%d; _sdc; "
             "echo \"<${COMPREPLY[0]}> ${#COMPREPLY[@]} ${COMPREPLY[*]}\"'",
             words, count);
    shell(command, first, what);
}

static void completion(void) {
    if (!has("bash")) {
        test_skip("completion: no bash here");
        return;
    }
    completes("sdc txt", 1, "<txt2img> 1 ", "bash completes a command");
    completes("sdc txt2img --samp", 2, "<--sampler> 1 ", "an option");
    completes("sdc convert --samp", 2, "<> 0 ", "of its command only");
    completes("sdc txt2img --sampler \"DPM++ 2M S\"", 3, "<DPM++\\ 2M\\ SDE> ", "a sampler");
    completes("sdc txt2img --scheduler Ka", 3, "<Karras> 1 ", "a schedule type");
    completes("sdc img2img --rng = c", 4, "<cpu> 1 ", "a choice of the settings' table, after =");
    completes("sdc txt2img -W 6", 3, "<> 0 ", "no number");
    completes("sdc help ser", 2, "<serve> 1 ", "a command to explain");
    if (has("zsh")) shell("zsh -n \"$I\"/share/zsh/site-functions/_sdc", NULL, "zsh reads its script");
    else test_skip("completion: no zsh here");
    if (has("fish"))
        shell(
            "fish -c 'source $I/share/fish/vendor_completions.d/sdc.fish; complete -C \"sdc txt2img --sampler DPM++\"'",
            "DPM++ 2M SDE", "fish completes a sampler");
    else test_skip("completion: no fish here");
}

/* --- the manual page --- */

static void manual(void) {
    shell("\"$SDC\" help --man | cmp - \"$I\"/share/man/man1/sdc.1", NULL, "the page is that of the program");
    if (!has("man") || !has("groff")) {
        test_skip("the manual page: no man and groff here");
        return;
    }
    shell("LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -E UTF-8 -l \"$I\"/share/man/man1/sdc.1 2>&1 > man.txt", NULL,
          "groff has no warnings");
    CliRun r = cli_shell("sed 's/.\\x08//g' man.txt", false);
    for (const Command *const *c = COMMANDS; *c; c++) {
        char words[80];
        Option o;
        snprintf(words, sizeof words, "sdc %s", (*c)->name);
        bool told = strstr(r.out, words) != NULL;
        for (OptionCursor k = {.next = (*c)->options}; option_next(&k, &o);) {
            snprintf(words, sizeof words, "--%s", o.name);
            told = told && strstr(r.out, words);
        }
        test_check(told, "it tells of sdc %s and all its options", (*c)->name);
    }
    cli_free(&r);
}

/* --- a program --- */

static void program(void) {
    CliRun readme = cli_shell("test -r \"$ROOT\"/README.md", false);
    bool there = !readme.code;
    cli_free(&readme);
    if (TEST_SANITIZED || !there || !has("pkg-config")) {
        test_skip("a program by the library: sanitizers, no README.md, or no pkg-config");
        return;
    }
    setenv("PKG_CONFIG", "pkg-config --define-variable=prefix=$I --define-variable=libdir=$I/lib", 1);
    shell("sed -n '/^```c$/,/^```$/{/^```/d;p}' \"$ROOT\"/README.md | sed \"s|v1-5-pruned-emaonly.safetensors|$B|\" > "
          "cat.c && "
          "${CC:-cc} cat.c $(eval $PKG_CONFIG --cflags --libs sd) -o cat_by_library && "
          "LD_LIBRARY_PATH=$I/lib ldd ./cat_by_library",
          "libsd.so.", "README's program is built by pkg-config");
    shell(
        "LD_LIBRARY_PATH=$I/lib ./cat_by_library && \"$SDC\" txt2img -q -m $B -p 'a lovely cat' --seed 42 -o d.png && "
        "cmp cat.png d.png",
        NULL, "and draws what sdc draws");
    shell("${CC:-cc} cat.c $(eval $PKG_CONFIG --cflags sd) \"$I\"/lib/libsd.a "
          "$(pkg-config --libs-only-other --libs-only-l --static sd | sed 's/-lsd//') -o cat_static",
          NULL, "and by libsd.a");
}

SUITE(install, .seconds = 3) {
    char root[1000], stage[1100];
    const char *end;
    if (!test_check(getcwd(root, sizeof root) && cli_begin(), "the program is there")) return;
    end = strrchr(getenv("SDC"), '/');
    snprintf(stage, sizeof stage, "%.*s/stage", (int)(end - getenv("SDC")), getenv("SDC"));
    setenv("ROOT", root, 1), setenv("STAGE", stage, 1);
    strcat(stage, "/usr/local");
    setenv("I", stage, 1);
    strcat(stage, "/lib/pkgconfig");
    setenv("PKG_CONFIG_PATH", stage, 1);
    shell("cd \"$I\" && bin/sdc version && ls bin/sdc lib/libsd.a include/libsd/sd/sd.h include/libsd/tensor/error.h",
          "sdc 0", "the program and the library are installed");
    shell("\"$I\"/bin/sdc serve --help", "usage: sdc serve", "and the server beside it");
    CliRun r = cli_shell("test -e \"$I\"/lib/libsd.so", false);
    if (!r.code) symbols(), program();
    else test_skip("libsd.so: not on this system");
    cli_free(&r);
    manual();
    completion();
    shell("cp -R \"$STAGE\" all && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C \"$ROOT\" uninstall "
          "DESTDIR=\"$PWD\"/all "
          "PREFIX=/usr/local && ! find all -type f -o -type l | grep -v done",
          NULL, "make uninstall leaves nothing");
}
