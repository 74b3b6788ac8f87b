/* bench_report.h: what `sdc bench` found, for people or as JSON. */
#ifndef SD_TOOLS_BENCH_BENCH_REPORT_H
#define SD_TOOLS_BENCH_BENCH_REPORT_H

#include "bench_kernels.h"
#include "bench_peaks.h"

enum { STAGES = 3 }; /* text, step, decode */

typedef struct {
    const char *name;
    SdStage stage;
    double seconds, fastest; /* the median; wall time, all threads */
    double flops;
    size_t arena; /* peak bytes of activations */
} Stage;

typedef struct {
    const char *model, *precision, *table; /* table: of ops */
    const char *device, *products;         /* "cpu", or a GPU's name; whose peak products have a share of: "f32" */
    int width, height, batch, steps, runs, threads;
    int recorded, recorded_steps; /* runs that the record holds, and of how many steps */
    bool mixed;                   /* linear layers and attention multiply bf16 */
    bool guided, whole;           /* whole: stages were measured; else kernels alone */
    Peaks peaks;
    Stage stages[STAGES];
    double picture;      /* seconds of a whole call, all its pictures; the median */
    Record record;       /* whole: the calls of all recorded runs */
    size_t weights, rss; /* bytes: planned; the process's peak when parts are released as txt2img does */
    size_t gpu;          /* likewise, what is taken of the GPU's memory, by whomever */
    Kernels kernels;
} Report;

void report_text(const Report *r);
void report_json(const Report *r);
/* Kernels as they come. */
void report_peaks(const Peaks *p);
void report_kernel(const Kernels *k, const Kernel *one);
void report_kernels_end(const Kernels *k);

#endif
