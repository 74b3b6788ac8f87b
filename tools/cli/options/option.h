/* option.h: command lines, by a table whose rows say where in the command's struct each value goes.
 *
 *     typedef struct {
 *         const char *model;
 *         int width;
 *         bool json;
 *     } Arguments;
 *
 *     static const Option OPTIONS[] = {
 *         OPTION(STRING, model, 'm', "model", "MODEL", "the model: a file or a folder"),
 *         OPTION_IN(INT, width, 'W', "width", "N", 64, 4096, "pixels (512)"),
 *         OPTION(FLAG, json, 0, "json", NULL, "print JSON"),
 *         OPTION_END};
 *
 * Defaults are what the struct holds before options_parse. A member whose type is not its kind's does not compile. */
#ifndef SD_TOOLS_CLI_OPTION_H
#define SD_TOOLS_CLI_OPTION_H

#include "tools/cli/command.h"

#include <stddef.h>
#include <stdint.h>

typedef enum {
    OPT_END,    /* ends a table */
    OPT_FLAG,   /* bool: becomes true */
    OPT_OFF,    /* bool: becomes false */
    OPT_INT,    /* int in low..high */
    OPT_INT64,  /* int64_t in low..high; or uint64_t, low not negative. OPTION_MOST: no upper end */
    OPT_DOUBLE, /* double in low..high */
    OPT_SIZE,   /* size_t bytes: 512M, 4G, 1.5GiB (powers of 1024), 2GB (of 1000) */
    OPT_STRING, /* const char *: the argument itself; never empty */
    OPT_CHOICE, /* const char *: one of value's words, which '|' separates */
    OPT_ENUM,   /* an enum, or int: the index of one of value's words; "a,b|c": a and b are both 0 */
    OPT_EITHER, /* bool: one of value's two words; true for the second */
    OPT_LIST,   /* OptionList: each use of the option adds its argument */
    OPT_TEXT,   /* char *, malloc'ed, valid UTF-8: the argument, @FILE, - for standard input; @@x is @x */
    OPT_ROWS,   /* not an option: more rows come from `row` */
} OptionKind;

enum { OPTION_LIST_MOST = 64 };
typedef struct {
    const char *at[OPTION_LIST_MOST]; /* never empty, in the order of the command line */
    int count;
} OptionList;

typedef struct Option Option;
struct Option {
    OptionKind kind;
    size_t at;                     /* where the value goes: the member's offset in the command's struct */
    char letter;                   /* -m, or 0 */
    const char *name;              /* model, for --model */
    const char *value;             /* how help calls the value; NULL: there is none */
    double low, high;              /* whole numbers within +-2^53, or OPTION_MOST */
    const char *help;              /* how the option reads in the help */
    bool (*row)(int i, Option *o); /* OPT_ROWS: *o = row i, its `at` relative to this one's; false: there is none */
    char standard[48];             /* the default, which the help adds in brackets; "": none, or `help` says it */
};

#define OPTION_MOST 0x1p63 /* as high: whatever an int64_t holds */

/* Rows for the members of any struct, and of the one called Arguments. _IN: with a range. */
#define OPTION_IN_OF(Struct, kind, member, letter, name, value, low, high, help)                                       \
    {                                                                                                                  \
        OPT_##kind, offsetof(Struct, member) * _Generic(((Struct *)0)->member, OPTION_TYPE_##kind : 1), letter, name,  \
            value, low, high, help, NULL, ""                                                                           \
    }
#define OPTION_OF(Struct, kind, member, letter, name, value, help)                                                     \
    OPTION_IN_OF(Struct, kind, member, letter, name, value, 0, 0, help)
#define OPTION_IN(kind, member, letter, name, value, low, high, help)                                                  \
    OPTION_IN_OF(Arguments, kind, member, letter, name, value, low, high, help)
#define OPTION(kind, member, letter, name, value, help) OPTION_OF(Arguments, kind, member, letter, name, value, help)
/* All rows of a function, for the struct that is this member. */
#define OPTION_ROWS(member, row)                                                                                       \
    { OPT_ROWS, offsetof(Arguments, member), 0, NULL, NULL, 0, 0, NULL, row, "" }
#define OPTION_END                                                                                                     \
    { OPT_END, 0, 0, NULL, NULL, 0, 0, NULL, NULL, "" }

/* The types of members that a kind writes, as _Generic takes them. */
/* clang-format off */
#define OPTION_TYPE_FLAG bool
#define OPTION_TYPE_OFF bool
#define OPTION_TYPE_INT int
#define OPTION_TYPE_INT64 int64_t : 1, uint64_t
#define OPTION_TYPE_DOUBLE double
#define OPTION_TYPE_SIZE size_t
#define OPTION_TYPE_STRING const char *
#define OPTION_TYPE_CHOICE const char *
#define OPTION_TYPE_ENUM int : 1, unsigned
#define OPTION_TYPE_EITHER bool
#define OPTION_TYPE_TEXT char *
#define OPTION_TYPE_LIST OptionList
/* clang-format on */

/* Walks a table with the rows of OPT_ROWS in their place; o->at counts from the beginning of the command's struct.
 *     Option o;
 *     for (OptionCursor k = {.next = table}; option_next(&k, &o);) ... */
typedef struct {
    const Option *next;
    int row;
} OptionCursor;
bool option_next(OptionCursor *k, Option *o);

#endif
