/* builtin.c: the file SDC_BUILTIN, included by the assembler: quick to build, and shared by all processes like mapped
 * pages. SDC_BUILTIN_ARRAY, for compilers without GNU's assembler, is the same bytes as numbers in C, slow to compile.
 */
#include "builtin.h"

#if defined SDC_BUILTIN_ARRAY

static const _Alignas(64) unsigned char BYTES[] = {
#include SDC_BUILTIN_ARRAY
};

const void *builtin_model(size_t *size) {
    *size = sizeof BYTES;
    return BYTES;
}

#elif defined SDC_BUILTIN

#ifdef __APPLE__
#define SECTION "__TEXT,__const"
#define SYMBOL(name) "_" name
#else
#define SECTION ".rodata"
#define SYMBOL(name) name
#endif

/* Global and hidden, since aarch64's linker merges two local symbols of a section when both are fetched from the global
 * offset table. */
__asm__(".pushsection " SECTION
        "\n.globl " SYMBOL("sdc_builtin_begin") "\n.globl " SYMBOL("sdc_builtin_end") "\n.p2align 6\n" SYMBOL(
            "sdc_builtin_begin") ":\n.incbin \"" SDC_BUILTIN
                                 "\"\n" SYMBOL("sdc_builtin_end") ":\n.byte 0\n.popsection\n");
extern const unsigned char sdc_builtin_begin[] __attribute__((visibility("hidden")));
extern const unsigned char sdc_builtin_end[] __attribute__((visibility("hidden")));

const void *builtin_model(size_t *size) {
    *size = (size_t)(sdc_builtin_end - sdc_builtin_begin);
    return sdc_builtin_begin;
}

#else

const void *builtin_model(size_t *size) {
    *size = 0;
    return NULL;
}

#endif
