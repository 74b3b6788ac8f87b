/* options.h: command lines, by a table.
 *
 * An option's value is the next argument, whatever it begins with (prompts begin with '-' and '('), or follows '=' as
 * in --name=value. Numbers are strict: the whole text, in range, never inf or nan. "--" ends the options. */
#ifndef SD_TOOLS_CLI_OPTIONS_H
#define SD_TOOLS_CLI_OPTIONS_H

#include "tensor/error.h"

#include <stddef.h>
#include <stdint.h>

typedef enum {
    OPT_END,    /* ends a table */
    OPT_FLAG,   /* bool */
    OPT_INT,    /* int64_t in low..high */
    OPT_DOUBLE, /* double in low..high */
    OPT_SIZE,   /* uint64_t bytes: 512M, 4G, 1.5GiB (powers of 1024), 2GB (of 1000) */
    OPT_STRING, /* const char *, the argument itself; never empty */
    OPT_CHOICE, /* const char *, one of value's words, which are separated by '|' */
    OPT_TEXT,   /* char *, malloc'ed, valid UTF-8: the argument, or @FILE, or - for standard input */
} OptionKind;

typedef struct {
    OptionKind kind;
    char letter;      /* -m, or 0 */
    const char *name; /* model, for --model */
    size_t offset;    /* where the value goes in the command's struct */
    const char *value, *help;
    int64_t low, high;
} Option;

enum { EXIT_DONE = 0, EXIT_WORLD = 1, EXIT_USAGE = 2, OPTIONS_GO_ON = -1 };

/* Fills the struct at `values` and moves what is no option to the front of argv, *rest of them. Returns OPTIONS_GO_ON,
 * or the exit code: usage and unreadable prompts were reported, --help was printed. `command` names the table's
 * command, for messages. */
int options_parse(const char *command, const Option *table, void *values, int argc, char **argv, int *rest);
void options_free(const Option *table, void *values); /* the OPT_TEXT values */
void options_print(const Option *table);              /* the lines of a help text, to standard output */

/* Prints "sdc: WHAT; see sdc help COMMAND" as one line on stderr and returns EXIT_USAGE. command NULL: "sdc help". */
int usage_error(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Prints e as one line; returns EXIT_WORLD, or EXIT_USAGE for a request that can never be served. */
int report(const char *command, const Error *e);
/* EXIT_DONE if everything printed has reached standard output, else says why not. */
int finish_output(void);

/* How many insertions, deletions and changes lead from a to b. */
int name_distance(const char *a, const char *b);

#endif
