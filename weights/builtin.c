/* builtin.c: the file SDC_BUILTIN in the program; SDC_BUILTIN_ARRAY is the same bytes as numbers in C. */
#include "builtin.h"

#include "embed.h"

#if defined SDC_BUILTIN_ARRAY

static const _Alignas(64) unsigned char BYTES[] = {
#include SDC_BUILTIN_ARRAY
};

const void *builtin_model(size_t *size) {
    *size = sizeof BYTES;
    return BYTES;
}

#elif defined SDC_BUILTIN

EMBED_FILE(model, SDC_BUILTIN)

const void *builtin_model(size_t *size) {
    *size = (size_t)(embed_model_end - embed_model_begin);
    return embed_model_begin;
}

#else

const void *builtin_model(size_t *size) {
    *size = 0;
    return NULL;
}

#endif

const char *builtin_sha256(void) {
#ifdef SDC_BUILTIN_SHA256
    return sizeof SDC_BUILTIN_SHA256 == 65 ? SDC_BUILTIN_SHA256 : NULL;
#else
    return NULL;
#endif
}
