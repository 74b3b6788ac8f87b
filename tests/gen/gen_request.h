/* gen_request.h: a request drawn by a number, over the table of settings. */
#ifndef SD_TESTS_GEN_GEN_REQUEST_H
#define SD_TESTS_GEN_GEN_REQUEST_H

#include "sd/sd.h"
#include "tools/shapes/chance.h"

typedef struct {
    SdRequest r;
    Chance chance;
    bool outside;            /* some setting is out of its range: it must be refused, */
    char which[64];          /* the first of them, naming it */
    char *prompt, *negative; /* owned */
    char names[4][400];      /* strings that r points at */
    int name_count;
    bool plain[2]; /* whether prompt and negative are UTF-8, and no line of them looks like something else */
} GenRequest;

/* Rows that name files get these; either may be NULL. image: rows of SdRequest.image, side x side. */
typedef struct {
    const char *written, *noise;
    const uint8_t *image;
    int side;
} RequestFiles;

void request_draw(GenRequest *g, uint64_t number, const RequestFiles *files);
void request_free(GenRequest *g);

/* A prompt in the webui's language, with its mistakes; the caller frees it. *plain: see above. */
char *prompt_draw(Chance *c, bool *plain);

#endif
