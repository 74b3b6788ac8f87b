#include "commands.h"

const Command *const COMMANDS[] = {&TXT2IMG, &IMG2IMG,   &UPSCALE, &GRID,     &SHEET,      &SERVE,    &WORKER,
                                   &CONVERT, &MERGE,     &EXTRACT, &INFO,     &TOKENS,     &PNG_INFO, &REPLAY,
                                   &TRAIN,   &BENCH,     &EXPLAIN, &SHOW,     &DIFF,       &RECORD,   &CHECK,
                                   &VERIFY,  &MAKE_DATA, &JUDGE,   &SAMPLERS, &SCHEDULERS, NULL};
