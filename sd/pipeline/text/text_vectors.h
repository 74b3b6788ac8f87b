/* text_vectors.h: the vectors of the embeddings that a run's prompts name. */
#ifndef SD_PIPELINE_TEXT_VECTORS_H
#define SD_PIPELINE_TEXT_VECTORS_H

#include "sd/load/model.h"
#include "sd/prompt/prompt.h"

/* All zero: none. */
typedef struct {
    int *used; /* [count]: of the embeddings, in the order in which the prompt, then the negative prompt name them */
    int count;
    int64_t *rows;                  /* [embeddings' word_count]: where each one's vectors begin; -1: not used */
    float *vectors[MAX_ENCODERS];   /* [all vectors][width of the encoder], */
    float *positions[MAX_ENCODERS]; /* and its positions' [77][width], which are added to them */
} TextVectors;

/* Reads what the prompts of all encoders, [encoder][0: negative, 1: positive], name. ERR_FILE, ERR_FORMAT, ERR_MEMORY;
 * text_vectors_free in any case. */
bool text_vectors_init(TextVectors *v, const SdModel *m, const Embeddings *all, const Prompt (*prompts)[2], Error *e);
void text_vectors_free(TextVectors *v);

/* The rows of a chunk that are vectors, with their positions added: writes them to rows[77][width], and which they are
 * to is[77]. fixes: the text's, of all its chunks. */
void text_vectors_put(const TextVectors *v, int encoder, int64_t width, const Embeddings *all, const PromptText *text,
                      int64_t chunk, float *rows, bool is[PROMPT_CHUNK]);

/* What a picture says of them, "NAME: HASH, ...", with 12 digits of each file's SHA-256, after what a pass before said
 * (NULL: nothing), each name once; *out NULL: nothing. The webui also lists those that networks bring along, with the
 * network's name for a hash; here the network's own hash tells them. The caller frees it. ERR_FILE, ERR_MEMORY. */
bool text_vectors_hashes(const TextVectors *v, const Embeddings *all, const char *before, char **out, Error *e);

#endif
