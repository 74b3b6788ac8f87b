/* os_no_threads.c: os.h for systems where a process has one thread. */
#include "tensor/os.h"

#include <stdlib.h>

struct OsLock {
    char unused;
};

struct OsCondition {
    char unused;
};

int os_processors(void) { return 1; }
bool os_threads_share_libc(void) { return false; }

OsThread *os_thread_start(void (*run)(void *arg), void *arg) {
    (void)run, (void)arg;
    return NULL;
}

void os_thread_join(OsThread *t) { (void)t; }
OsLock *os_lock_new(void) { return malloc(sizeof(OsLock)); }
void os_lock_free(OsLock *l) { free(l); }
void os_lock(OsLock *l) { (void)l; }
void os_unlock(OsLock *l) { (void)l; }
OsCondition *os_condition_new(void) { return malloc(sizeof(OsCondition)); }
void os_condition_free(OsCondition *c) { free(c); }
void os_condition_wait(OsCondition *c, OsLock *l) { (void)c, (void)l; }
void os_condition_wait_for(OsCondition *c, OsLock *l, double seconds) { (void)c, (void)l, (void)seconds; }
void os_condition_wake(OsCondition *c) { (void)c; }
