/* test_options.c: every kind of option writes its member, at the ends of its range, and nothing else. */
#include "tests/harness/test.h"
#include "tools/cli/help.h"
#include "tools/cli/options/options.h"
#include "tools/cli/options/setting_option.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef enum { RED, GREEN, BLUE } Colour;

typedef struct {
    int8_t before;
    int row;
    int8_t after;
} Inner;

typedef struct {
    int8_t guard[12]; /* between the others' members, to see that neighbours stay as they are */
    bool flag, off, either;
    int8_t guard_flags;
    int whole;
    int8_t guard_whole;
    int64_t large;
    uint64_t seed;
    double number;
    int8_t guard_number;
    size_t bytes;
    const char *string, *choice;
    Colour colour;
    int8_t guard_colour;
    char *text;
    Inner inner;
} Arguments;

static bool inner_row(int i, Option *o) {
    static const Option ROWS[] = {OPTION_IN_OF(Inner, INT, row, 'r', "row", "N", 0, 9, "of the inner struct")};
    if (i >= 1) return false;
    *o = ROWS[i];
    return true;
}

static const Option OPTIONS[] = {OPTION(FLAG, flag, 'f', "flag", NULL, "becomes true"),
                                 OPTION(OFF, off, 0, "off", NULL, "becomes false"),
                                 OPTION_ROWS(inner, inner_row),
                                 OPTION(EITHER, either, 0, "either", "no|yes", "the second word is true"),
                                 OPTION_IN(INT, whole, 'w', "whole", "N", -5, 2147483647, "an int"),
                                 OPTION_IN(INT64, large, 0, "large", "N", -1, OPTION_MOST, "an int64_t"),
                                 OPTION_IN(INT64, seed, 0, "seed", "N", 0, OPTION_MOST, "a uint64_t"),
                                 OPTION_IN(DOUBLE, number, 0, "number", "X", 0.25, 1.5, "a double"),
                                 OPTION(SIZE, bytes, 0, "bytes", "SIZE", "a size_t"),
                                 OPTION(STRING, string, 0, "string", "S", "a string"),
                                 OPTION(CHOICE, choice, 0, "choice", "a|b", "one of two strings"),
                                 OPTION(ENUM, colour, 0, "colour", "red,scarlet|green|blue", "an enum"),
                                 OPTION(TEXT, text, 0, "text", "T", "a text"),
                                 OPTION_END};

static const Command COMMAND = {"test", NULL, "", "a command for tests", NULL, OPTIONS};

static Arguments defaults(void) {
    Arguments a;
    memset(&a, 0x55, sizeof a);
    a.flag = a.either = false, a.off = true;
    a.whole = 7, a.large = 7, a.seed = 7, a.number = 1, a.bytes = 7, a.colour = BLUE, a.inner.row = 7;
    a.string = a.choice = NULL, a.text = NULL;
    return a;
}

/* The code; messages are thrown away. */
static int parse(Arguments *a, char *const *line, int count, int *rest) {
    char *argv[8] = {"test"};
    for (int i = 0; i < count; i++) argv[i + 1] = line[i];
    fflush(stderr);
    int kept = dup(2), null = open("/dev/null", O_WRONLY);
    dup2(null, 2);
    int code = options_parse(&COMMAND, a, count + 1, argv, rest);
    fflush(stderr);
    dup2(kept, 2);
    close(kept), close(null);
    return code;
}

/* Frees what an earlier parse gave and parses one option with a value; whether the code is this one and, after an
 * error, nothing has changed. */
static bool gives(Arguments *a, int code, const char *option, const char *value) {
    options_free(&COMMAND, a);
    Arguments was = *a = defaults();
    int rest = 0;
    char *line[] = {(char *)(uintptr_t)option, (char *)(uintptr_t)value};
    bool ok = parse(a, line, value ? 2 : 1, &rest) == code && !rest;
    return ok && (code == GO_ON || !memcmp(a, &was, sizeof was));
}

