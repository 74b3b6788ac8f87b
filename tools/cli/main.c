/* main.c: sdc, one program of many commands (commands.c). Exit codes: 0 done, 1 the world failed (files, memory,
 * devices), 2 wrong usage; 128 + N when signal N stopped the work. */
#define _POSIX_C_SOURCE 200809L
#include "commands.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
#ifdef SIGXFSZ
    signal(SIGXFSZ, SIG_IGN); /* a file that grows beyond a limit then fails as a full disk does, with a message */
#endif
    if (argc < 2) {
        print_commands();
        return finish_output() ? EXIT_WORLD : EXIT_USAGE;
    }
    const char *name = argv[1];
    if (!strcmp(name, "--help") || !strcmp(name, "-h")) name = "help";
    if (!strcmp(name, "--version") || !strcmp(name, "-V")) name = "version";
    const Command *c = command_find(name);
    if (!c) {
        c = command_nearest(name);
        if (c) return usage_error(NULL, "%.60s: no such command; did you mean %s", name, c->name);
        return usage_error(NULL, "%.60s: no such command", name);
    }
    if (argc > 2 && (!strcmp(argv[2], "--help") || !strcmp(argv[2], "-h"))) return print_help(c->name);
    return c->run(argc - 1, argv + 1);
}
