/* os_wasi_threads.c: os.h's threads for WebAssembly, in place of os_no_threads.c: memory that threads share, its atomic
 * instructions, and the convention wasi-threads. The host starts a thread (`thread-spawn`) by making another instance
 * of the module on the same memory, in which it calls `wasi_thread_start`.
 *
 * Debian's wasi-libc knows no threads: its allocator, streams and errno have no locks. Its allocator is given one here
 * (the linker's --wrap: rules.mk), so that any thread may allocate; streams and files are the first thread's, which
 * os_threads_share_libc says, and which hosts see to (tools/wasm): a thread that asks them for either ends the program.
 */
#include "tensor/os.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>

int os_processors(void) {
    const char *told = getenv("SDC_PROCESSORS");
    int n = told ? atoi(told) : 1;
    return n > 0 ? n : 1;
}

bool os_threads_share_libc(void) { return false; }

/* --- waiting --- */

/* Waits while *at is `value`, until it is woken or, unless it is negative, for so many nanoseconds. A function of its
 * own, because in V8's (11.3) baseline code what is in variables around the instruction is lost. */
static __attribute__((noinline)) void wait(_Atomic int32_t *at, int32_t value, int64_t ns) {
    (void)__builtin_wasm_memory_atomic_wait32((int32_t *)at, value, ns);
}

static void wake(_Atomic int32_t *at, uint32_t count) {
    (void)__builtin_wasm_memory_atomic_notify((int32_t *)at, count);
}

enum { FREE, LOCKED, AWAITED /* locked, and others may wait */ };

struct OsLock {
    _Atomic int32_t state;
};

/* Drepper, "Futexes Are Tricky", Mutex 2. */
void os_lock(OsLock *l) {
    int32_t was = FREE;
    if (atomic_compare_exchange_strong(&l->state, &was, LOCKED)) return;
    if (was != AWAITED) was = atomic_exchange(&l->state, AWAITED);
    while (was != FREE) {
        wait(&l->state, AWAITED, -1);
        was = atomic_exchange(&l->state, AWAITED);
    }
}

void os_unlock(OsLock *l) {
    if (atomic_exchange(&l->state, FREE) == AWAITED) wake(&l->state, 1);
}

OsLock *os_lock_new(void) { return calloc(1, sizeof(OsLock)); }
void os_lock_free(OsLock *l) { free(l); }

struct OsCondition {
    _Atomic int32_t wakes; /* how often it was woken */
};

OsCondition *os_condition_new(void) { return calloc(1, sizeof(OsCondition)); }
void os_condition_free(OsCondition *c) { free(c); }

static void wait_unlocked(OsCondition *c, OsLock *l, int64_t ns) {
    int32_t seen = atomic_load(&c->wakes);
    os_unlock(l);
    wait(&c->wakes, seen, ns);
    os_lock(l);
}

void os_condition_wait(OsCondition *c, OsLock *l) { wait_unlocked(c, l, -1); }

void os_condition_wait_for(OsCondition *c, OsLock *l, double seconds) {
    enum { MOST = 1000000 };
    wait_unlocked(c, l, (int64_t)(1e9 * (seconds < 0 ? 0 : seconds < MOST ? seconds : MOST)));
}

void os_condition_wake(OsCondition *c) {
    atomic_fetch_add(&c->wakes, 1);
    wake(&c->wakes, UINT_MAX);
}

/* --- threads --- */

enum { STACK = 1 << 20 /* of which jobs have used 3.6 KiB */, UNIT = 64, GUARD = 0x57ac4e4d };

struct OsThread { /* wasi_thread_start knows where the first three are */
    char *stack;  /* its upper end; the lower one is *guard */
    char *locals; /* for the thread's own variables */
    _Atomic int32_t ended;
    void (*run)(void *arg);
    void *arg;
    uint32_t *guard;
};

int32_t os_wasi_thread_spawn(OsThread *t) __attribute__((import_module("wasi"), import_name("thread-spawn")));

/* What lies below a thread's stack is other memory, unlike below the first one's: a stack that was too small is found
 * when the thread ends. */
void os_wasi_thread_run(OsThread *t) {
    t->run(t->arg);
    if (*t->guard != GUARD) __builtin_trap();
}

/* wasi_thread_start(number, thread): what a host calls. It says that the thread has ended without using the stack any
 * more, which whoever joins the thread then frees. */
__asm__(".functype os_wasi_thread_run (i32) -> ()\n"
        ".functype __wasm_init_tls (i32) -> ()\n"
        ".globaltype __stack_pointer, i32\n"
        ".globl wasi_thread_start\n"
        ".type wasi_thread_start, @function\n"
        ".export_name wasi_thread_start, wasi_thread_start\n"
        "wasi_thread_start:\n"
        ".functype wasi_thread_start (i32, i32) -> ()\n"
        "local.get 1\n"
        "i32.load 0\n"
        "global.set __stack_pointer\n"
        "local.get 1\n"
        "i32.load 4\n"
        "call __wasm_init_tls\n"
        "local.get 1\n"
        "call os_wasi_thread_run\n"
        "local.get 1\n"
        "i32.const 1\n"
        "i32.atomic.store 8\n"
        "local.get 1\n"
        "i32.const 1\n"
        "memory.atomic.notify 8\n"
        "drop\n"
        "end_function\n");

_Static_assert(offsetof(OsThread, stack) == 0 && offsetof(OsThread, locals) == 4 && offsetof(OsThread, ended) == 8,
               "wasi_thread_start knows these");

OsThread *os_thread_start(void (*run)(void *arg), void *arg) {
    size_t locals = (__builtin_wasm_tls_size() + UNIT - 1) & ~(size_t)(UNIT - 1);
    char *memory = aligned_alloc(UNIT, UNIT + STACK + locals);
    if (!memory) return NULL;
    OsThread *t = (OsThread *)memory;
    *t = (OsThread){.run = run, .arg = arg};
    t->guard = (uint32_t *)(memory + sizeof *t);
    *t->guard = GUARD;
    t->stack = memory + UNIT + STACK;
    t->locals = t->stack;
    if (os_wasi_thread_spawn(t) > 0) return t;
    free(memory);
    return NULL;
}

void os_thread_join(OsThread *t) {
    while (!atomic_load(&t->ended)) wait(&t->ended, 0, -1);
    free(t);
}

/* --- libc's allocator, one thread at a time --- */

static OsLock heap;

void *__real_malloc(size_t size), *__real_calloc(size_t count, size_t size), *__real_realloc(void *p, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size), __real_free(void *p);
int __real_posix_memalign(void **out, size_t alignment, size_t size);

#define LOCKED_CALL(type, call)                                                                                        \
    os_lock(&heap);                                                                                                    \
    type result = call;                                                                                                \
    os_unlock(&heap);                                                                                                  \
    return result

void *__wrap_malloc(size_t size) { LOCKED_CALL(void *, __real_malloc(size)); }
void *__wrap_calloc(size_t count, size_t size) { LOCKED_CALL(void *, __real_calloc(count, size)); }
void *__wrap_realloc(void *p, size_t size) { LOCKED_CALL(void *, __real_realloc(p, size)); }
void *__wrap_aligned_alloc(size_t alignment, size_t size) {
    LOCKED_CALL(void *, __real_aligned_alloc(alignment, size));
}
int __wrap_posix_memalign(void **out, size_t alignment, size_t size) {
    LOCKED_CALL(int, __real_posix_memalign(out, alignment, size));
}
void __wrap_free(void *p) {
    os_lock(&heap);
    __real_free(p);
    os_unlock(&heap);
}
