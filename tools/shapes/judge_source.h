/* judge_source.h: where the judged pictures come from. */
#ifndef SD_TOOLS_SHAPES_JUDGE_SOURCE_H
#define SD_TOOLS_SHAPES_JUDGE_SOURCE_H

#include "judge.h"
#include "sd/sd.h"

typedef enum { SOURCE_DRAWN, SOURCE_RECONSTRUCTED, SOURCE_SAMPLED } SourceKind;

/* Set kind and, unless pictures are just drawn, how to open the model; for SOURCE_SAMPLED also what differs from the
 * model's own defaults. */
typedef struct {
    SourceKind kind;
    const char *model; /* NULL: the built-in one */
    const char *sampler, *scheduler;
    int threads, steps;
    double cfg; /* negative: the model's own */
    int64_t seed;
    int size; /* pixels along a side, JUDGE_SIDE or a multiple; 0: the model's own */

    SdModel *m;
    SdRequest request;
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
