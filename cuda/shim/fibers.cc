/* fibers.cc: the threads of a block as fibers on one host thread. */
#include "shim.h"

#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>
#include <vector>

#if defined __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
enum { STACK = 512 << 10 };
#else
enum { STACK = 128 << 10 };
#endif
/* Stacks begin at different offsets: at one offset, they would evict each other from the caches. */
enum { SHIFT = 17 * 64, SHIFTS = 32 };

thread_local dim3 gridDim, blockDim, blockIdx, threadIdx;
__thread unsigned shim_own_lane;
__thread unsigned char *shim_slots;

/* Saves the callee-saved registers and the stack pointer in *from, and continues where `to` was saved. */
extern "C" void shim_switch(void **from, void *to);
#if defined __x86_64__
asm(".text\n.globl shim_switch\n.type shim_switch,@function\nshim_switch:\n"
    "push %rbp\npush %rbx\npush %r12\npush %r13\npush %r14\npush %r15\n"
    "mov %rsp,(%rdi)\nmov %rsi,%rsp\n"
    "pop %r15\npop %r14\npop %r13\npop %r12\npop %rbx\npop %rbp\nret\n");
enum { SAVED = 7 }; /* words; the return address is the last */
static const int RETURN = 6;
#elif defined __aarch64__
asm(".text\n.globl shim_switch\n.type shim_switch,%function\nshim_switch:\n"
    "sub sp,sp,#160\nstp x19,x20,[sp]\nstp x21,x22,[sp,#16]\nstp x23,x24,[sp,#32]\nstp x25,x26,[sp,#48]\n"
    "stp x27,x28,[sp,#64]\nstp x29,x30,[sp,#80]\nstp d8,d9,[sp,#96]\nstp d10,d11,[sp,#112]\n"
    "stp d12,d13,[sp,#128]\nstp d14,d15,[sp,#144]\nmov x2,sp\nstr x2,[x0]\nmov sp,x1\n"
    "ldp x19,x20,[sp]\nldp x21,x22,[sp,#16]\nldp x23,x24,[sp,#32]\nldp x25,x26,[sp,#48]\n"
    "ldp x27,x28,[sp,#64]\nldp x29,x30,[sp,#80]\nldp d8,d9,[sp,#96]\nldp d10,d11,[sp,#112]\n"
    "ldp d12,d13,[sp,#128]\nldp d14,d15,[sp,#144]\nadd sp,sp,#160\nret\n");
enum { SAVED = 20 };
static const int RETURN = 11;
#else
#error "fibers.cc knows x86-64 and aarch64"
#endif

namespace {

enum State { READY, IN_WARP, AT_BARRIER, SPINNING, DONE };
enum { WARP = 32, MOST_COPIES = 128, MOST_IDLE = 4 };

struct Copy {
    void *to;
    const void *from;
    int bytes, zeros, group;
};

struct Fiber {
    void *sp, *fake; /* fake: AddressSanitizer's */
    char *stack;
    State state;
    dim3 index;
    unsigned number, exchange; /* exchange: how many its warp has had */
    int pending, group;        /* copies under way, groups begun */
};

struct Block {
    std::vector<Fiber> fibers;
    std::vector<Copy> copies;                 /* [fibers][MOST_COPIES] */
    std::vector<char *> stacks;               /* free stacks */
    std::vector<unsigned char> slots, shared; /* [warps][2][32][SHIM_SLOT] */
    Fiber *now;
    bool progress; /* somebody got further since the last round of all warps */
    void *home, *home_fake;
    const std::function<void()> *body;
    const void *bottom; /* of the host thread's stack, for AddressSanitizer */
    size_t size;
    ~Block() {
        for (char *s : stacks) munmap(s, STACK);
    }
};
thread_local Block block;
thread_local unsigned launches;

void leaving(void **fake, const void *bottom, size_t size) {
#if defined __SANITIZE_ADDRESS__
    __sanitizer_start_switch_fiber(fake, bottom, size);
#else
    (void)fake, (void)bottom, (void)size;
#endif
}

void arrived(void *fake, const void **bottom, size_t *size) {
#if defined __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(fake, bottom, size);
#else
    (void)fake, (void)bottom, (void)size;
#endif
}

/* Exchanges alternate between two sides of slots: some threads still read the previous one's. */
void place(const Fiber *f) {
    shim_own_lane = f->number % WARP;
    shim_slots = &block.slots[(f->number / WARP * 2 + (f->exchange & 1)) * WARP * SHIM_SLOT];
}

void yield() {
    Fiber *f = block.now;
    leaving(f->state == DONE ? nullptr : &f->fake, block.bottom, block.size);
    shim_switch(&f->sp, block.home);
    arrived(f->fake, &block.bottom, &block.size);
}

void enter() {
    arrived(nullptr, &block.bottom, &block.size);
    (*block.body)();
    shim_copy_wait(0);
    block.now->state = DONE;
    yield();
    abort();
}

void prepare(Fiber *f) {
    if (block.stacks.empty()) {
        void *p = mmap(nullptr, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED) abort();
        block.stacks.push_back((char *)p);
    }
    f->stack = block.stacks.back();
    block.stacks.pop_back();
    void **top = (void **)(f->stack + STACK - 64 - f->number % SHIFTS * SHIFT) - SAVED;
#if defined __x86_64__
    top--; /* as after a call: 8 past a multiple of 16 */
#endif
    std::memset(top, 0, SAVED * sizeof *top);
    top[RETURN] = (void *)enter;
    f->sp = top;
}

void run(Fiber *f) {
    if (!f->stack) prepare(f);
    block.now = f;
    threadIdx = f->index;
    place(f);
    leaving(&block.home_fake, f->stack, STACK);
    shim_switch(&block.home, f->sp);
    arrived(block.home_fake, nullptr, nullptr);
    if (f->state != DONE) return;
    block.stacks.push_back(f->stack);
    f->stack = nullptr;
}

/* Runs a warp until its threads are done, are at the barrier, or wait for something from outside the warp. */
void run_warp(Fiber *f, unsigned n, bool backwards) {
    for (;;) {
        unsigned waiting = 0, spinning = 0;
        for (unsigned i = 0; i < n; i++) {
            Fiber *g = &f[backwards ? n - 1 - i : i];
            if (g->state == READY) run(g);
            waiting += g->state == IN_WARP;
            spinning += g->state == SPINNING;
        }
        if (!waiting || spinning) return;
        for (unsigned i = 0; i < n; i++) {
            if (f[i].state == AT_BARRIER) {
                fprintf(stderr, "shim: a warp waits for a thread that is at a barrier\n");
                abort();
            }
            if (f[i].state == IN_WARP) f[i].state = READY;
        }
    }
}

void run_block(bool backwards) {
    unsigned n = (unsigned)block.fibers.size(), warps = (n + WARP - 1) / WARP;
    for (unsigned i = 0; i < n; i++) {
        Fiber *f = &block.fibers[i];
        f->state = READY;
        f->index = dim3(i % blockDim.x, i / blockDim.x % blockDim.y, i / blockDim.x / blockDim.y);
        f->number = i;
        f->exchange = 0;
        f->pending = f->group = 0;
    }
    for (unsigned left = n, idle = 0; left;) {
        unsigned barrier = 0, spinning = 0;
        block.progress = false;
        for (unsigned i = 0; i < warps; i++) {
            unsigned w = backwards ? warps - 1 - i : i;
            unsigned lanes = n - w * WARP;
            run_warp(&block.fibers[w * WARP], lanes < WARP ? lanes : unsigned(WARP), backwards);
        }
        left = 0;
        for (Fiber &f : block.fibers) {
            left += f.state != DONE, barrier += f.state == AT_BARRIER, spinning += f.state == SPINNING;
            if (f.state == SPINNING) f.state = READY;
        }
        if (spinning) {
            idle = block.progress ? 0 : idle + 1;
            if (idle < MOST_IDLE) continue;
            fprintf(stderr, "shim: %u of %u threads wait for something that nobody will do\n", spinning, n);
            abort();
        }
        if (left && barrier != n) {
            fprintf(stderr, "shim: %u of %u threads wait at a barrier that the others never reach\n", barrier, n);
            abort();
        }
        for (Fiber &f : block.fibers)
            if (f.state == AT_BARRIER) f.state = READY;
    }
}

} // namespace

