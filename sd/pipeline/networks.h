/* networks.h: the networks of a call: those of the request, then those that its prompt names. */
#ifndef SD_PIPELINE_NETWORKS_H
#define SD_PIPELINE_NETWORKS_H

#include "sd/load/model.h"
#include "sd/load/networks/network_files.h"
#include "sd/prompt/prompt.h"

/* All zero: none. */
typedef struct {
    SdNetwork *at;    /* [count], in the order in which they are added */
    char **names;     /* [count]: the tag's of the prompt's; of the request's the file's, with '_' where a tag could not
                         have it and _2, _3, ... where it would be another's */
    int count, given; /* the first `given` are the request's */
    char ignored[200];  /* the first thing in tags that means nothing, as a sentence; "": nothing */
    NetworkFiles files; /* owns the paths of the prompt's */
} NetworkList;

/* Finds the files of the prompt's tags, in r->lora_dir or beside the model, or by r->network_hashes. Opens none but to
 * learn aliases and hashes. ERR_ARGUMENT: no such file, a hypernetwork, more than SD_MOST_NETWORKS;
 * ERR_FILE, ERR_MEMORY. networks_free in any case. */
bool networks_find(NetworkList *l, const SdRequest *r, const SdModel *m, Error *e);
void networks_free(NetworkList *l);

/* What a picture says of them, "NAME: HASH, ...", as the webui does: *out NULL where there are none. And what makes its
 * prompt name the request's, to be put before it: "<lora:NAME:te:unet>..." The caller frees both. */
bool networks_hashes(const NetworkList *l, char **out, Error *e);
bool networks_tags(const NetworkList *l, char **out, Error *e);

#endif
