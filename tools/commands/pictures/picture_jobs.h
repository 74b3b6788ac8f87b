/* picture_jobs.h: the calls that one command line of txt2img or img2img makes: one, or one for each line of a file of
 * prompts, or one for each picture of a folder. */
#ifndef SD_TOOLS_COMMANDS_PICTURE_JOBS_H
#define SD_TOOLS_COMMANDS_PICTURE_JOBS_H

#include "tools/cli/prompt_lines.h"

/* All zero is empty. */
typedef struct {
    const Command *c;
    const PictureArguments *a;
    PromptLines lines;
    char **pictures, **masks; /* [count] of a folder, sorted; masks NULL: the one mask, or none */
    size_t count, capacity;
    bool folder; /* -i is one */
} PictureJobs;

/* Reads the file or lists the folder. GO_ON, or the exit code. picture_jobs_close in any case. */
int picture_jobs_open(const Command *c, const PictureArguments *a, PictureJobs *j);
void picture_jobs_close(PictureJobs *j);
size_t picture_jobs_count(const PictureJobs *j);
/* The arguments of job i: picture_copy_free if GO_ON. */
int picture_jobs_get(const PictureJobs *j, size_t i, PictureArguments *out);
/* Where the picture of a folder goes: OUT/NAME.png. */
bool picture_jobs_name(const PictureJobs *j, size_t i, char out[OS_PATH_SIZE], Error *e);
/* The same, or OUT/NAME-1.png ... where that is taken: nothing is written over. */
bool picture_jobs_free_name(const PictureJobs *j, size_t i, char out[OS_PATH_SIZE], Error *e);

#endif
