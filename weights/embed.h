/* embed.h: files inside the program, included by the assembler: quick to build, and shared by all processes like mapped
 * pages. Compilers without GNU's assembler get the same bytes as numbers in C, slow to compile (make EMBED=c). */
#ifndef SD_WEIGHTS_EMBED_H
#define SD_WEIGHTS_EMBED_H

#ifdef __APPLE__
#define EMBED_SECTION "__TEXT,__const"
#define EMBED_SYMBOL(name) "_" name
#else
#define EMBED_SECTION ".rodata"
#define EMBED_SYMBOL(name) name
#endif

/* At file scope: the bytes of the file at `path` (a string, from the folder where the compiler runs) are those from
 * embed_NAME_begin to embed_NAME_end, 64-byte aligned.
 *
 * Global and hidden, since aarch64's linker merges two local symbols of a section when both are fetched from the global
 * offset table. */
#define EMBED_FILE(name, path)                                                                                         \
    __asm__(".pushsection " EMBED_SECTION "\n.globl " EMBED_SYMBOL("embed_" #name "_begin") "\n.globl " EMBED_SYMBOL(  \
        "embed_" #name                                                                                                 \
        "_end") "\n.p2align 6\n" EMBED_SYMBOL("embed_" #name                                                           \
                                              "_begin") ":\n.incbin \"" path                                           \
                                                        "\"\n" EMBED_SYMBOL("embed_" #name                             \
                                                                            "_end") ":\n.byte 0\n.popsection\n");      \
    extern const unsigned char embed_##name##_begin[] __attribute__((visibility("hidden")));                           \
    extern const unsigned char embed_##name##_end[] __attribute__((visibility("hidden")));

#endif
