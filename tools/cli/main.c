/* main.c: sdc, one program with many commands (commands.c); `help` and `version` are here. Exit codes: 0 done, 1 a
 * file, memory or device failed, 2 wrong usage, 128 + N when signal N stopped the work. */
#include "commands.h"
#include "help.h"
#include "tensor/os.h"

#include <stdio.h>
#include <string.h>

#define SDC_VERSION "0.1.0"

static int help(const Command *c, int argc, char **argv);
static int version(const Command *c, int argc, char **argv);

typedef struct {
    bool man;
    const char *shell;
} Arguments;

static const Option HELP_OPTIONS[] = {
    OPTION(FLAG, man, 0, "man", NULL, "print the manual page: sdc help --man | man -l -"),
    OPTION(CHOICE, shell, 0, "completion", HELP_SHELLS, "print a script that completes command lines in that shell"),
    OPTION_END};

static const Command HELP = {"help", help,        "[COMMAND | --man | --completion SHELL]", "explain a command",
                             NULL,   HELP_OPTIONS};
static const Command VERSION = {"version", version, "", "print the version", NULL, NULL};

/* Command i, those of this file last; then NULL. */
static const Command *command(int i) {
    int n = 0;
    while (COMMANDS[n]) n++;
    return i < n ? COMMANDS[i] : i == n ? &HELP : i == n + 1 ? &VERSION : NULL;
}

static const Command *find(const char *name) {
    for (int i = 0; command(i); i++)
        if (!strcmp(command(i)->name, name)) return command(i);
    return NULL;
}

static int unknown(const char *name) {
    const char *nearest = NULL;
    int least = FAR;
    for (int i = 0; command(i); i++)
        if (is_nearer(command(i)->name, name, &least)) nearest = command(i)->name;
    if (nearest) return usage_error(NULL, "%.60s: no such command; did you mean %s", name, nearest);
    return usage_error(NULL, "%.60s: no such command", name);
}

static void list(FILE *to) {
    fprintf(to, "usage: sdc COMMAND [options]\n\n");
    for (int i = 0; command(i); i++) fprintf(to, "  %-10s %s\n", command(i)->name, command(i)->summary);
    fprintf(to, "\nsdc help COMMAND says more. Exit codes: 0 done, 1 a file, memory or device\n"
                "failed, 2 wrong usage, 128 + N stopped by signal N.\n");
}

static int help(const Command *c, int argc, char **argv) {
    Arguments a = {0};
    int rest = 0, code = options_parse(c, &a, argc, argv, &rest);
    if (code != GO_ON) return code;
    if (rest + a.man + (a.shell != NULL) > 1) return usage_error(c, "help: takes one command or option");
    if (a.man) return help_man(command, SDC_VERSION);
    if (a.shell) return help_completion(command, a.shell);
    if (rest) return find(argv[0]) ? help_print(find(argv[0])) : unknown(argv[0]);
    list(stdout);
    return finish_output();
}

static int version(const Command *c, int argc, char **argv) {
    if (argc > 1) return usage_error(c, "%.60s: version takes no arguments", argv[1]);
#ifdef __VERSION__
    printf("sdc %s (%s)\n", SDC_VERSION, __VERSION__);
#else
    printf("sdc %s\n", SDC_VERSION);
#endif
    return finish_output();
}

int main(int argc, char **argv) {
    os_begin_program("sdc");
    if (argc < 2) {
        list(stderr);
        return EXIT_USAGE;
    }
    const char *name = argv[1];
    if (!strcmp(name, "--help") || !strcmp(name, "-h")) name = "help";
    if (!strcmp(name, "--version") || !strcmp(name, "-V")) name = "version";
    const Command *c = find(name);
    if (!c) return unknown(name);
    if (argc > 2 && (!strcmp(argv[2], "--help") || !strcmp(argv[2], "-h"))) return help_print(c);
    return c->run(c, argc - 1, argv + 1);
}
