/* replay_compare.h: a picture that was made again, beside the file that it should be. */
#ifndef SD_TOOLS_COMMANDS_REPLAY_COMPARE_H
#define SD_TOOLS_COMMANDS_REPLAY_COMPARE_H

#include "sd/image/image.h"
#include "sd/sd.h"

/* A picture's file, what it shows and the text that it carries. */
typedef struct {
    const char *path; /* as lines call it */
    FileBytes bytes;
    Image image;
    const char *text;
} ReplayFile;

/* Prints one line with the verdict on two pictures of one size. *equal: there is no difference, or, where the file's
 * format keeps pixels only nearly, none between the file and the new picture as one of that format. */
void replay_compare(const ReplayFile *was, const SdPicture *is, bool *equal);

#endif
