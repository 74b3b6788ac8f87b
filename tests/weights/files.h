/* files.h: what the files of suite `files` share. */
#ifndef SD_TESTS_WEIGHTS_FILES_H
#define SD_TESTS_WEIGHTS_FILES_H

#include "attacks.h"
#include "tensor/error.h"

void files_json(void);
void files_yaml(void);
void files_hash(void);   /* SHA-256 */
void files_half(void);   /* F16, BF16 */
void files_atomic(void); /* what writing leaves behind when it fails */
void files_faults(void); /* allocation failures */
/* Runs a job with its first allocation failing, then its second, and so on until none fails. Each time it must fail
 * with ERR_MEMORY and leak nothing. */
void faults_every(const char *what, bool (*job)(Error *));
void files_formats(void); /* the table of formats */
void files_gguf(void);
void files_attack(const Attack *a); /* one check: it is refused in its words; frees its bytes */
void files_q8(void);                /* blocks of Q8_0 */
void files_torch(void);             /* of small.safetensors */
void files_diff(void);
void files_text(void); /* encodings */

/* `sdc diff` with its outputs thrown away. */
int quiet_diff(int argc, char **argv);
/* Whether text holds each of the phrases in words, which '|' separates. */
bool holds(const char *text, const char *words);
/* Writes a small file: "a" F32 [2,3] = 0..5, "b" F16 [32] = 0..31, "n" I64 [], metadata {"kind":"test"}. */
bool write_small(const char *path, Error *e);

#endif
