/* machine.h: what a board has to offer to sd/core/bare/main.c. Here that is semihosting: a debugger, or QEMU, prints
 * and ends the program (Arm, "Semihosting for AArch32 and AArch64"). */
#ifndef SD_CORE_BARE_MACHINE_H
#define SD_CORE_BARE_MACHINE_H

#include <stddef.h>

void machine_print(const char *text);
void machine_arguments(char *out, size_t size); /* the command line, "" without one */
_Noreturn void machine_exit(int code);

#endif
