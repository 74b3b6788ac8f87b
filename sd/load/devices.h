/* devices.h: what "--device" may say: auto, cpu, cuda, cuda:N, cuda:N,M,... */
#ifndef SD_LOAD_DEVICES_H
#define SD_LOAD_DEVICES_H

#include <stdbool.h>

enum { MAX_CARDS = 16 };

typedef struct {
    enum { DEVICE_CPU, DEVICE_AUTO, DEVICE_CUDA } kind;
    int count, gpus[MAX_CARDS]; /* GPUs to share a batch among; at least one where kind is not DEVICE_CPU */
} Devices;

/* False when it is none of these, or names a GPU twice. */
bool devices_parse(const char *text, Devices *out);

#endif
