/* extract.h: a LoRA made of the difference of two models: of each layer's, the largest singular values, as many as the
 * layer has at most, under the names of kohya's scripts. Layers that do not differ are left out. The same bits for any
 * number of threads.
 *
 *     extract.c         reads both, decomposes each layer's difference (thin_svd.h), writes the file
 *     extract_names.c   which layers it has, and their names */
#ifndef SD_CONVERT_EXTRACT_H
#define SD_CONVERT_EXTRACT_H

#include "sd/load/model.h"

enum { EXTRACT_NAME = 200 };

/* Outputs [first, first + rows) of a weight. */
typedef struct {
    char name[EXTRACT_NAME]; /* the module's: "lora_unet_..." */
    int64_t first, rows;
} ExtractLayer;

/* The layers of a weight of a text encoder or the U-Net: how many, 0..3. */
int extract_names(const SdModel *m, Part part, const Weight *w, ExtractLayer out[3]);

#endif
