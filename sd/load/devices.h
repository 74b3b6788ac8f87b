/* devices.h: the devices that --device can name: auto, cpu, cuda, cuda:N, cuda:N,M,... */
#ifndef SD_LOAD_DEVICES_H
#define SD_LOAD_DEVICES_H

#include <stdbool.h>

enum { MAX_GPUS = 16 };

typedef struct {
    enum { DEVICE_CPU, DEVICE_AUTO, DEVICE_CUDA } kind;
    int count, gpus[MAX_GPUS]; /* the GPUs that share a batch; at least one unless kind is DEVICE_CPU */
} Devices;

/* False when text is none of these, or names a GPU twice. */
bool devices_parse(const char *text, Devices *out);

#endif
