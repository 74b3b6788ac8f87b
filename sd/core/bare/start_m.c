/* start_m.c: from reset to main on a Cortex-M with an FPU. Faults end the program with code 3. */
#include "machine.h"

#include <stdint.h>

extern uint32_t _data_from[], _data[], _data_end[], _bss[], _bss_end[];
extern uint8_t _stack_top[];
int main(void);

void reset(void) {
    *(volatile uint32_t *)0xE000ED88 |= 0xFu << 20; /* CPACR: the FPU is there */
    __asm__ volatile("dsb\n isb");
    for (uint32_t *from = _data_from, *to = _data; to < _data_end;) *to++ = *from++;
    for (uint32_t *to = _bss; to < _bss_end;) *to++ = 0;
    machine_exit(main());
}

/* Prints where: the address is in the frame that the processor has pushed. */
static __attribute__((used)) void report(const uint32_t *frame) {
    char text[] = "fault at 00000000\n";
    for (int i = 0; i < 8; i++) text[9 + i] = "0123456789abcdef"[frame[6] >> (28 - 4 * i) & 15];
    machine_print(text);
    machine_exit(3);
}

static __attribute__((naked)) void fault(void) { __asm__ volatile("mov r0, sp\n b report"); }

__attribute__((section(".vectors"), used)) static const uintptr_t VECTORS[16] = {
    (uintptr_t)_stack_top, (uintptr_t)reset, (uintptr_t)fault, (uintptr_t)fault,
    (uintptr_t)fault,      (uintptr_t)fault, (uintptr_t)fault};
