/* libc.h: what sd_core has of its own in place of libc's: memory from the caller's buffer, and text without stdio or a
 * locale. The compiler includes this file first (-include sd/core/libc.h), so that libsd's sources stay as they are;
 * sd/core/symbols.txt lists what is then still asked of libc and libm. */
#ifndef SD_CORE_LIBC_H
#define SD_CORE_LIBC_H

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>  /* before the names below change */
#include <stdlib.h> /* likewise */
#include <locale.h>

/* heap.c */
void *core_malloc(size_t size);
void *core_calloc(size_t count, size_t size);
void *core_realloc(void *p, size_t size);
void *core_aligned_alloc(size_t align, size_t size); /* align: at most HEAP_ALIGN counts, nobody needs pages here */
void core_free(void *p);

/* print.c: for messages: as the standard says, but without %a, %n, the flag # and wide characters; capitals only of %X;
 * and of a double the first 15 digits, from which what is printed is rounded, halves up. */
int core_vsnprintf(char *out, size_t size, const char *format, va_list args);
int core_snprintf(char *out, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* number.c: decimal numbers only, correctly rounded, with a point in any locale */
double core_strtod(const char *text, char **end);
long core_strtol(const char *text, char **end, int base); /* base 10 */
struct lconv *core_localeconv(void);

#define malloc core_malloc
#define calloc core_calloc
#define realloc core_realloc
#define aligned_alloc core_aligned_alloc
#define free core_free
#define vsnprintf core_vsnprintf
#define snprintf core_snprintf
#define strtod core_strtod
#define strtol core_strtol
#define localeconv core_localeconv

#endif
