/* commands.h: the subcommands of sdc. argv[0] is the command's own name; the result is the exit code. */
#ifndef SD_TOOLS_CLI_COMMANDS_H
#define SD_TOOLS_CLI_COMMANDS_H

#include "options.h"

#define SDC_VERSION "0.1.0"

typedef struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *usage;     /* what follows "sdc NAME" */
    const char *summary;   /* one line */
    const Option *options; /* NULL: the notes tell them */
    const char *notes;     /* the rest of the help, whole lines; may be "" */
} Command;

/* All of them, in the order of the list that `sdc` prints; the last one's name is NULL. */
extern const Command COMMANDS[];
const Command *command_find(const char *name);
/* The command that takes the fewest edits to become this one; NULL when none is near. */
const Command *command_nearest(const char *name);

void print_commands(void); /* what `sdc help` says */
int print_help(const char *command);

extern const Option PNG_INFO_OPTIONS[], REPLAY_OPTIONS[];
extern const Option TXT2IMG_OPTIONS[], IMG2IMG_OPTIONS[], CONVERT_OPTIONS[], INFO_OPTIONS[], TOKENS_OPTIONS[],
    BENCH_OPTIONS[], SAMPLERS_OPTIONS[], MAKE_DATA_OPTIONS[], JUDGE_OPTIONS[], SHEET_OPTIONS[], TRAIN_OPTIONS[];

int cmd_txt2img(int argc, char **argv);
int cmd_img2img(int argc, char **argv);
int cmd_convert(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_tokens(int argc, char **argv);
int cmd_png_info(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_make_data(int argc, char **argv);
int cmd_judge(int argc, char **argv);
int cmd_sheet(int argc, char **argv);
int cmd_train(int argc, char **argv);
int cmd_samplers(int argc, char **argv);
int cmd_schedulers(int argc, char **argv);
int cmd_help(int argc, char **argv);
int cmd_version(int argc, char **argv);

#endif
