/* grid_places.c: the axes of a grid, or a matrix of prompts, and what each place of them is. */
#include "grid.h"

#include "sd/info/info_writer.h"
#include "weights/files/files_below.h"
#include "weights/files/path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int no_memory(const Command *c) {
    Error e = {0};
    return error_set(&e, ERR_MEMORY, "out of memory for a grid"), report(c, &e);
}

/* --- the matrix of prompts: scripts/prompt_matrix.py of the webui --- */

static int split_prompt(Grid *g) {
    const SdRequest *r = &g->a->picture.request;
    const char *option = g->a->matrix_negative ? "--negative" : "--prompt";
    const char *text = g->a->matrix_negative ? r->negative : r->prompt;
    if (!text) return usage_error(g->c, "--matrix: needs %s, with parts between '|'", option);
    for (;;) {
        size_t n = strcspn(text, "|");
        if (g->part_count == MATRIX_MOST)
            return usage_error(g->c, "%s: has more than %d parts between '|', too many pictures", option, MATRIX_MOST);
        char *part = text_copy(text, n);
        if (!part) return no_memory(g->c);
        g->parts[g->part_count++] = part;
        if (!text[n]) break;
        text += n + 1;
    }
    int parts = g->part_count - 1, across = (parts + 1) / 2;
    g->count[GRID_X] = 1 << across;
    g->count[GRID_Y] = 1 << (parts - across);
    return GO_ON;
}

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* A part without spaces, and then without commas, around it. */
static const char *stripped(const char *part, size_t *n) {
    *n = strlen(part);
    while (*n && is_space(part[*n - 1])) --*n;
    while (*n && is_space(*part)) part++, --*n;
    while (*n && part[*n - 1] == ',') --*n;
    while (*n && *part == ',') part++, --*n;
    return part;
}

/* The prompt of the combination whose bits say which parts take part; the first always does. */
static int set_combination(const Grid *g, unsigned bits, PictureArguments *a) {
    size_t size = 1, at = 0;
    const char *between = g->a->matrix_spaces ? " " : ", ";
    for (int i = 0; i < g->part_count; i++) size += strlen(g->parts[i]) + 2;
    char *text = malloc(size);
    if (!text) return no_memory(g->c);
    *text = 0;
    if (!g->a->matrix_first) at = (size_t)sprintf(text, "%s", g->parts[0]);
    bool any = !g->a->matrix_first;
    for (int i = 1; i < g->part_count; i++) {
        size_t n;
        const char *part = stripped(g->parts[i], &n);
        if (!(bits >> (i - 1) & 1)) continue;
        at += (size_t)sprintf(text + at, "%s%.*s", any ? between : "", (int)n, part);
        any = true;
    }
    if (g->a->matrix_first) sprintf(text + at, "%s%s", any ? between : "", g->parts[0]);
    const char **prompt = g->a->matrix_negative ? &a->request.negative : &a->request.prompt;
    free((void *)(uintptr_t)*prompt);
    *prompt = text;
    return GO_ON;
}

/* --- labels --- */

static bool axis_lines(const Axis *x, int i, PlotLabel *l) {
    enum { LABEL = 600 };
    char *text = malloc(LABEL);
    PlotLine *line = calloc(1, sizeof *line);
    if (!text || !line) return free(text), free(line), false;
    axis_label(x, i, text, LABEL);
    line->text = text;
    *l = (PlotLabel){line, 1};
    return true;
}

/* The parts from `first` on; those that do not take part are struck through. */
static bool part_lines(const Grid *g, int first, int count, unsigned bits, PlotLabel *l) {
    PlotLine *lines = count ? calloc((size_t)count, sizeof *lines) : NULL;
    *l = (PlotLabel){lines, 0};
    for (int i = 0; lines && i < count; i++) {
        size_t n;
        const char *part = stripped(g->parts[first + i], &n), *text = text_copy(part, n);
        if (!text) return false;
        lines[l->count++] = (PlotLine){text, !(bits >> i & 1)};
    }
    return l->count == count;
}

static bool make_labels(Grid *g) {
    bool ok = true;
    for (int k = 0; ok && k < GRID_AXES; k++) {
        g->labels[k] = calloc((size_t)g->count[k], sizeof *g->labels[k]);
        ok = g->labels[k] != NULL;
        int parts = g->part_count - 1, across = (parts + 1) / 2;
        for (int i = 0; ok && i < g->count[k]; i++) {
            PlotLabel *l = &g->labels[k][i];
            if (!g->part_count || k == GRID_Z) ok = axis_lines(&g->axes[k], i, l);
            else if (k == GRID_X) ok = part_lines(g, 1, across, (unsigned)i, l);
            else ok = part_lines(g, 1 + across, parts - across, (unsigned)i, l);
        }
    }
    return ok;
}

/* --- the grid --- */

int grid_read(const Command *c, const GridArguments *a, Grid *g) {
    static const char *const GIVEN[] = {"--x", "--y", "--z"};
    const char *const texts[] = {a->x, a->y, a->z};
    *g = (Grid){.c = c, .a = a};
    if (a->matrix && (a->x || a->y)) return usage_error(c, "--matrix: takes the place of --x and --y; leave them out");
    if (!a->matrix && (a->matrix_negative || a->matrix_first || a->matrix_spaces || a->matrix_seeds))
        return usage_error(c, "--matrix-...: counts only with --matrix");
    if (!a->matrix && !a->x && !a->y && !a->z) return usage_error(c, "no axis: say --x NAME=VALUES, or --matrix");
    int code = GO_ON;
    for (int k = 0; code == GO_ON && k < GRID_AXES; k++) {
        code = axis_read(c, GIVEN[k], texts[k], &g->axes[k]);
        g->count[k] = g->axes[k].values.count;
    }
    if (code == GO_ON && a->matrix) code = split_prompt(g);
    if (code != GO_ON) return code;
    int64_t all = (int64_t)g->count[GRID_X] * g->count[GRID_Y] * g->count[GRID_Z];
    if (all > GRID_MOST)
        return usage_error(c, "a grid of %lld pictures has more than %d; give fewer values", (long long)all, GRID_MOST);
    return make_labels(g) ? GO_ON : no_memory(c);
}

