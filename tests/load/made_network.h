/* made_network.h: files of networks with generated numbers, and what they make of a weight, computed in the plainest
 * way: whole matrices in double. */
#ifndef SD_TESTS_LOAD_MADE_NETWORK_H
#define SD_TESTS_LOAD_MADE_NETWORK_H

#include "sd/load/model.h"
#include "weights/formats/weight_file.h"

enum { MADE_PARTS = 64 };

typedef struct {
    char key[200];
    int nd;
    int64_t n[4];
    float *values;
} MadePart;

typedef struct {
    MadePart at[MADE_PARTS];
    int count;
} MadeNetwork;

/* Adds a tensor of generated numbers within +-0.5, which follow from its role alone; nd 0: one number, `value`. The
 * numbers, which live as long as the network. */
float *made_part(MadeNetwork *n, const char *module, const char *role, int nd, const int64_t *shape, double value);
/* Writes them as F32; one check. */
const char *made_save(const MadeNetwork *n, const char *name, const FileMeta *meta, size_t meta_count);
void made_free(MadeNetwork *n);

/* A weight in torch's order. */
typedef struct {
    int64_t rows, inputs, taps;
    double *w; /* [rows][inputs][taps] */
} MadeWeight;

int64_t made_columns(MadeWeight w); /* inputs * taps */
/* A weight of the model whose name has `name` in it; NULL: none. And its numbers as the model has them now. */
const Weight *made_weight(SdModel *m, Part part, const char *name);
MadeWeight made_numbers(const Weight *w);

enum { RANK = 3 }; /* of all that have one */

/* Modules of the micro model. */
#define LINEAR "input_blocks_1_1_transformer_blocks_0_attn1_to_q"
#define CONV "input_blocks_1_0_in_layers_2"
#define NORM "input_blocks_1_0_in_layers_0"

/* Adds a module's parts to n, and makes of w what it should become with weight 0.7. */
typedef void (*MakeKind)(MadeNetwork *n, const char *module, MadeWeight w);
void made_lora(MadeNetwork *n, const char *module, MadeWeight w);

typedef struct {
    const char *name, *module, *weight;
    MakeKind make;
    const char *kind; /* as the report calls it */
} NetworkCase;
extern const NetworkCase NETWORK_CASES[];
extern const int NETWORK_CASE_COUNT;

/* out[n][m] = a[n][k] b[k][m] */
void made_product(double *out, const float *a, const float *b, int64_t n, int64_t k, int64_t m);

#endif
