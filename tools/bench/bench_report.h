/* bench_report.h: what `sdc bench` found, for people or as JSON. */
#ifndef SD_TOOLS_BENCH_BENCH_REPORT_H
#define SD_TOOLS_BENCH_BENCH_REPORT_H

#include "bench_kernels.h"
#include "bench_peaks.h"

enum { STAGES = 4 }; /* text, step, a refiner's step (if there is one), decode */

typedef struct {
    const char *name;
    int64_t stage;           /* SdStage or STAGE_REFINED */
    double seconds, fastest; /* the median; wall time, all threads */
    double flops;
    size_t arena; /* peak bytes of activations */
} Stage;

typedef struct {
    const char *model, *precision, *table; /* table: of ops */
    const char *device, *products;         /* "cpu" or a GPU's name; the peak that products are a share of: "f32" */
    int width, height, batch, steps, runs, threads;
    int recorded, recorded_steps; /* runs in the record, and steps of each */
    int refined;                  /* of these, by the refiner */
    bool mixed;                   /* linear layers and attention multiply bf16 */
    bool guided, whole;           /* whole: stages were measured; else only kernels */
    Peaks peaks;
    Stage stages[STAGES];
    int stage_count;
    double picture;          /* seconds of a whole call with all its pictures; the median */
    double loading, copying; /* seconds to load the U-Net from a file that is cached; to copy its `loaded` bytes once,
                                first touch included. loaded 0: not measured (a GPU) */
    size_t loaded;
    Record record;       /* whole: the calls of all recorded runs */
    size_t weights, rss; /* bytes: planned; the process's peak when models are released as in txt2img */
    size_t gpu;          /* likewise, of the GPU's memory, by all programs */
    Kernels kernels;
} Report;

void report_text(const Report *r);
void report_json(const Report *r);
/* For kernels, as they are measured. */
void report_peaks(const Peaks *p);
void report_kernel(const Kernels *k, const Kernel *one);
void report_kernels_end(const Kernels *k);

#endif
