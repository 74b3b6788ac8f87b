/* faults.h: allocations of the tests' own process that fail. It must be linked with -Wl,--wrap=malloc and what else
 * faults.c wraps; without that nothing fails (faults_possible). */
#ifndef SD_TESTS_HARNESS_FAULTS_H
#define SD_TESTS_HARNESS_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

bool faults_possible(void);
/* From now on allocations are counted. Only one thread may run. */
void faults_watch(void);
/* Allocation n from now on fails, once; n < 0: none. */
void faults_fail(long n);
bool faults_fired(void); /* it has, since faults_fail */
/* Every allocation until faults_end calls this first. */
void faults_call(void (*before)(void *user), void *user);
/* From now on this is called in place of os_read_pages, which it may call (read_pages); NULL: nothing is. */
void faults_read_pages(void (*instead)(void *user, const void *p, size_t size), void *user);
void read_pages(const void *p, size_t size);
/* Ends it; returns how many more were allocated than released. */
long faults_end(void);

#endif
