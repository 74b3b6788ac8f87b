/* made_model.h: models of generated weights, with the names and shapes of real ones: the micro model in memory, and for
 * the tests the list of tensors that a model's file is made from. */
#ifndef SD_TOOLS_LEDGER_MADE_MODEL_H
#define SD_TOOLS_LEDGER_MADE_MODEL_H

#include "sd/models/config.h"
#include "weights/formats/safetensors.h"
#include "nn/bind.h"

/* A tensor to be written. */
typedef struct {
    char source[192], name[192]; /* whose values it has ("": not generated); its key in the file */
    char part[24];               /* of a folder: "unet", "vae", "text_encoder" */
    int shard;                   /* of the part: 1, 2, ...; 0: it has one file */
    FileTensor t;
    enum { VALUES_GENERATED, VALUES_FIRST, VALUES_ALL } values; /* the first, or all, are `value` instead */
    double value;
    bool (*numbers)(const char *name, float *out); /* all of one that is not generated; NULL, or false: 0 */
} MadeTensor;

typedef struct {
    MadeTensor *at;
    size_t count, capacity;
    Error *err;
} MadeTensors;

/* Adds one; NULL when out of memory. */
MadeTensor *made_tensor(MadeTensors *l, const char *source, const char *name, DType type, int nd, const int64_t *n);

/* Adds what a network's walk names, under its names without their first `skip` characters, and frees the list. Rows
 * that are not whole blocks of Q8_0 are F32 instead. */
void made_list(MadeTensors *l, WeightList *w, size_t skip, DType type);
/* Adds the tensors of all networks of a single file, of this type. */
void made_networks(MadeTensors *l, const SdConfig *k, DType type);
/* The numbers of one, as the writer's next data. */
bool made_write(StWriter *w, const MadeTensor *t, Error *e);
/* All of them as a safetensors file in memory: *size bytes, for the caller to free; NULL where l->err is set, or e. The
 * list is freed. */
void *made_file(MadeTensors *l, const FileMeta *meta, size_t meta_count, size_t *size, Error *e);

/* The configuration of the micro model: SD 1's, small; and those of SD 2 (eps and v), of SDXL's base and of its
 * refiner. */
SdConfig micro_config(void);
SdConfig micro_sd2_config(void);
SdConfig micro_sd2_v_config(void);
SdConfig micro_lcm_config(void); /* SD 1's, told its guidance */
SdConfig micro_sdxl_config(void);
SdConfig micro_ssd_config(void);  /* SDXL's made smaller, as SSD-1B */
SdConfig micro_tiny_config(void); /* SD 1's, as BK-SDM's tiny one: no middle */
SdConfig micro_refiner_config(void);
SdConfig
micro_inpainting_config(void); /* SD 1's and SDXL's, shown a mask and a masked picture; and a picture to edit */
SdConfig micro_sdxl_inpainting_config(void);
SdConfig micro_pix2pix_config(void);
SdConfig micro_x4_config(void);         /* the x4 upscaler */
SdConfig micro_statistics_config(void); /* SDXL's with Playground v2.5's statistics of latents */
/* A model as a safetensors file in memory: *size bytes, for the caller to free. */
void *made_model(const SdConfig *k, DType type, size_t *size, Error *e);
/* The same of the micro model. */
void *micro_model(DType type, size_t *size, Error *e);

#endif
