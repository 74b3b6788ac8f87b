/* other.h: how the programs beside the webui say what they did, put into the webui's words. Each format is a function;
 * other_take.c has their table, other_sampler.c the names of samplers. */
#ifndef SD_INFO_OTHER_H
#define SD_INFO_OTHER_H

#include "infotext_read.h"
#include "sd/image/image_text.h"
#include "weights/files/json.h"

/* What is being made of another program's words. */
typedef struct {
    const ImageTexts *texts;
    InfoRead *read;      /* filled by the functions below */
    const char *program; /* whose words they are, a constant */
    const char *raw;     /* the text that says it */
    char missing[600];   /* what could not be put into the webui's words; "": nothing */
    Error *e;            /* ERR_MEMORY, ERR_FORMAT for too many fields */
} Other;

/* Finds out whether a picture's texts are another program's, and takes them. False: they are none, or o->e is set. own:
 * what the webui would read, or NULL. */
bool other_take(Other *o, const char *own);

/* --- for the functions of the table --- */

/* Keys are the webui's, or the other program's own, whose characters that no key may have become '_'. NULL values and
 * numbers that are none are left out. */
void other_put(Other *o, const char *key, const char *value);
void other_number(Other *o, const char *key, int64_t v);
void other_json(Other *o, const char *key, const JsonNode *n); /* a string, number or boolean */
void other_prompt(Other *o, const char *text);                 /* adds to what is there, after a line break */
void other_negative(Other *o, const char *text);
void other_append(Other *o, char **to, const char *between, const char *text); /* the same to a string of one's own */
void other_lora(Other *o, const char *name, const char *strength);             /* as a tag at the prompt's end */
void other_model(Other *o, const char *key, const char *file);                 /* without its folder and ending */
void other_sampler(Other *o, const char *name); /* with the schedule type that the name holds */
void other_scheduler(Other *o, const char *name);
bool other_size(Other *o); /* the picture's own; false: its header does not say */
void other_miss(Other *o, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A text's JSON, as Python writes it, if it is an object; NULL: it is none, or o->e is set. The text may be NULL. */
Json *other_parse(Other *o, const char *text);
/* The string, or the number as written, of a node; NULL: it is neither. */
const char *other_text(const JsonNode *n);

/* other_sampler.c: sdc's name of a sampler that others call so, and of the schedule type in it (NULL: none is meant);
 * NULL: sdc has none. */
const char *other_sampler_name(const char *name, const char **schedule);
const char *other_scheduler_name(const char *name);

/* other_novelai.c, other_flat.c, other_invoke.c, other_comfy.c, other_sdcpp.c: true: it was of that kind, and o->raw is
 * set; by other_flat, which knows several, o->program, too. */
bool other_novelai(Other *o);
bool other_flat(Other *o);
bool other_invoke(Other *o);
bool other_comfy(Other *o);
bool other_sdcpp(Other *o);
/* A NovelAI picture's texts as one object, as its pictures without chunks have them; false: it is none. */
bool other_novelai_object(Other *o, const Json *j);

/* other_xmp.c: the text of an element, or an attribute, of the picture's XMP packet in a new string; NULL: none, or
 * o->e is set. */
char *other_xmp(Other *o, const char *name);

#endif
