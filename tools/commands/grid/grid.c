/* grid.c: `sdc grid`: pictures for each combination of settings, as the webui's X/Y/Z plot and prompt matrix make them.
 */
#include "grid.h"

#include "tools/cli/commands.h"
#include "tools/cli/output.h"
#include "weights/files/file_open.h"

#include <assert.h>
#include <string.h>

typedef GridArguments Arguments; /* for the rows */
static_assert(offsetof(GridArguments, picture) == 0, "the options of a picture are at its places");

static const Option OPTIONS[] = {
    OPTION(STRING, x, 0, "x", "NAME=VALUES", "the columns: a setting and its values"),
    OPTION(STRING, y, 0, "y", "NAME=VALUES", "the rows"),
    OPTION(STRING, z, 0, "z", "NAME=VALUES", "a grid for each of these: OUT-1, OUT-2, ..."),
    OPTION(FLAG, matrix, 0, "matrix", NULL,
           "instead: the prompt's first part with all combinations of the others, \"a|b|c\""),
    OPTION(FLAG, matrix_negative, 0, "matrix-negative", NULL, "the parts are the negative prompt's"),
    OPTION(FLAG, matrix_first, 0, "matrix-start", NULL, "put the others before the first part"),
    OPTION(FLAG, matrix_spaces, 0, "matrix-spaces", NULL, "join parts with a space, not with a comma"),
    OPTION(FLAG, matrix_seeds, 0, "matrix-seeds", NULL, "each combination has a seed of its own, which counts up"),
    OPTION(STRING, picture.out, 'o', "out", "FILE", "the grid (grid.png)"),
    OPTION(STRING, pictures, 0, "pictures", "DIR",
           "keep each picture there, too; what is there already and says the same is not drawn again"),
    OPTION(FLAG, no_labels, 0, "no-labels", NULL, "leave the texts out"),
    OPTION_IN(INT, margin, 0, "margin", "N", 0, 500, "pixels between pictures (0)"),
    OPTION_ROWS(picture, grid_row),
    OPTION_ROWS(picture.open, model_rows),
    OPTION_END};

/* Each picture's settings, before a model is opened. */
static int check_all(const Grid *g) {
    int code = GO_ON;
    for (int i = 0; code == GO_ON && i < grid_size(g); i++) {
        PictureArguments a;
        code = grid_cell(g, grid_place(g, i), &a);
        if (code == GO_ON) picture_copy_free(&a);
    }
    return code;
}

/* No grid is written over a picture that is read. */
static int check_names(const Grid *g) {
    const PictureArguments *a = &g->a->picture;
    for (int z = 0; z < g->count[GRID_Z]; z++) {
        char name[OS_PATH_SIZE];
        Error e = {0};
        if (!grid_file(g, z, name, &e)) return report(g->c, &e);
        if (os_kind(name) == OS_NOTHING) continue;
        bool read = file_same(name, a->image) || file_same(name, a->mask) || control_options_name(&a->controls, name);
        for (int k = 0; k < GRID_AXES; k++)
            for (int i = 0; g->axes[k].kind == AXIS_OPTION && i < g->count[k]; i++)
                read = read || file_same(name, g->axes[k].values.at[i]);
        if (read) return usage_error(g->c, "--out: %.200s is also an input file; name another file", file_shown(name));
    }
    return GO_ON;
}

static int run(const Command *c, int argc, char **argv) {
    GridArguments a = {.picture = picture_defaults(OF_GRID)};
    Grid g = {0};
    int rest = 0;
    a.picture.out = "grid.png";
    int code = options_parse(c, &a, argc, argv, &rest);
    if (code == GO_ON && rest) code = usage_error(c, "unexpected argument '%.60s'; put the prompt after -p", argv[0]);
    if (code == GO_ON && !strcmp(a.picture.out, "-")) code = usage_error(c, "--out: name a file");
    if (code == GO_ON) code = picture_options_lists(c, &a.picture);
    if (code == GO_ON) code = grid_read(c, &a, &g);
    if (code == GO_ON) code = check_all(&g);
    if (code == GO_ON) code = picture_options_files(c, &a.picture);
    if (code == GO_ON) code = check_names(&g);
    if (code == GO_ON) code = grid_draw(&g);
    grid_free(&g);
    picture_options_free(&a.picture);
    return code;
}

const Command GRID = {
    "grid",
    run,
    "-p PROMPT --x NAME=VALUES [--y ...] [--z ...] [options]",
    "make pictures for each combination of settings, side by side",
    "NAME is an option's (steps, cfg, sampler, model, vae, refiner ...) or what the webui's X/Y/Z plot calls it (\"CFG "
    "Scale\"); or size (512x768), lora, lora-weight (of the last --lora), prompt-sr (the first value is looked for in "
    "the "
    "prompts and replaced by each), prompt-order.\n"
    "VALUES are separated by commas, quoted where they have some: \"a, b\",c. Numbers may be ranges: 1-5 or 1..5, 1-10 "
    "(+2) or 1..10/2 in steps, 1-10 [5] for 5 of them. A flag's are true and false.\n"
    "A model is opened once, whichever axis it is on. All pictures have the seed of --seed, or one random seed, and "
    "the "
    "first model's size, unless an axis says otherwise. Stopped, the same command with --pictures draws what is "
    "missing. The grid's text is that of its first picture with the webui's keys.",
    OPTIONS};
