/* formats.h: parts of the suite formats. */
#ifndef SD_TESTS_LOAD_FORMATS_H
#define SD_TESTS_LOAD_FORMATS_H

/* Merges of the files that the suite has made of `ref`. */
void formats_merge(const char *ref);

#endif
