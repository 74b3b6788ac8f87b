/* embed.h: files inside the program, included by the assembler: quick to build, and shared by all processes like mapped
 * pages. Compilers without GNU's assembler get the same bytes as numbers in C, slow to compile (make EMBED=c). */
#ifndef SD_WEIGHTS_EMBED_H
#define SD_WEIGHTS_EMBED_H

/* What the assembler is told before and after, with b and e, the symbols where the bytes begin and end. */
#if defined __APPLE__
#define EMBED_SYMBOL "_embed_"
#define EMBED_BEFORE(b, e) ".pushsection __TEXT,__const\n"
#define EMBED_AFTER(b, e) ".popsection\n"
#elif defined __wasm__ /* where a section is a data segment, and clang's assembler has no stack of sections */
#define EMBED_SYMBOL "embed_"
#define EMBED_BEFORE(b, e) ".section .rodata." b ",\"\",@\n.type " b ",@object\n.type " e ",@object\n"
#define EMBED_AFTER(b, e) ".size " b ", " e "-" b "\n.size " e ", 1\n.section .text,\"\",@\n"
#else
#define EMBED_SYMBOL "embed_"
#define EMBED_BEFORE(b, e) ".pushsection .rodata\n"
#define EMBED_AFTER(b, e) ".popsection\n"
#endif

#define EMBED_ASM(b, e, path)                                                                                          \
    __asm__(EMBED_BEFORE(b, e) ".globl " b "\n.globl " e "\n.p2align 6\n" b ":\n.incbin \"" path "\"\n" e              \
                               ":\n.byte 0\n" EMBED_AFTER(b, e));

/* At file scope: the bytes of the file at `path` (a string, from the folder where the compiler runs) are those from
 * embed_NAME_begin to embed_NAME_end, 64-byte aligned.
 *
 * Global and hidden, since aarch64's linker merges two local symbols of a section when both are fetched from the global
 * offset table. */
#define EMBED_FILE(name, path)                                                                                         \
    EMBED_ASM(EMBED_SYMBOL #name "_begin", EMBED_SYMBOL #name "_end", path)                                            \
    extern const unsigned char embed_##name##_begin[] __attribute__((visibility("hidden")));                           \
    extern const unsigned char embed_##name##_end[] __attribute__((visibility("hidden")));

#endif
