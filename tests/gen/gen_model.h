/* gen_model.h: a model drawn by a number: its configuration, its file or folder with all tensors, and perhaps one thing
 * that is wrong with it.
 *
 *     draw_model.c   a valid one, of any form that is read
 *     spoil_tensors.c, spoil_config.c   what can be wrong
 */
#ifndef SD_TESTS_GEN_GEN_MODEL_H
#define SD_TESTS_GEN_GEN_MODEL_H

#include "tests/harness/make_model.h"
#include "tools/shapes/chance.h"

typedef enum {
    FORM_OURS,     /* a single file that carries its configuration */
    FORM_ORIGINAL, /* a single file whose shapes tell it */
    FORM_FOLDER,   /* a diffusers folder */
    FORM_COUNT
} Form;

typedef struct {
    Form form;
    SdConfig k; /* what the tensors are for */
    MakeModel spec;
    uint64_t types; /* each tensor is of a type of its own, which follows from this and its name; 0: spec.dtype */
    bool extras;    /* with tensors that nobody needs */
    char tokens[256], config[4096], yaml[4096]; /* yaml: of the file beside an original one, "" for none */
    Chance chance;

    /* What is wrong with it; the rest is said when it is written so. */
    enum { SPOILT_NOT, SPOILT_TENSORS, SPOILT_CONFIG } spoilt;
    char what[256];
    bool refused; /* no picture may come of it */
    bool numeric; /* likewise, since its numbers are not finite */
    bool differs; /* a picture, if there is one, is another one than that of the model before it was spoilt */
} GenModel;

/* Draws a model; the same number draws the same. */
void model_draw(GenModel *g, uint64_t number);
/* Writes it, as it should be or with what is wrong with it. path: ".../NAME.safetensors", even of a folder; a NAME.yaml
 * may lie beside it. */
bool model_write(GenModel *g, const char *path, bool spoilt);
/* A valid one in small that is quick to run. */
void model_smallest(GenModel *g);

/* What can be wrong: tensors, in the list that is to be written; the configuration of a single file (g->config or
 * g->yaml); or one of the folder's at path. Each sets g->what. */
void spoil_tensors(GenModel *g, MadeTensors *l);
void spoil_single(GenModel *g);
bool spoil_folder(GenModel *g, const char *path);

/* A whole number of low..high. */
int draw_int(Chance *c, int low, int high);

#endif
