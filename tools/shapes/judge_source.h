/* judge_source.h: where the judged pictures come from. */
#ifndef SD_TOOLS_SHAPES_JUDGE_SOURCE_H
#define SD_TOOLS_SHAPES_JUDGE_SOURCE_H

#include "judge.h"
#include "sd/sd.h"

typedef enum { SOURCE_DRAWN, SOURCE_RECONSTRUCTED, SOURCE_SAMPLED } SourceKind;

/* Set what stands before `vae`, then source_begin. */
typedef struct {
    SourceKind kind;
    SdModel *model;    /* NULL for SOURCE_DRAWN; on the CPU for SOURCE_RECONSTRUCTED; not closed by source_end */
    SdRequest request; /* SOURCE_SAMPLED: how, but for prompt, seed and size */
    int64_t seed;
    int size; /* pixels a side, JUDGE_SIDE or a multiple; 0: the model's own */

    struct Autoencoder *vae;
    uint8_t *large;       /* [size,size,3] */
    double squared_error; /* of reconstructions, over all values */
    int64_t values;
} Source;

bool source_begin(Source *s, Error *e);
/* rgb[JUDGE_SIDE,JUDGE_SIDE,3]: the picture for a scene and its caption. number: added to the noise's seed. */
bool source_picture(Source *s, uint8_t *rgb, const Scene *scene, const char *caption, int64_t number, Error *e);
void source_end(Source *s);

#endif
