/* grid.h: what `sdc grid` draws: a picture for each combination of three axes' values. */
#ifndef SD_TOOLS_COMMANDS_GRID_H
#define SD_TOOLS_COMMANDS_GRID_H

#include "sd/image/draw/plot.h"
#include "tensor/os.h"
#include "tools/cli/axis.h"

enum { GRID_X, GRID_Y, GRID_Z, GRID_AXES, GRID_MOST = 10000, MATRIX_MOST = 13 };

typedef struct {
    PictureArguments picture; /* the first: axes set its options */
    const char *x, *y, *z;    /* NAME=VALUES, or NULL */
    const char *pictures;     /* the folder that keeps each picture; NULL: none */
    bool matrix, matrix_negative, matrix_first, matrix_spaces, matrix_seeds;
    bool no_labels;
    int margin;
} GridArguments;

/* What is drawn. All zero is empty; grid_free in any case. */
typedef struct {
    const Command *c;
    const GridArguments *a;
    Axis axes[GRID_AXES];
    int count[GRID_AXES];         /* of values */
    char *parts[MATRIX_MOST];     /* the prompt's, split at '|'; owned */
    int part_count;               /* 0: no matrix */
    PlotLabel *labels[GRID_AXES]; /* [count], owned with their lines and texts */
} Grid;

typedef struct {
    int at[GRID_AXES];
} GridPlace;

/* Reads the axes, or the matrix, and makes the labels. GO_ON, or the exit code. */
int grid_read(const Command *c, const GridArguments *a, Grid *g);
void grid_free(Grid *g);
int grid_size(const Grid *g); /* how many pictures */
/* Picture i in the order of drawing: what is slow to change changes last. */
GridPlace grid_place(const Grid *g, int i);
/* Whether all of one z come together in that order. */
bool grid_by_z(const Grid *g);
/* The file of a grid: OUT, or OUT-1, OUT-2, ... for each z. */
bool grid_file(const Grid *g, int z, char out[OS_PATH_SIZE], Error *e);
/* The arguments of the picture at a place: picture_copy_free if it returns GO_ON, else the exit code. */
int grid_cell(const Grid *g, GridPlace p, PictureArguments *out);
/* A text of parameters with the webui's pairs of the script before its version; NULL: out of memory. */
char *grid_text(const Grid *g, const char *text);

/* grid_draw.c: draws and writes all of it; the exit code. */
int grid_draw(Grid *g);

#endif