void grid_free(Grid *g) {
    for (int k = 0; k < GRID_AXES; k++) {
        for (int i = 0; g->labels[k] && i < g->count[k]; i++) {
            for (int n = 0; n < g->labels[k][i].count; n++) free((void *)(uintptr_t)g->labels[k][i].lines[n].text);
            free((void *)(uintptr_t)g->labels[k][i].lines);
        }
        free(g->labels[k]);
        axis_free(&g->axes[k]);
    }
    for (int i = 0; i < g->part_count; i++) free(g->parts[i]);
    *g = (Grid){0};
}

int grid_size(const Grid *g) { return g->count[GRID_X] * g->count[GRID_Y] * g->count[GRID_Z]; }

/* The axes from the one that changes last to the one that changes first; of equal cost z, y, x. */
static void nesting(const Grid *g, int order[GRID_AXES]) {
    for (int k = 0; k < GRID_AXES; k++) {
        int axis = GRID_Z - k, i = k;
        AxisCost cost = g->part_count && axis != GRID_Z ? COST_TEXT : g->axes[axis].cost;
        for (; i > 0; i--) {
            AxisCost before = g->part_count && order[i - 1] != GRID_Z ? COST_TEXT : g->axes[order[i - 1]].cost;
            if (before >= cost) break;
            order[i] = order[i - 1];
        }
        order[i] = axis;
    }
}

GridPlace grid_place(const Grid *g, int i) {
    int order[GRID_AXES];
    GridPlace p;
    nesting(g, order);
    for (int k = GRID_AXES - 1; k >= 0; k--) {
        p.at[order[k]] = i % g->count[order[k]];
        i /= g->count[order[k]];
    }
    return p;
}

bool grid_by_z(const Grid *g) {
    int order[GRID_AXES];
    nesting(g, order);
    return order[0] == GRID_Z;
}

bool grid_file(const Grid *g, int z, char out[OS_PATH_SIZE], Error *e) {
    const char *path = g->a->picture.out, *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    int stem = (int)(name - path) + (int)file_stem(name);
    if (g->count[GRID_Z] == 1) return path_make(out, e, "%s", path);
    return path_make(out, e, "%.*s-%d%s", stem, path, z + 1, path + stem);
}

int grid_cell(const Grid *g, GridPlace p, PictureArguments *out) {
    Error e = {0};
    int code = GO_ON;
    if (!picture_copy(&g->a->picture, out, &e)) return report(g->c, &e);
    for (int kind = AXIS_OPTION; code == GO_ON && kind <= AXIS_ORDER; kind++) {
        for (int k = 0; code == GO_ON && k < GRID_AXES; k++)
            if ((int)g->axes[k].kind == kind) code = axis_set(g->c, &g->axes[k], p.at[k], out);
        unsigned bits = (unsigned)p.at[GRID_X] | (unsigned)(p.at[GRID_Y] * g->count[GRID_X]);
        if (kind != AXIS_OPTION || !g->part_count || code != GO_ON) continue;
        code = set_combination(g, bits, out);
        if (!g->a->matrix_seeds || out->request.seed < 0) continue;
        if (out->request.seed > INT64_MAX - (int64_t)bits)
            code = usage_error(g->c, "--seed: leaves no room to count up; choose a smaller one");
        else out->request.seed += bits;
    }
    if (code == GO_ON) code = picture_options_settings(g->c, out);
    if (code != GO_ON) picture_copy_free(out);
    return code;
}

/* --- the text --- */

static void add_axis(InfoWriter *t, const Axis *x, char name) {
    char key[16];
    InfoWriter fixed = {.p = NULL};
    if (x->kind == AXIS_NOTHING) return;
    snprintf(key, sizeof key, "%c Type", name);
    info_pair(t, key, x->label);
    snprintf(key, sizeof key, "%c Values", name);
    info_pair(t, key, x->said);
    if (x->kind != AXIS_OPTION || (strcmp(x->option.name, "seed") && strcmp(x->option.name, "variation-seed"))) return;
    for (int i = 0; i < x->values.count; i++) info_add(&fixed, i ? ", " : ""), info_add(&fixed, x->values.at[i]);
    snprintf(key, sizeof key, "Fixed %c Values", name);
    info_pair(t, key, fixed.p);
    t->failed = t->failed || fixed.failed;
    free(fixed.p);
}

char *grid_text(const Grid *g, const char *text) {
    InfoWriter t = {.p = NULL};
    const char *rest = info_begin(&t, text);
    if (!g->part_count) {
        info_pair(&t, "Script", "X/Y/Z plot");
        add_axis(&t, &g->axes[GRID_X], 'X');
        add_axis(&t, &g->axes[GRID_Y], 'Y');
        if (g->count[GRID_Z] > 1) add_axis(&t, &g->axes[GRID_Z], 'Z');
    }
    info_add(&t, rest);
    if (t.failed) free(t.p), t.p = NULL;
    return t.p;
}
