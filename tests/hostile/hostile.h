/* hostile.h: what sdc must survive, one row a case. A set of cases is registered where it is written:
 *
 *     static const HostileCase CASES[] = {
 *         {"json-cut", "a.json", BYTES("{\"x\":"), "info a.json", 1, "a.json|JSON"},
 *         {"no-model", .args = "info nothing", .code = 1, .words = "nothing|cannot open"},
 *     };
 *     HOSTILE(configurations) {
 *         (write the larger inputs: test_write(cli_path("b.safetensors"), ...))
 *         hostile_cases(CASES, sizeof CASES / sizeof *CASES);
 *     }
 *
 * Every case must end with its exit code, one line on stderr if that is not 0, within two seconds and 64 MB over the
 * least that sdc takes (cli_cheap), and a refused one leaves no file that was not there before. */
#ifndef SD_TESTS_HOSTILE_HOSTILE_H
#define SD_TESTS_HOSTILE_HOSTILE_H

#include <stddef.h>

typedef struct {
    const char *name; /* unique in its set */
    const char *file; /* an input in the folder where sdc runs, written before and removed after; or NULL */
    const char *bytes;
    size_t size;
    const char *args;  /* sdc's, as the shell reads them: $B is the built-in model's file */
    int code;          /* exit code; an error's line is "sdc: ..." */
    const char *words; /* separated by '|', all on stderr; of a case that works on either stream */
} HostileCase;

#define BYTES(text) text, sizeof(text) - 1

void hostile_case(const HostileCase *c); /* one check, named SET/NAME */
void hostile_cases(const HostileCase *c, size_t count);

typedef struct HostileSet {
    const char *name;
    void (*run)(void);
    struct HostileSet *next;
} HostileSet;

void hostile_add(HostileSet *s);

#define HOSTILE(name_)                                                                                                 \
    static void name_##_hostile(void);                                                                                 \
    __attribute__((constructor)) static void name_##_add(void) {                                                       \
        static HostileSet s = {.name = #name_, .run = name_##_hostile};                                                \
        hostile_add(&s);                                                                                               \
    }                                                                                                                  \
    static void name_##_hostile(void)

#endif
