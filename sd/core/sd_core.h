/* sd_core.h: libsd without files, threads, clocks and malloc, for programs without an operating system. Of sd.h there
 * are sd_open_memory, sd_close, sd_request, sd_plan, sd_txt2img, sd_img2img, sd_free and what only tells of a model;
 * all memory is the caller's. A program:
 *
 *     static unsigned char memory[1100 * 1024];
 *     sd_core_memory(memory, sizeof memory);
 *     SdModel *model = sd_open_memory("model", bytes, size, NULL, &e);   // from flash: weights are read where they lie
 *     SdRequest request = sd_request(model);
 *     request.prompt = "a red circle", request.seed = 1;
 *     if (sd_request_memory(model, &request, &e) <= sizeof memory) sd_txt2img(model, &request, &result, &e);
 *
 * The model is a file that `sdc convert` wrote, 64-byte aligned; F32, F16, BF16 or Q8_0. Requests are those of sd.h
 * without networks, ControlNets, masks, attention maps, activations, further passes (hires fix, SD upscale, extending)
 * and random seeds; prompts are printable ASCII. Anything else is refused with a line. Pictures have the bits that they
 * have everywhere (sd_exact), no text, and times of 0. */
#ifndef SD_CORE_H
#define SD_CORE_H

#include "sd/sd.h"

/* From now on everything is allocated in these bytes, which stay the library's until the next call. Before it, and
 * when they are used up: ERR_MEMORY. Models and results of an earlier call are gone. */
void sd_core_memory(void *bytes, size_t size);
/* The most of them that was in use since then. */
size_t sd_core_peak(void);
/* How many bytes sd_core_memory must have been given for this request, with what is in use now. 0 with an error. */
size_t sd_request_memory(SdModel *m, const SdRequest *r, Error *e);

#endif
