/* semihosting.c: see machine.h. */
#include "machine.h"

#include <stdint.h>

enum { SYS_WRITE0 = 0x04, SYS_GET_CMDLINE = 0x15, SYS_EXIT_EXTENDED = 0x20, APPLICATION_EXIT = 0x20026 };

static int call(int number, const void *arg) {
    register int r0 __asm__("r0") = number;
    register const void *r1 __asm__("r1") = arg;
#if defined __ARM_ARCH_PROFILE && __ARM_ARCH_PROFILE == 'M'
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
#elif defined __thumb__
    __asm__ volatile("svc 0xab" : "+r"(r0) : "r"(r1) : "memory");
#else
    __asm__ volatile("svc 0x123456" : "+r"(r0) : "r"(r1) : "memory");
#endif
    return r0;
}

void machine_print(const char *text) { call(SYS_WRITE0, text); }

void machine_arguments(char *out, size_t size) {
    struct {
        char *at;
        uint32_t size;
    } block = {out, (uint32_t)size};
    out[0] = 0;
    if (call(SYS_GET_CMDLINE, &block)) out[0] = 0;
}

void machine_exit(int code) {
    uint32_t block[2] = {APPLICATION_EXIT, (uint32_t)code};
    for (;;) call(SYS_EXIT_EXTENDED, block);
}