void shim_barrier() {
    block.now->state = AT_BARRIER;
    yield();
}

void shim_warp_wait() {
    block.now->state = IN_WARP;
    yield();
    block.now->exchange++;
    place(block.now);
}

void shim_spin() {
    block.now->state = SPINNING;
    yield();
}

void shim_progress() { block.progress = true; }

unsigned shim_thread() { return block.now->number; }

void *shim_shared() { return (void *)(((uintptr_t)block.shared.data() + 127) & ~(uintptr_t)127); }

/* The window begins a little earlier: code that needs a larger alignment must provide it itself. */
uint32_t shim_shared_address(const void *p) { return 128 + (uint32_t)((const char *)p - (const char *)shim_shared()); }

void shim_copy_later(void *to, const void *from, int bytes, int zeros) {
    Fiber *f = block.now;
    if (f->pending == MOST_COPIES) abort();
    block.copies.resize(block.fibers.size() * MOST_COPIES);
    std::memset(to, 0xff, (size_t)(bytes + zeros)); /* a thread that does not wait reads NaN */
    block.copies[f->number * MOST_COPIES + (unsigned)f->pending++] = Copy{to, from, bytes, zeros, f->group};
}

void shim_copy_commit() { block.now->group++; }

void shim_copy_wait(int groups) {
    Fiber *f = block.now;
    if (!f->pending) return;
    Copy *copies = &block.copies[f->number * MOST_COPIES];
    int kept = 0;
    for (int i = 0; i < f->pending; i++) {
        Copy c = copies[i];
        if (c.group >= f->group - groups) {
            copies[kept++] = c;
            continue;
        }
        if (c.bytes) std::memcpy(c.to, c.from, (size_t)c.bytes);
        std::memset((char *)c.to + c.bytes, 0, (size_t)c.zeros);
    }
    f->pending = kept;
}

void shim_run(dim3 grid, dim3 threads, size_t shared, const std::function<void()> &body, void (*block_ended)()) {
    unsigned n = threads.x * threads.y * threads.z;
    if (!n || n > 1024 || !grid.x || !grid.y || !grid.z || grid.y > 65535 || grid.z > 65535) {
        fprintf(stderr, "shim: a launch of %ux%ux%u blocks of %u threads\n", grid.x, grid.y, grid.z, n);
        abort();
    }
    block.fibers.resize(n);
    block.slots.resize((n + WARP - 1) / WARP * 2 * WARP * SHIM_SLOT);
    std::vector<unsigned char>(shared + 128).swap(block.shared); /* exactly its size, for AddressSanitizer */
    block.body = &body;
    gridDim = grid;
    blockDim = threads;
    launches++;
    for (unsigned z = 0; z < grid.z; z++)
        for (unsigned y = 0; y < grid.y; y++)
            for (unsigned x = 0; x < grid.x; x++) {
                blockIdx = dim3(x, y, z);
                std::memset(block.shared.data(), 0xff, block.shared.size());
                run_block((launches + x + y + z) & 1);
                block_ended();
            }
}
