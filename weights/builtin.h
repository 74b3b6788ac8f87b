/* builtin.h: the model inside the program, so that a fresh clone draws. */
#ifndef SD_WEIGHTS_BUILTIN_H
#define SD_WEIGHTS_BUILTIN_H

#include <stddef.h>

/* The bytes of a safetensors file, 64-byte aligned; NULL when none is built in (make BUILTIN=FILE). */
const void *builtin_model(size_t *size);
/* Their SHA-256 in 64 hexadecimal digits, if the build could compute it; else NULL. */
const char *builtin_sha256(void);

#endif
