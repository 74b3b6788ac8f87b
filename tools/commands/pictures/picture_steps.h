/* picture_steps.h: the first picture after each step, for --steps-sheet and --preview-out. */
#ifndef SD_TOOLS_COMMANDS_PICTURE_STEPS_H
#define SD_TOOLS_COMMANDS_PICTURE_STEPS_H

#include "sd/image/draw/sheet.h"
#include "sd/sd.h"

typedef struct {
    bool sheet;       /* whether pictures are kept */
    const char *file; /* that each is written to, or NULL */
    Error *e;         /* of writing it */
    SheetPicture *pictures;
    char (*labels)[24];
    int count, width, height;
    int64_t seed;
    bool begun, no_memory;
} Steps;

/* SdRequest.preview; false: stop, out of memory or with an error in s->e. */
bool steps_keep(Steps *s, const SdPicture *p, int step);
void steps_save(Steps *s, const char *path, Error *e);
void steps_free(Steps *s);

#endif
