/* families.h: what a checkpoint is. */
#ifndef SD_MODELS_FAMILIES_H
#define SD_MODELS_FAMILIES_H

#include "weights/checkpoint.h"
#include "config.h"
#include "config_keys.h"

/* The checkpoint's configuration: from its metadata (`sdc convert`), else by its family: a row of the table, whose
 * numbers the checkpoint's own shapes, config.json or YAML overwrite. Sets c->levels and the like, from which a
 * folder's tensor names follow. False when the model cannot be run, with a line that says what it is. *notes: what its
 * configurations say that is not followed. */
bool detect_config(Checkpoint *c, SdConfig *out, ConfigNotes *notes, Error *e);

/* --- the table, for tests --- */

typedef enum {
    NO_TRAIT,
    TRAIT_HAS,            /* a tensor of this key (a single file's name for it), */
    TRAIT_SIZE,           /* whose dimension `dim` is `size` */
    TRAIT_LACKS,          /* no tensor of this key */
    TRAIT_DECODES,        /* the VAE's tensor of this key, or a TAESD in its place */
    TRAIT_NETWORK,        /* the same with or without a U-Net's prefix before it */
    TRAIT_NAMES,          /* a tensor whose name contains `key`; single files only */
    TRAIT_OURS,           /* a file that carries its configuration */
    TRAIT_FOLDER,         /* a diffusers folder */
    TRAIT_PIPELINE,       /* one for a pipeline whose name begins with `key`, */
    TRAIT_OTHER_PIPELINE, /* or with anything else */
    TRAIT_CONFIG,         /* one whose part `part` has "key": "text" in its config.json */
} TraitKind;

typedef struct {
    TraitKind kind;
    const char *key;
    int dim;
    int64_t size;
    const char *part, *text;
} Trait;

typedef struct {
    const char *name;
    Trait traits[5];         /* all must hold */
    SdConfig (*base)(void);  /* the published configuration; NULL: cannot be run, and */
    const char *is, *advice; /* the line says "PATH: IS; ADVICE" */
} Family;

/* Row i, or NULL past the last. */
const Family *family_row(int i);
/* The first row that fits; never NULL, since the last row fits everything. */
const Family *family_of(const Checkpoint *c);

#endif
