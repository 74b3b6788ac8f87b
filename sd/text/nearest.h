/* nearest.h: names as people type them: compared ignoring case, and the nearest ones for "did you mean". */
#ifndef SD_TEXT_NEAREST_H
#define SD_TEXT_NEAREST_H

#include <stdbool.h>
#include <stddef.h>

bool nearest_same(const char *a, const char *b);
/* The insertions, deletions and replacements from a to b, ignoring case; of their first 63 characters. */
int nearest_edits(const char *a, const char *b);

/* Spelling k of entry i in a list: 0 is its name, then others up to NULL. */
typedef const char *(*SpellingFn)(int i, int k);

/* The index of the entry that has this spelling; -1: none. */
int nearest_find(const char *name, SpellingFn spelling, int count);
/* The index of the entry with the spelling nearest to name; 0 for an empty list. */
int nearest_name(const char *name, SpellingFn spelling, int count);
/* out = "'A', 'B' or 'C'": the nearest one to three names. */
void nearest_suggest(const char *name, SpellingFn spelling, int count, char *out, size_t size);

#endif
