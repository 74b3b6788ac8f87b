/* made_gguf.h: files as stable-diffusion.cpp writes them, made in memory from an open file of weights. */
#ifndef SD_TESTS_WEIGHTS_MADE_GGUF_H
#define SD_TESTS_WEIGHTS_MADE_GGUF_H

#include "weights/formats/weight_file.h"

/* *size bytes of GGUF v3, for the caller to free; ends the program without memory. f's types: F32, F16, BF16, I64. */
char *made_gguf(const WeightFile *f, size_t *size);

#endif