static void values(void) {
    Arguments d = defaults(), a = d;
    test_check(gives(&a, GO_ON, "--flag", NULL) && a.flag && a.guard_flags == d.guard_flags, "FLAG");
    test_check(gives(&a, GO_ON, "--off", NULL) && !a.off && !a.either && !a.flag, "OFF");
    test_check(gives(&a, GO_ON, "--either", "yes") && a.either && gives(&a, GO_ON, "--either", "no") && !a.either,
               "EITHER");
    test_check(gives(&a, GO_ON, "-w", "-5") && a.whole == -5 && gives(&a, GO_ON, "--whole", "2147483647") &&
                   a.whole == 2147483647 && a.guard_whole == d.guard_whole,
               "INT to both ends, and its neighbour stays");
    test_check(gives(&a, EXIT_USAGE, "-w", "-6") && gives(&a, EXIT_USAGE, "-w", "2147483648"), "INT beyond them");
    test_check(gives(&a, GO_ON, "--large", "9223372036854775807") && a.large == INT64_MAX &&
                   gives(&a, EXIT_USAGE, "--large", "9223372036854775808") && gives(&a, EXIT_USAGE, "--large", "-2"),
               "INT64");
    test_check(gives(&a, GO_ON, "--seed", "9223372036854775807") && a.seed == INT64_MAX &&
                   gives(&a, EXIT_USAGE, "--seed", "-1"),
               "INT64 of a uint64_t");
    test_check(gives(&a, GO_ON, "--number", "0.25") && a.number == 0.25 && gives(&a, GO_ON, "--number", "1.5") &&
                   a.number == 1.5 && a.guard_number == d.guard_number,
               "DOUBLE to both ends, which are not whole");
    test_check(gives(&a, EXIT_USAGE, "--number", "0.2499") && gives(&a, EXIT_USAGE, "--number", "1.5001") &&
                   gives(&a, EXIT_USAGE, "--number", "nan"),
               "DOUBLE beyond them");
    test_check(gives(&a, GO_ON, "--bytes", "1.5GiB") && a.bytes == (size_t)3 << 29 &&
                   gives(&a, GO_ON, "--bytes", "2GB") && a.bytes == 2000000000,
               "SIZE");
    test_check(gives(&a, GO_ON, "--string", "-x") && !strcmp(a.string, "-x") && gives(&a, EXIT_USAGE, "--string", ""),
               "STRING");
    test_check(gives(&a, GO_ON, "--choice", "b") && !strcmp(a.choice, "b") && gives(&a, EXIT_USAGE, "--choice", "c"),
               "CHOICE");
    test_check(gives(&a, GO_ON, "--colour", "red") && a.colour == RED && gives(&a, GO_ON, "--colour", "scarlet") &&
                   a.colour == RED && gives(&a, GO_ON, "--colour", "green") && a.colour == GREEN &&
                   a.guard_colour == d.guard_colour,
               "ENUM, also by a second name");
    test_check(gives(&a, EXIT_USAGE, "--colour", "gree") && gives(&a, EXIT_USAGE, "--colour", "greens") &&
                   gives(&a, EXIT_USAGE, "--colour", "red,scarlet"),
               "ENUM takes whole words");
    test_check(gives(&a, GO_ON, "-r", "9") && a.inner.row == 9 && a.inner.before == d.inner.before &&
                   a.inner.after == d.inner.after && gives(&a, EXIT_USAGE, "--row", "10"),
               "ROWS write into their member");
    test_check(gives(&a, EXIT_USAGE, "--text", "a\xFF"), "TEXT that is not UTF-8");
    test_check(gives(&a, GO_ON, "--text", "a\xC3\xA9") && !strcmp(a.text, "a\xC3\xA9"), "TEXT");
    test_check(gives(&a, GO_ON, "--text", "@@_@, b") && !strcmp(a.text, "@_@, b") && gives(&a, GO_ON, "--text", "@@") &&
                   !strcmp(a.text, "@"),
               "TEXT that begins with @");
    options_free(&COMMAND, &a);
    test_check(!a.text, "and is freed");
}

static void lines(void) {
    Arguments a = defaults();
    int rest = 0;
    char *line[] = {"x", "--whole=3", "y", "-f", "--", "--off"};
    test_check(parse(&a, line, 6, &rest) == GO_ON && rest == 3 && a.whole == 3 && a.flag && a.off,
               "what is not an option is kept, after -- everything");
    char *last[] = {"-w", "1", "-w", "2"};
    test_check(parse(&a, last, 4, &rest) == GO_ON && a.whole == 2 && !rest, "the last one counts");
    char *valued[] = {"--flag=1"}, *alone[] = {"--whole"}, *other[] = {"--wholes", "1"}, *letter[] = {"-q"};
    test_check(parse(&a, valued, 1, &rest) == EXIT_USAGE && parse(&a, alone, 1, &rest) == EXIT_USAGE &&
                   parse(&a, other, 2, &rest) == EXIT_USAGE && parse(&a, letter, 1, &rest) == EXIT_USAGE,
               "values where there are none, none where there should be, unknown names");
    int least = FAR;
    test_check(is_nearer("steps", "stepz", &least) && least == 1 && !is_nearer("scope", "stepz", &least) &&
                   is_nearer("stepz", "stepz", &least) && least == 0,
               "the nearest name");
    least = FAR;
    test_check(!is_nearer("m", "q", &least) && !is_nearer("steps", "frobnicate", &least), "and no farther one");
}

/* A setting's default reaches the help from the table, and is written in no other place. */
static void settings(void) {
    static const struct {
        const char *name, *standard;
    } ROWS[] = {{"steps", "20, or the model's own"},
                {"strength", "0.75"},
                {"seed", "-1: random, and printed"},
                {"s-tmax", "0: no end"},
                {"ensd", "0"},
                {"rng", "nv"},
                {"emphasis", "original"},
                {"prompt", ""},
                {"sampler", "Euler a, or the model's own"},
                {"scheduler", "Automatic, or the model's own"},
                {"taps", ""},
                {"discard-next-to-last", ""}};
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        const Option o = setting_option(param_named(ROWS[i].name));
        test_check(!strcmp(o.standard, ROWS[i].standard), "--%s: default '%s'", ROWS[i].name, o.standard);
    }
    for (const Param *p = PARAMS; p < PARAMS + PARAM_COUNT; p++) {
        size_t n = strlen(p->help);
        bool none = !*setting_option(p).standard;
        test_check(n && n < 400 && (none || p->help[n - 1] != ')'), "--%s: help without a default", p->name);
        test_check(!p->unset || p->standard < p->low || p->standard > p->high || p->standard == 0,
                   "--%s: a default that means something else", p->name);
    }
}

SUITE(options, .seconds = 1) {
    values();
    lines();
    settings();
}
