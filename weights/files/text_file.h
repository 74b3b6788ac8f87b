/* text_file.h: text that people write, in files and on the command line: its encoding is known or refused.
 *
 * A file is UTF-8, with or without its mark (EF BB BF), or UTF-16 with its mark (FF FE or FE FF), as Windows writes it.
 * Everything else is an error that names the place and the bytes: bytes that are not UTF-8 (Latin-1, GBK ...), unpaired
 * surrogates, UTF-32, and NULs, which UTF-16 without a mark is full of. No character is ever replaced. */
#ifndef SD_WEIGHTS_FILES_TEXT_FILE_H
#define SD_WEIGHTS_FILES_TEXT_FILE_H

#include "file_read.h"

/* The text in bytes[size] as UTF-8 without a mark, NUL-terminated; the caller frees it. name begins the message.
 * only_utf8: UTF-16 is an error, too. NULL on error: ERR_FORMAT, ERR_MEMORY. out_size may be NULL. */
char *text_decode(const char *bytes, size_t size, const char *name, bool only_utf8, size_t *out_size, Error *e);
/* The same for an argument of the command line, or a field of a request: text, which has no mark. ERR_ARGUMENT. */
bool text_check(const char *text, const char *name, Error *e);
/* file_read and text_decode, UTF-16 allowed. */
char *text_file_read(const char *path, const FileWanted *wanted, size_t *size, Error *e);
/* Makes each CR LF, and each other CR, one LF, in place; returns the size. As Python reads text files. */
size_t text_newlines(char *text, size_t size);

#endif
