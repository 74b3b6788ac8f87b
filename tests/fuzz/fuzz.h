/* fuzz.h: targets for fuzzing, a reader each. A target is registered where it is written:
 *
 *     FUZZ(json) {                                     (data, size: any bytes)
 *         Error e = {0};
 *         Json *j = json_parse("it", (const char *)data, size, &e);
 *         fuzz_verdict(j != NULL, &e);
 *         json_free(j);
 *     }
 *
 * `make fuzz` runs libFuzzer on each (libfuzzer.c); the suite `corpus` replays the files of tests/fuzz/NAME with the
 * ordinary compiler (test_corpus.c). A target says what must hold of every input, besides not to crash. */
#ifndef SD_TESTS_FUZZ_FUZZ_H
#define SD_TESTS_FUZZ_FUZZ_H

#include "sd/image/image_text.h"
#include "sd/sd.h"
#include "tools/cli/command.h"
#include "weights/formats/weight_file.h"

#include <stddef.h>
#include <stdint.h>

typedef struct FuzzTarget {
    const char *name;
    void (*run)(const uint8_t *data, size_t size);
    struct FuzzTarget *next;
} FuzzTarget;

#define FUZZ(name_)                                                                                                    \
    static void name_##_fuzz(const uint8_t *data, size_t size);                                                        \
    __attribute__((constructor)) static void name_##_add(void) {                                                       \
        static FuzzTarget t = {.name = #name_, .run = name_##_fuzz};                                                   \
        fuzz_add(&t);                                                                                                  \
    }                                                                                                                  \
    static void name_##_fuzz(const uint8_t *data, size_t size)

void fuzz_add(FuzzTarget *t);
FuzzTarget *fuzz_targets(void); /* by name */

/* --- what must hold --- */

#define fuzz_require(x) ((x) ? (void)0 : fuzz_failed(__FILE__, __LINE__, #x))
void fuzz_failed(const char *file, int line, const char *what); /* libFuzzer: ends; the suite: counts */

/* What a reader said: an error exactly when it failed, and then one line. Returns ok. */
#define fuzz_verdict(ok, e) fuzz_verdict_at(__FILE__, __LINE__, ok, e)
bool fuzz_verdict_at(const char *file, int line, bool ok, const Error *e);

/* --- inputs --- */

typedef struct {
    const uint8_t *p;
    size_t size;
} FuzzBytes;

/* The next part of an input of several, which lines of "%%" separate; empty at the end. */
FuzzBytes fuzz_part(FuzzBytes *rest);
/* Bytes as a string, up to their first NUL; free() it. */
char *fuzz_text(FuzzBytes b);

/* A safetensors file in a new buffer. Bytes that begin with '{' are the header up to the end of the line, and the data:
 * the length is put before them. Other bytes stay as they are. */
FuzzBytes fuzz_weights(FuzzBytes b);
void fuzz_weights_free(FuzzBytes b);

/* Required of a list of tensors: each lies within the file, is found by its name and can be read. */
void fuzz_look(const WeightFile *f);
/* The same of what one format's reader (formats.h) makes of these bytes. */
void fuzz_weight_file(bool (*read)(WeightFile *f, Error *e), FuzzBytes b);

/* Writes a file in a folder that is there until the program ends; the path, valid until the next four calls. */
const char *fuzz_file(const char *name, FuzzBytes content);
void fuzz_remove(const char *name);
const char *fuzz_folder(void);

/* Required: valid UTF-8; a picture's texts are that, and not empty. */
void fuzz_utf8(const char *text);
void fuzz_texts(const ImageTexts *t);

/* Required: a request states the same once its text is written and read (fuzz_infotext.c); with `texts`, its prompts,
 * too, which any text but the one that was read need not. */
void fuzz_request(const SdRequest *r, bool texts);

/* --- the program from outside, in this process --- */

typedef struct {
    int code;
    char *out, *err;
} FuzzRun;

/* Runs a subcommand with words (NULL at the end, and at most ten). Required: exit code 0, 1 or 2, and every line on
 * standard error is one of sdc's. */
FuzzRun fuzz_sdc(const char *command, ...);
FuzzRun fuzz_command(const Command *c, int count, char **words); /* words[0] is its name */
void fuzz_sdc_free(FuzzRun *r);

#endif
