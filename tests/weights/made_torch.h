/* made_torch.h: files as torch.save writes them, made in memory from an open file of weights. */
#ifndef SD_TESTS_WEIGHTS_MADE_TORCH_H
#define SD_TESTS_WEIGHTS_MADE_TORCH_H

#include "weights/formats/weight_file.h"

typedef enum {
    MADE_OLD = 1,    /* as before torch 1.6 */
    MADE_TURNED = 2, /* matrices are views of transposed storages */
    MADE_NESTED = 4, /* under "state_dict", after things that are not weights */
} MadeTorch;

/* *size bytes, for the caller to free; ends the program without memory. f's types: F32, F16, BF16, F64, I64. */
char *made_torch(const WeightFile *f, int how, size_t *size);
/* A zip archive of "a/data.pkl" and storages of 16 bytes "a/data/0", "a/data/1", ... */
char *made_torch_zip(const void *pickle, size_t pickle_size, int storages, size_t *size);

#endif
