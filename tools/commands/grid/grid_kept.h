/* grid_kept.h: the pictures that a folder keeps, by what they say about how they were made. */
#ifndef SD_TOOLS_COMMANDS_GRID_KEPT_H
#define SD_TOOLS_COMMANDS_GRID_KEPT_H

#include "sd/image/image.h"
#include "tools/cli/options/picture_options.h"

typedef struct {
    char *path, *text; /* the file; its parameters, as they stand there */
} KeptPicture;

/* All zero is empty. */
typedef struct {
    KeptPicture *at;
    size_t count, capacity;
} Kept;

/* Reads the texts of the folder's PNG, JPEG and WebP files; a folder that is not there has none. What cannot be read is
 * passed over. ERR_FILE, ERR_MEMORY. kept_free in any case. */
bool kept_read(const char *folder, Kept *out, Error *e);
void kept_free(Kept *k);
/* The path of the picture with this text, which is newer than the pictures that `a` begins with; NULL: there is none.
 */
const char *kept_find(const Kept *k, const char *text, const PictureArguments *a);

#endif
