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
} ReplayFound;

/* Sets what options do not name: the model, its parts, the refiner, hires fix's second model, an upscaler (NULL: none
 * is a file), ControlNets whose FILE is empty, and the folder of networks and embeddings. A file is what the text calls
 * so, if its hash (the first digits of the SHA-256; a ControlNet's, the webui's old one) is the text's, else any with
 * that hash. ERR_FILE: one line that says all that is missing. replay_found_free in any case. */
bool replay_find(const InfoRead *text, const char *upscaler, const char *folder, NamedFiles *n, ReplayFound *found,
                 Error *e);
void replay_found_free(ReplayFound *found);

#endif
