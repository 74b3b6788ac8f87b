/* cases.h: numbered cases, in processes of their own, so that one which aborts, hangs or leaks is named and the others
 * go on. A number alone says what a case is: the same one is made and run again by `test --gen-config N` and the like.
 */
#ifndef SD_TESTS_GEN_CASES_H
#define SD_TESTS_GEN_CASES_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    const char *name, *names; /* "configuration", "configurations" */
    void *(*begin)(void);     /* once for each process; NULL when it cannot */
    void (*run)(void *state, uint64_t number);
    void (*end)(void *state);
} Cases;

/* Runs `count` cases from `first` on, a hundred in a process, and names each that fails; one check for all of them.
 * With GEN_TALLY in the environment it prints how many ended in which way (case_tally), with GEN_VERBOSE how long each
 * took. */
void cases_run(const Cases *c, uint64_t first, uint64_t count);
/* One case, in this process, with every line: for `test --gen-...`; an exit status. */
int case_main(const Cases *c, const char *number);
/* How many cases: the environment's, if it says; and the first, GEN_FIRST. */
uint64_t cases_count(const char *variable, uint64_t otherwise);
uint64_t cases_first(void);

/* For Cases.run. A case that fails says why; the first reason counts. Returns false. */
bool case_fails(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool case_failed(void);
/* How the case ended, for the list at the end: equal words are counted together. Digits and names in quotes do not
 * make a difference. */
void case_tally(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A line about the case, printed when it is run alone. */
void case_says(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Whether a refusal is one line of text, of an error's kind; else the case fails. `what` was tried. */
bool case_refused(const char *what, int code, const char *text);

#endif
