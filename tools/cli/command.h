/* command.h: a subcommand of sdc, and how it ends: exit codes, errors, the end of its output. */
#ifndef SD_TOOLS_CLI_COMMAND_H
#define SD_TOOLS_CLI_COMMAND_H

#include "tensor/error.h"

/* EXIT_FAILED: failures from outside (files, memory, devices). 128 + N: signal N stopped the work (progress.h). GO_ON:
 * no exit code yet. */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, GO_ON = -1 };

typedef struct Command Command;
struct Command {
    const char *name;
    int (*run)(const Command *c, int argc, char **argv); /* argv[0] is the name; returns the exit code */
    const char *usage;                                   /* what follows "sdc NAME" */
    const char *summary;                                 /* one line */
    const char *notes;            /* the last paragraphs of the help, with '\n' between them; or NULL */
    const struct Option *options; /* options.h; NULL: none */
};

/* Prints "sdc: WHAT; see sdc help NAME" as one line on standard error and returns EXIT_USAGE. c NULL: "sdc help". */
int usage_error(const Command *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Prints e as one line on standard error; returns EXIT_FAILED, EXIT_USAGE for a request that can never be served, or
 * 128 + SIGPIPE where whoever read what is written has gone. */
int report(const Command *c, const Error *e);
/* Prints "sdc: warning: PATH: WHAT" on standard error, as one line; nothing for NULL. */
void warn(const char *path, const char *what);
/* EXIT_DONE if all output was written; else says that it was not and returns EXIT_FAILED. */
int finish_output(void);

/* For "did you mean": whether `name` is fewer edits away from `given` than *least (FAR to begin with) and than it has
 * letters; *least then becomes its distance. */
enum { FAR = 4 };
bool is_nearer(const char *name, const char *given, int *least);

#endif
