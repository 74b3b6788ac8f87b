#include "faults.h"

#include <stddef.h>

/* Weak where a linker may have no --wrap; elsewhere not, as static libraries are not searched for what is weak. */
#if defined __linux__
#define MAYBE
#else
#define MAYBE __attribute__((weak))
#endif
extern void *__real_malloc(size_t size) MAYBE;
extern void *__real_calloc(size_t count, size_t size) MAYBE;
extern void *__real_realloc(void *p, size_t size) MAYBE;
extern void *__real_aligned_alloc(size_t unit, size_t size) MAYBE;
extern void __real_free(void *p) MAYBE;
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);
void __wrap_free(void *p);
void *__wrap_aligned_alloc(size_t unit, size_t size);

static struct {
    bool armed, fired;
    long left; /* allocations until one fails; < 0: none does */
    long live;
    void (*before)(void *user);
    void *user;
} hook;

static bool fails(void) {
    if (hook.armed && hook.before) hook.before(hook.user);
    if (!hook.armed || hook.left < 0 || hook.left-- > 0) return false;
    hook.fired = true;
    return true;
}

static void *counted(void *p) {
    if (hook.armed && p) hook.live++;
    return p;
}

void *__wrap_malloc(size_t size) { return fails() ? NULL : counted(__real_malloc(size)); }
void *__wrap_calloc(size_t count, size_t size) { return fails() ? NULL : counted(__real_calloc(count, size)); }

void *__wrap_realloc(void *p, size_t size) {
    if (fails()) return NULL;
    return p ? __real_realloc(p, size) : counted(__real_realloc(p, size));
}

void __wrap_free(void *p) {
    if (hook.armed && p) hook.live--;
    __real_free(p);
}

void *__wrap_aligned_alloc(size_t unit, size_t size) {
    return fails() ? NULL : counted(__real_aligned_alloc(unit, size));
}

/* --- pages that are read ahead --- */

extern void __real_os_read_pages(const void *p, size_t size) MAYBE;
void __wrap_os_read_pages(const void *p, size_t size);

static struct {
    void (*instead)(void *user, const void *p, size_t size);
    void *user;
} pages;

void faults_read_pages(void (*instead)(void *user, const void *p, size_t size), void *user) {
    pages.user = user;
    pages.instead = instead;
}

void read_pages(const void *p, size_t size) { __real_os_read_pages(p, size); }

void __wrap_os_read_pages(const void *p, size_t size) {
    if (pages.instead) pages.instead(pages.user, p, size);
    else read_pages(p, size);
}

bool faults_possible(void) {
    void *(*real)(size_t) = __real_malloc;
    return real != NULL;
}

void faults_watch(void) {
    hook.armed = true, hook.fired = false;
    hook.left = -1, hook.live = 0;
    hook.before = NULL;
}

void faults_fail(long n) { hook.left = n, hook.fired = false; }
void faults_call(void (*before)(void *user), void *user) { hook.before = before, hook.user = user; }
bool faults_fired(void) { return hook.fired; }

long faults_end(void) {
    hook.armed = false;
    return hook.live;
}
