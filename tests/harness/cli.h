/* cli.h: running the program `sdc` as a user would, through the shell. */
#ifndef SD_TESTS_HARNESS_CLI_H
#define SD_TESTS_HARNESS_CLI_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    int code; /* the exit code; 128 + N after signal N */
    char *out, *err;
    double seconds; /* that it computed */
    size_t peak;    /* bytes of memory that it had at most, with those of the tests that started it */
} CliRun;

/* Finds the program (SDC_BIN, else ./sdc) and makes an empty folder for it to run in. In commands, $B is the file of
 * the built-in model. */
bool cli_begin(void);
const char *cli_path(const char *name); /* of a file in that folder */
size_t cli_files(void);                 /* how many files the folder holds */

/* Runs `sdc` with the arguments that the format makes, as the shell reads them; "$SDC" is the program for more than
 * one. A run of more than two minutes (under sanitizers: eight) is ended. */
CliRun cli(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same for a whole shell command, sent SIGINT as soon as a line stands on its stderr when interrupt is set. */
CliRun cli_shell(const char *command, bool interrupt);
void cli_free(CliRun *r);

/* What a refusal may take: seconds, and memory over that of `sdc version`, which cli_begin measures. */
enum { CLI_SECONDS = 2, CLI_MEMORY = 64 << 20 };
/* Whether a run stayed within both. True under sanitizers, whose time and memory are not the program's. */
bool cli_cheap(const CliRun *r);
/* One check: these arguments end with this exit code and one line on stderr, "sdc: ...", that holds `words` (pieces
 * separated by '|'), cheaply; usage errors name the help. Standard output stays empty. */
bool cli_fails(int code, const char *words, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* One check: these arguments end with exit code 0, nothing on stderr but progress, and `words` in what was printed. */
bool cli_works(const char *words, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* One check: the embedding that the webui wrote for micro-SD (tests/golden/embeddings/webui.pt) is beside the program's
 * files under this name. */
void cli_embedding(const char *name);

/* Whether `text` holds every one of `words`, which are separated by '|'. */
bool cli_holds(const char *text, const char *words);
/* Notes what a run printed, for the last check. */
void cli_tell(const CliRun *r);

/* test_bench.c: what `sdc bench --json` with these arguments must say, the device's name beginning so. */
void bench_json(const char *device, bool guided, int steps, int runs, const char *command);

/* cli_pictures.c: what needs a model. cli_shapes.c: make-data and judge. */
void cli_pictures(void);
void cli_shapes(void);
/* cli_train.c: after cli_pictures, whose model it goes on from. */
void cli_train(void);

#endif
