/* zip.h: the list of a zip archive whose entries are stored, as PyTorch writes them (PKWARE's APPNOTE.TXT, 4.3).
 *
 * Nothing is unpacked: an entry is a place in the mapped file. Compressed and encrypted entries, entries that overlap
 * or leave the file, two of one name, and names that lead elsewhere are refused. */
#ifndef SD_WEIGHTS_FORMATS_ZIP_H
#define SD_WEIGHTS_FORMATS_ZIP_H

#include "weight_file.h"

enum { ZIP_MOST_ENTRIES = 1 << 16 };

typedef struct {
    const char *name; /* in the mapped file, name_size bytes of UTF-8 without NUL */
    size_t name_size;
    uint64_t header, begin, size; /* of its local header and its data, in bytes from the beginning of the file */
} ZipEntry;

typedef struct {
    ZipEntry *entries; /* by name */
    size_t count;
} Zip;

/* Reads the list of f->map. False with a line in e; zip_free in any case. */
bool zip_read(Zip *z, const WeightFile *f, Error *e);
void zip_free(Zip *z);
const ZipEntry *zip_find(const Zip *z, const char *name, size_t size); /* NULL: none of that name */

#endif
