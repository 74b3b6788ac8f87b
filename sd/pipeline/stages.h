/* stages.h: the stages of a request, in the order in which they run. Planning measures the same rows that then run, so
 * that a new stage (a second pass at another size, an upscaler) is a row, its functions, and its place in StageIndex.
 */
#ifndef SD_PIPELINE_STAGES_H
#define SD_PIPELINE_STAGES_H

#include "generation.h"

typedef struct {
    SdStage shown; /* what progress calls it */
    /* Whose weights it needs; they are released when it ends, unless the request keeps them. */
    Part (*part)(const SdRequest *r);
    bool by_all; /* every expert runs it; else it runs once, and experts may take turns (experts.h) */
    bool (*wanted)(const Generation *g, const Expert *d);
    int (*steps)(const Generation *g);  /* what progress counts to; NULL: the stage reports its start itself */
    bool last;                          /* it needs nothing of the texts, nor does any stage after it */
    int (*nested)(const Generation *g); /* a stage whose passes run in the midst of this one, or -1; NULL: none */
    /* The most that any pass of the stage takes, on the plan backend. */
    void (*plan)(Generation *g, const Mode *mode);
    bool (*run)(Generation *g, const Mode *mode, Error *e); /* NULL: only in the midst of another */
    size_t plan_peak, plan_flops; /* where SdPlan shows what planning found; flops not of a stage without `run` */
    size_t seconds;               /* where SdResult counts the time */
} Stage;

extern const Stage STAGES[STAGE_COUNT];

/* The stage that is nested in stage i for this request, or -1. */
int stage_nested(const Generation *g, int i);
/* Runs stage i on the plan backend in the expert's mode; returns the arena's peak. flops may be NULL. */
size_t stage_measure(Generation *g, Expert *d, int i, double *flops);
/* Memory, weights, the stage itself, release. */
bool stage_run(Generation *g, Expert *d, int i, Error *e);

/* The rows' functions. */
void text_plan(Generation *g, const Mode *mode); /* conditioning.c */
bool text_run(Generation *g, const Mode *mode, Error *e);
void text_2_plan(Generation *g, const Mode *mode);
bool text_2_run(Generation *g, const Mode *mode, Error *e);
void encode_plan(Generation *g, const Mode *mode); /* encode.c */
bool encode_run(Generation *g, const Mode *mode, Error *e);
void sample_plan(Generation *g, const Mode *mode); /* sample.c */
bool sample_run(Generation *g, const Mode *mode, Error *e);
void preview_plan(Generation *g, const Mode *mode); /* decode.c */
void decode_plan(Generation *g, const Mode *mode);
bool decode_run(Generation *g, const Mode *mode, Error *e);

#endif
