/* replay_find.h: the files that a picture's text names, looked for in a folder. */
#ifndef SD_TOOLS_COMMANDS_RECORD_REPLAY_FIND_H
#define SD_TOOLS_COMMANDS_RECORD_REPLAY_FIND_H

#include "named_files.h"
#include "sd/info/infotext_read.h"
#include "weights/given.h"

#include <stddef.h>

/* What texts call parts from files of their own (infotext_part). */
typedef struct {
    const char *key, *option;
    size_t at; /* in PartOptions */
    GivenPart part;
} ReplayPart;
enum { REPLAY_PARTS = 5 };
extern const ReplayPart REPLAY_PART[REPLAY_PARTS];

typedef struct {
    char *paths[32]; /* owned */
    int count;
    char *converted[2]; /* a file, and another that was converted of the same model, which may have been meant; NULL:
                           none */
} ReplayFound;

/* Sets what options do not name: the model, its parts, the refiner, hires fix's second model, an upscaler (NULL: none
 * is a file), ControlNets whose FILE is empty, the IP-Adapter of image prompts and its vision encoder, and the folder
 * of networks and embeddings. A file is what the text calls so, if its hash (the first digits of the SHA-256; a
 * ControlNet's, the webui's old one; of a model that `sdc convert` wrote, its source's) is the text's, else any with
 * that hash; a folder, of which no text has a hash, what is called so. Of an encoder that the text does not name, the
 * first that fits the adapter, with a note on stderr. ERR_FILE: one line that says all that is missing.
 * replay_found_free in any case. */
bool replay_find(const InfoRead *text, const char *upscaler, const char *folder, NamedFiles *n, ReplayFound *found,
                 Error *e);
void replay_found_free(ReplayFound *found);

#endif
