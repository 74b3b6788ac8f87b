/* commands.h: the subcommands of sdc. argv[0] is the command's own name; the result is the exit code. */
#ifndef SD_COMMANDS_H
#define SD_COMMANDS_H

int cmd_diff(int argc, char **argv);

#endif
