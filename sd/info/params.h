/* params.h: the table of settings: a row for each member of SdRequest that says which picture to make.
 *
 * Defaults, ranges, the options of `sdc txt2img` and `sdc img2img` with their help, the text that a picture carries,
 * and the way back from such a text to a request are loops over PARAMS. To add a setting: a member of SdRequest, a row
 * here, and the code that uses it. */
#ifndef SD_INFO_PARAMS_H
#define SD_INFO_PARAMS_H

#include "sd/sampling/scheduler.h"
#include "sd/sd.h"

typedef enum {
    PARAM_INT,       /* int */
    PARAM_INT64,     /* int64_t */
    PARAM_DOUBLE,    /* double */
    PARAM_BOOL,      /* bool */
    PARAM_ENUM,      /* an enum: the index of a word */
    PARAM_SAMPLER,   /* const char *: a sampler's name */
    PARAM_SCHEDULER, /* const char *: a schedule type's name; NULL: Automatic */
    PARAM_PROMPT,    /* const char *: up to `high` bytes of UTF-8; NULL: "" */
    PARAM_FILE,      /* const char *: a file's name; NULL: none. Texts say "file" */
    PARAM_STRING,    /* const char *, or NULL */
} ParamType;

/* In a list of words '|' separates the words, and ',' the spellings of one: "nv,cuda|cpu". */
typedef struct Param {
    const char *name; /* "clip-skip": the option --clip-skip; messages call it "clip skip" */
    char letter;      /* of the option, or 0 */
    ParamType type;
    size_t at;            /* offset in SdRequest */
    double low, high;     /* a number's range; high PARAM_MOST: no upper end. An enum's high follows from its words */
    double standard;      /* default; valid even outside the range, where it means "not set" */
    const char *text;     /* default of a string */
    bool of_model;        /* the default may come from the model's files */
    bool of_image;        /* counts only in img2img */
    bool of_mask;         /* counts only with a mask, in img2img */
    bool of_extend;       /* counts only where the picture is extended, in img2img */
    bool in_extend;       /* is no option of its own, but part of --extend: "extend-left" is left=N there */
    int of_sizes;         /* counts only with models told so many sizes: 6 SDXL, 5 its refiner, ANY_SIZES; or 0 */
    bool of_refiner;      /* counts only with a refiner */
    bool of_hires;        /* counts only with hires fix, in txt2img */
    bool of_tiles;        /* counts only with SD upscale, in img2img */
    bool of_windows;      /* counts only with tiled diffusion */
    bool or_hires;        /* of_image: or with hires fix, in its second pass */
    const char *value;    /* placeholder in the help; an enum's words. NULL: a flag */
    const char *help;     /* one line, without the default, which the help adds */
    const char *unset;    /* what a default that means "not set" does, for the help: "0: no end" */
    const char *json;     /* name in the webui's API, or our own */
    const char *key;      /* in a picture's text; "Size-1" and "Size-2" are the halves of "Size: 512x768"; NULL: none */
    const char *key_time; /* the key for the webui's samplers of the time space, if it is another */
    const char *key_words; /* an enum's words in the text, or a flag's, if they are others */
    int place;             /* in the text: the webui's order; rows of equal place follow the table's order */
    bool always;           /* is written even when it is the default */
    bool (*counts)(const SdRequest *r, const Sampler *s); /* whether it changes the picture; NULL: always */
} Param;

extern const Param PARAMS[];
extern const int PARAM_COUNT;

/* Places in the text of what does not come from a request: the model's name after the size, networks' hashes after all
 * settings but the refiner's, its name before those, the version at the end. */
enum { PLACE_MODEL = 7, PLACE_NETWORKS = 17, PLACE_REFINER = 18, PLACE_END = 20 };

enum { ANY_SIZES = 1 };   /* Param.of_sizes */
#define PARAM_MOST 0x1p63 /* Param.high without an end */

/* The names of SdPrecision, which belongs to the model and not to a request, in its order. */
#define PRECISION_WORDS "f32|f32-direct|mixed|f16|bf16"
/* The names of SdPrediction after its first. */
#define PREDICTION_WORDS "eps|v|x0"

