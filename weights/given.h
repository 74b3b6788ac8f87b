/* given.h: parts of a model that come from files of their own: a VAE, text encoders, a U-Net, a tiny autoencoder. The
 * checkpoint answers for the keys of such a part from that file, whatever its names. */
#ifndef SD_WEIGHTS_GIVEN_H
#define SD_WEIGHTS_GIVEN_H

#include "part_files.h"

typedef enum {
    GIVEN_UNET,
    GIVEN_VAE,
    GIVEN_TEXT, /* the first text encoder, */
    GIVEN_TEXT_2,
    GIVEN_TAESD_DECODER,
    GIVEN_TAESD_ENCODER,
    GIVEN_CONTROL, /* a ControlNet or an IP-Adapter, which is opened by itself (checkpoint_open_part), */
    GIVEN_VISION,  /* and the vision encoder beside an IP-Adapter */
    GIVEN_COUNT
} GivenPart;

typedef struct {
    char *path; /* as the caller named it; NULL: the part is not given */
    PartFiles files;
    bool borrowed;          /* the files are the checkpoint's own */
    Json *config;           /* config.json of a folder, or NULL */
    const char *prefix;     /* of the part's names in the file */
    const char *inner;      /* of a text encoder: what follows its prefix in a single file */
    bool diffusers;         /* the rest of a name is diffusers', not the single file's */
    int res_blocks, levels; /* for diffusers' names; */
    int inner_levels;       /* of the VAE, or of a ControlNet's hint network */
} Given;

/* Opens the file or folder (diffusers' VAE, text encoder ..., or a whole model that has the part) and finds out how it
 * names the part's tensors. For TAESD also a folder with taesd_decoder.safetensors and taesd_encoder.safetensors (or
 * taesdxl_..., .pth). ERR_FORMAT, with a line that says what is missing, where the part is not in it. */
bool given_open(Given *g, GivenPart part, const char *path, Error *e);
/* The same of an open file, which must outlive g; false, without an error, where the part is not in it. */
bool given_from(Given *g, GivenPart part, WeightFile *file);
void given_close(Given *g);

/* The tensor of a key that begins with the part's prefix in a single file, which is `key_prefix`. */
const FileTensor *given_find(const Given *g, const char *key_prefix, const char *key, const WeightFile **file);
/* "VAE", "text encoder", "U-Net", "TAESD decoder" */
const char *given_name(GivenPart part);

#endif
