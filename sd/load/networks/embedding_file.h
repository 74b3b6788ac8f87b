/* embedding_file.h: one file of textual inversion: vectors that a name stands for in prompts. */
#ifndef SD_LOAD_EMBEDDING_FILE_H
#define SD_LOAD_EMBEDDING_FILE_H

#include "weights/formats/weight_file.h"

enum { EMBEDDING_PARTS = 2, EMBEDDING_MOST = 1 << 20 /* numbers of a part */ };

typedef struct {
    char *name;      /* that its training gave it; NULL: not said */
    int64_t step;    /* of its training; 0: not said */
    bool picture;    /* prompts know a picture's vectors by `name` if there is one, others by the file's */
    bool marked;     /* it is no lone tensor that may be anything */
    int parts;       /* 1; 2: for each of SDXL's encoders; 0: a picture that holds no vectors */
    int64_t vectors; /* at least 1 */
    int64_t width[EMBEDDING_PARTS];  /* of the vectors of a part */
    float *numbers[EMBEDDING_PARTS]; /* [vectors][width], all finite */
} EmbeddingFile;

/* Reads a file of weights, of any format (weight_file.h), or a PNG, as the webui does (modules/textual_inversion):
 *
 *     string_to_param.*      of its .pt: one tensor [vectors,width] or [width]
 *     clip_l, clip_g         of SDXL's .safetensors: one for each encoder, first and second
 *     any name               where it is the only tensor: emb_params, or a token of diffusers' learned_embeds.bin
 *     sd-ti-embedding        text of a PNG: base64 of JSON with a string_to_param; or else
 *     a PNG's low bits       the same JSON, deflated, in columns of pixels left and right of the picture
 *
 * False with a line in e; embedding_file_free in any case. */
bool embedding_file_read(const char *path, EmbeddingFile *out, Error *e);
/* The same of a file in memory; its kind is that of the name's ending. */
bool embedding_file_of(const char *name, const void *bytes, size_t size, EmbeddingFile *out, Error *e);
/* The same of an open file of weights. */
bool embedding_file_from(const WeightFile *f, EmbeddingFile *out, Error *e);
/* The same of its tensors whose names begin with `prefix`, named as above after it. */
bool embedding_file_part(const WeightFile *f, const char *prefix, EmbeddingFile *out, Error *e);
void embedding_file_free(EmbeddingFile *f);

/* The picture's part of it: embedding_picture.c. */
bool embedding_picture_of(const char *path, const uint8_t *bytes, size_t size, EmbeddingFile *out, Error *e);

#endif