/* The names of SdHint, in its order. */
#define CONTROL_HINTS "none|canny|invert|tile|scribble|luminance|inpaint"
/* The names of SdHintKind, in its order: the option's, and those of a picture's text. */
#define CONTROL_KINDS                                                                                                  \
    "auto|pose,openpose|depth|softedge,scribble,hed|lines,canny,lineart,mlsd|normal|segment,seg|tile|inpaint,repaint"

/* The row of that option, or of that key (as infotext_read gives keys); NULL: there is none. */
const Param *param_named(const char *name);
const Param *param_keyed(const char *key);

/* A row's number in r, of any type that is not a string; enums and bools, too. Strings: 0, and nothing is set. */
double param_number(const Param *p, const SdRequest *r);
void param_set_number(const Param *p, SdRequest *r, double v);
/* The upper end of a row's range, and whether a value is within the range or is the default. */
double param_high(const Param *p);
bool param_admits(const Param *p, double v);
/* Whether a picture's text must state the row. */
bool param_written(const Param *p, const SdRequest *r, const Sampler *s);

/* What hires fix can enlarge latents by, in the order of Interpolation (sd/image/interpolate.h), and all that it can
 * enlarge by without an upscaler's file. */
#define HIRES_LATENTS                                                                                                  \
    "Latent|Latent (antialiased)|Latent (bicubic)|Latent (bicubic antialiased)|Latent (nearest)|"                      \
    "Latent (nearest-exact)"
#define PIXEL_UPSCALERS "Lanczos|Nearest|None"
#define HIRES_UPSCALERS HIRES_LATENTS "|" PIXEL_UPSCALERS
/* Whether a request asks for hires fix, for SD upscale. */
bool request_hires(const SdRequest *r);
bool request_tiles(const SdRequest *r);
/* What a request says that hires fix or SD upscale enlarges by; NULL: it asks for neither. */
const char **request_enlarger(SdRequest *r);
/* How many pictures a call makes: batch_size, with SD upscale one. */
int request_pictures(const SdRequest *r);
/* ERR_ARGUMENT: that it has no such file, and which words there are. */
bool request_no_enlarger(const SdRequest *r, Error *e);
/* Whether it enlarges by an upscaler's file, or what texts call that. */
bool request_enlarges_by_file(const SdRequest *r);
/* Whether a request extends its picture. */
bool request_extends(const SdRequest *r);
/* Whether a picture is encoded: img2img's, or hires fix' enlarged one. */
bool request_encodes(const SdRequest *r);
/* Whether a row's picture, mask, extension, hires fix or SD upscale is there. */
bool param_has_owner(const Param *p, const SdRequest *r);

/* The words of an enum or a flag in a picture's text. */
const char *param_key_words(const Param *p);
/* The index of a word in a list, in any spelling; -1: not in the list. */
int words_find(const char *words, const char *word);
/* Copies the first spelling of word i to out, "" where there is no such word; returns out. */
const char *words_get(const char *words, int i, char *out, size_t size);
int words_count(const char *words);

/* Sets every row to its default. */
void params_default(SdRequest *r);
/* Whether a row is as it was when nobody gave it: its default, or marked by params_forget. */
bool param_is_unset(const Param *p, const SdRequest *r);
/* Marks the rows whose default is the model's (Param.of_model) as not given; params_adopt takes those that are still
 * not given from `from`. */
void params_forget(SdRequest *r);
void params_adopt(SdRequest *r, const SdRequest *from);

/* ERR_ARGUMENT, with a line that begins with the setting's name, unless every row is within its range and no two
 * contradict each other. request_check (sd/pipeline/request.h) checks what depends on the model. */
bool params_check(const SdRequest *r, Error *e);

/* Whether the request has networks, or its prompt a tag of one: <lora:NAME...> or <lyco:NAME...>. */
bool params_have_networks(const SdRequest *r);

/* The sampler and schedule type that a request names, by themselves or in one ("DPM++ 2M Karras"). *scheduler NULL:
 * none is named, which means Automatic. Returns NULL with ERR_ARGUMENT for an unknown name. */
const Sampler *request_sampler(const SdRequest *r, const Scheduler **scheduler, Error *e);

#endif
