/* names.h: names that people type: compared without case, and the nearest ones for "did you mean". */
#ifndef SD_TEXT_NEAREST_H
#define SD_TEXT_NEAREST_H

#include <stdbool.h>
#include <stddef.h>

bool nearest_same(const char *a, const char *b);
/* Insertions, deletions and replacements that turn a into b, case ignored; the first 63 characters count. */
int nearest_edits(const char *a, const char *b);

/* A list of things with several spellings each: spelling(i, k) for k = 0 (the name), 1, .. until NULL. */
typedef const char *(*SpellingFn)(int i, int k);

/* The index of the thing one of whose spellings is name; -1 when there is none. */
int nearest_find(const char *name, SpellingFn spelling, int count);
/* That with the spelling nearest to name, 0 for an empty list. */
int nearest_name(const char *name, SpellingFn spelling, int count);
/* out = "'A', 'B' or 'C'": the nearest one to three. */
void nearest_suggest(const char *name, SpellingFn spelling, int count, char *out, size_t size);

#endif
