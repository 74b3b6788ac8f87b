/* tokens_merges.h: `sdc tokens --merges`: how each word's bytes become its tokens. */
#ifndef SD_TOOLS_COMMANDS_TOKENS_MERGES_H
#define SD_TOOLS_COMMANDS_TOKENS_MERGES_H

#include "sd/prompt/prompt.h"
#include "sd/text/tokenizer.h"

/* Prints for every different word of the prompt's texts a line before each merge: the merge's rank in the table of
 * merges, from 0, and the word in its pieces; then a line with its tokens. Words of more than 256 bytes, and those
 * after 4096 different ones, are counted in a line at the end. False: out of memory. */
bool tokens_print_merges(const Tokenizer *t, const Prompt *p);

#endif
