#include "precision.h"
#include "output.h"
#include "sd/info/params.h"
#include "sd/load/devices.h"
#include "tensor/gpu.h"

#include <stdio.h>
#include <string.h>

SdPrecision precision_of(const char *name) {
    int word = name ? words_find(PRECISION_WORDS, name) : SD_F32;
    return word < 0 ? SD_F32 : (SdPrecision)word;
}

void say_device(const SdModel *m, const char *precision) {
    const char *device = sd_device(m);
    bool cpu = !strncmp(device, "cpu", 3), mixed = precision_of(precision) == SD_MIXED;
    const char *more = cpu          ? ""
                       : mixed      ? ", f16"
                       : !precision ? ", f32; --precision f16 is much faster, by tensor cores, and nearly the same"
                                    : "";
    if (strcmp(device, "cpu")) fprintf(stderr, "sdc: on %s%s\n", device, more);
    if (cpu && mixed && !sd_has_mixed())
        fprintf(stderr,
                "sdc: precision mixed: this processor has no bf16 instructions (AVX-512 BF16); computing in f32\n");
}

int check_device(const Command *c, const char *device, const char *otherwise, const char *precision) {
    Devices d;
    Error e = {0};
    bool narrow = precision && (!strcmp(precision, "f16") || !strcmp(precision, "bf16"));
    if (!devices_parse(device ? device : otherwise, &d))
        return usage_error(c, "--device: '%.60s' must be one of auto, cpu, cuda, cuda:N, cuda:N,M,...", device);
    for (int i = 0; d.kind == DEVICE_CUDA && i < d.count; i++)
        if (!gpu_exists(d.gpus[i], &e)) return report(c, &e);
    if (narrow && (d.kind == DEVICE_CPU || (d.kind == DEVICE_AUTO && !gpu_count())))
        return usage_error(c, "--precision: %s is for GPUs; use f32 on the CPU", precision);
    return GO_ON;
}
