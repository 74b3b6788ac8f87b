/* axis.h: the axes of a grid: NAME=VALUES. NAME is an option's or what the webui's X/Y/Z plot calls it, VALUES as in
 * values.h; each value is set as the option sets it. */
#ifndef SD_TOOLS_CLI_AXIS_H
#define SD_TOOLS_CLI_AXIS_H

#include "tools/cli/options/picture_options.h"
#include "values.h"

typedef enum {
    AXIS_NOTHING,     /* one value, which changes nothing */
    AXIS_OPTION,      /* sets an option */
    AXIS_SIZE,        /* 512x768: width and height */
    AXIS_LORA,        /* another --lora, or none */
    AXIS_LORA_WEIGHT, /* of the last --lora */
    AXIS_REPLACE,     /* the first value is what is replaced in the prompts */
    AXIS_ORDER,       /* the values are words of the prompt, in every order */
} AxisKind;

/* How much is opened or computed anew where the value changes: the webui's cost. */
typedef enum { COST_NONE, COST_TEXT, COST_NETWORK, COST_MODEL } AxisCost;

typedef struct {
    AxisKind kind;
    AxisCost cost;
    Option option;    /* of AXIS_OPTION, at its place in the command's struct */
    char given[8];    /* "--x" */
    char label[48];   /* the webui's name */
    const char *said; /* VALUES as they were given, or "" */
    ValueList values; /* of seeds no random ones */
    ValueList order;  /* AXIS_ORDER: the words; `values` are their orders, as labels */
    bool plain;       /* labels are the value without the name, as in the webui */
} Axis;

/* Reads "NAME=VALUES"; text NULL: AXIS_NOTHING. GO_ON, or the exit code. axis_free in any case. */
int axis_read(const Command *c, const char *given, const char *text, Axis *x);
void axis_free(Axis *x);
/* Sets value i. GO_ON, or the exit code. The axes of a grid are set by kind, in this enum's order, so that prompts are
 * there before words in them are replaced. */
int axis_set(const Command *c, const Axis *x, int i, PictureArguments *a);
/* What stands beside the pictures of value i: "Steps: 20", "Euler a". */
void axis_label(const Axis *x, int i, char *out, size_t size);

/* The option that an axis may have by this name: an option's, its key in texts, that of the webui's API or X/Y/Z plot.
 */
bool axis_option(const Command *c, const char *name, size_t n, Option *o);
/* Sets it to a value, of a flag too; `given` begins messages. GO_ON, or the exit code. */
int axis_set_option(const Command *c, const char *given, const Option *o, const char *value, PictureArguments *a);

#endif
