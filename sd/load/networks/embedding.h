/* embedding.h: the embeddings (textual inversion) that prompts may name: a folder of files, sorted for the prompt
 * compiler. */
#ifndef SD_LOAD_EMBEDDING_H
#define SD_LOAD_EMBEDDING_H

#include "sd/models/config.h"
#include "sd/prompt/prompt.h"
#include "weights/networks/networks.h"

typedef struct {
    char *name, *path;
    char *part;   /* what begins the names of its tensors in the file, a network that brings it along; NULL: the file is
                     the embedding's own */
    int32_t *ids; /* [id_count], of the name, as the model's first encoder reads it */
    int id_count, vectors;
    int number;    /* in the order in which files were read */
    char *skipped; /* why prompts cannot name it; NULL: they can */
} Embedding;

/* All zero: none. */
typedef struct {
    Embedding *at; /* first those that prompts can name, in the order of `words`; then the others */
    int count;
    PromptWord *words; /* [word_count] */
    int word_count;
} Embeddings;

/* Reads a folder and the folders in it, or one file. As in the webui: .pt, .bin, .safetensors and .png are read, a
 * picture NAME.preview.png and files of other kinds are passed over; a file's name without its ending is the
 * embedding's, unless a picture says another; of two files of one name the last counts (files_below.h), of two names
 * that are the same tokens the first. Skipped, with the reason: what cannot be read, what has vectors of another width
 * than the model's encoders, or more than a chunk has places, and .webp, .jxl and .avif, which may hold embeddings and
 * are not read. path NULL: none. ERR_FILE, ERR_MEMORY. embeddings_free in any case. */
bool embeddings_open(Embeddings *out, const char *path, const SdConfig *k, const Tokenizer *t, Error *e);
void embeddings_free(Embeddings *s);

/* The first from number `from` on that is skipped and whose name text has, where no other of that name counts; -1:
 * none.
 */
int embeddings_missed(const Embeddings *s, const SdConfig *k, const Tokenizer *t, const char *text, int from);

/* All of `own`, and after them those that networks bring along ("bundle_emb.NAME.*" in their files), in order, but for
 * the names of own ones that count (the webui's networks.py, load_networks). ERR_MEMORY. embeddings_free in any case.
 */
bool embeddings_with(Embeddings *out, const Embeddings *own, const Network *networks, int count, const SdConfig *k,
                     const Tokenizer *t, Error *e);

/* The vectors of word i for an encoder, numbers[vectors][width], from its file. ERR_FILE, ERR_FORMAT: it has changed.
 */
bool embedding_read(const Embeddings *s, int i, const SdConfig *k, int encoder, float *numbers, Error *e);

#endif
