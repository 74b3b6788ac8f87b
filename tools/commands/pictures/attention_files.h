/* attention_files.h: --attention-maps DIR: for each word of each picture a heat map laid over it, and the maps
 * themselves. */
#ifndef SD_TOOLS_COMMANDS_ATTENTION_FILES_H
#define SD_TOOLS_COMMANDS_ATTENTION_FILES_H

#include "sd/sd.h"

/* Of one run at a time. */
typedef struct {
    const char *folder; /* NULL: none is wanted */
    int run, runs;      /* which of how many, from 0 */
    char **words;       /* [word_count], owned: of the run */
    int word_count, width, height;
    float *maps; /* [pictures][words][height][width], owned */
    Error error; /* why attention_files_take was false */
} AttentionFiles;

/* What a request's `attention` is told becomes maps.safetensors in the folder (of several runs maps-1.safetensors and
 * so on): "all" and each layer, [pictures,words,height,width]; its metadata's "words" is a list in JSON. Keeps what
 * attention_files_lay needs. */
bool attention_files_take(AttentionFiles *f, const SdAttention *a);
/* Lays each word's map over the run's picture `index`, whose file is called so: NAME-01-word.png and so on. */
bool attention_files_lay(const AttentionFiles *f, int index, const SdPicture *p, const char *name, Error *e);
void attention_files_free(AttentionFiles *f);

#endif
