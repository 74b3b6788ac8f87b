/* main.c: a picture on a board without an operating system. Arguments: "STEPS SEED CFG PRECISION MEMORY PROMPT" (the
 * precision f32 or f32-direct, MEMORY in KiB, 0: all); prints the picture's CRC-32 and what it took. */
#include "machine.h"

#include "sd/core/libc.h"
#include "sd/core/sd_core.h"

#include <stdint.h>
#include <string.h>

extern uint8_t _heap[], _heap_end[], _stack[], _stack_top[];
extern const uint8_t model_begin[], model_end[];

enum { MARK = 0x5a };

static uint32_t crc32(const uint8_t *p, size_t n) {
    uint32_t crc = ~0u;
    for (; n--; p++) {
        crc ^= *p;
        for (int k = 0; k < 8; k++) crc = crc >> 1 ^ (0xEDB88320u & -(crc & 1));
    }
    return ~crc;
}

/* The next word of a line, which it ends with NUL. */
static char *word(char **line) {
    char *begin = *line + strspn(*line, " "), *end = begin + strcspn(begin, " ");
    *line = *end ? end + 1 : end;
    *end = 0;
    return begin;
}

static __attribute__((noinline)) void mark_stack(void) {
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    for (volatile uint8_t *p = _stack; (uintptr_t)p < here - 512; p++) *p = MARK;
}

static size_t stack_peak(void) {
    const volatile uint8_t *p = _stack;
    while (p < _stack_top && *p == MARK) p++;
    return (size_t)(_stack_top - p);
}

int main(void) {
    char line[512], text[400], *rest = line;
    mark_stack();
    machine_arguments(line, sizeof line);
    word(&rest); /* the program's name */
    int steps = (int)strtol(word(&rest), NULL, 10), seed = (int)strtol(word(&rest), NULL, 10);
    double cfg = strtod(word(&rest), NULL);
    SdOptions options = {.threads = 1, .exact = true};
    if (!strcmp(word(&rest), "f32-direct")) options.precision = SD_F32_DIRECT;
    size_t memory = (size_t)strtol(word(&rest), NULL, 10) << 10, all = (size_t)(_heap_end - _heap);
    if (!memory || memory > all) memory = all;
    options.memory_limit = memory;
    sd_core_memory(_heap, memory);

    Error e = {0};
    SdModel *m = sd_open_memory("model", model_begin, (size_t)(model_end - model_begin), &options, &e);
    SdRequest r = sd_request(m);
    if (steps) r.steps = steps;
    if (cfg > 0) r.cfg = cfg;
    r.seed = seed, r.sampler = "Euler", r.prompt = rest;
    SdPlan plan = {0};
    size_t opened = sd_core_peak();
    if (m) sd_plan(m, &r, &plan, &e);
    SdResult result = {0};
    bool ok = m && sd_txt2img(m, &r, &result, &e);
    uint32_t crc = ok ? crc32(result.pictures[0].rgb, (size_t)r.width * (size_t)r.height * 3) : 0;
    if (ok) snprintf(text, sizeof text, "crc32 %08lX\n", (unsigned long)crc);
    else snprintf(text, sizeof text, "error: %s\n", e.text);
    machine_print(text);
    snprintf(text, sizeof text, "opened %zu\nweights %zu\nactivations %zu %zu %zu\nplanned %zu\npeak %zu\nstack %zu\n",
             opened, plan.weights, plan.text_peak, plan.unet_peak, plan.decode_peak, plan.process, sd_core_peak(),
             stack_peak());
    machine_print(text);
    sd_free(&result);
    sd_close(m);
    return !ok;
}
