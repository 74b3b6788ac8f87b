/* start_a.c: from reset to main on a Cortex-A in ARM state: vectors, a flat map of memory (unaligned loads fault while
 * there is none), the FPU. */
#include "machine.h"

#include <stdint.h>

extern uint32_t _bss[], _bss_end[];
int main(void);

static uint32_t sections[4096] __attribute__((aligned(16384))); /* of 1 MiB */

__attribute__((used)) static void begin(void) {
    for (uint32_t *to = _bss; to < _bss_end;) *to++ = 0;
    for (uint32_t i = 0; i < 4096; i++) /* memory from 1 GiB on: normal, cached; below: devices */
        sections[i] = i << 20 | (i >= 1024 && i < 3072 ? 0x1c0e : 0xc16);
    __asm__ volatile("mcr p15, 0, %0, c2, c0, 0\n" /* TTBR0 */
                     "mcr p15, 0, %1, c3, c0, 0\n" /* DACR: every domain */
                     "mcr p15, 0, %2, c8, c7, 0\n" /* TLB */
                     "dsb\n isb\n"
                     "mrc p15, 0, r0, c1, c0, 0\n"
                     "bic r0, r0, #2\n" /* no faults of alignment */
                     "orr r0, r0, #0x1000\n"
                     "orr r0, r0, #5\n" /* map, caches */
                     "mcr p15, 0, r0, c1, c0, 0\n"
                     "isb\n"
                     "mrc p15, 0, r0, c1, c0, 2\n"
                     "orr r0, r0, #0xf00000\n" /* CPACR */
                     "mcr p15, 0, r0, c1, c0, 2\n"
                     "isb\n"
                     "mov r0, #0x40000000\n" /* FPEXC.EN */
                     "vmsr fpexc, r0\n"
                     :
                     : "r"(sections), "r"(0xffffffff), "r"(0)
                     : "r0", "memory");
    machine_exit(main());
}

__attribute__((used)) static void fault(void) {
    machine_print("fault\n");
    machine_exit(3);
}

__attribute__((naked, section(".vectors"), used)) void reset(void) {
    __asm__ volatile("b 1f\n b 2f\n b 2f\n b 2f\n b 2f\n nop\n b 2f\n b 2f\n"
                     "1: ldr sp, =_stack_top\n"
                     "adr r0, reset\n"
                     "mcr p15, 0, r0, c12, c0, 0\n" /* VBAR */
                     "bl begin\n"
                     "2: ldr sp, =_stack_top\n bl fault\n");
}
