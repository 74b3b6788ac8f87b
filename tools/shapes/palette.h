/* palette.h: the twelve colours. */
#ifndef SD_TOOLS_SHAPES_PALETTE_H
#define SD_TOOLS_SHAPES_PALETTE_H

#include "shapes.h"

typedef struct {
    const char *name, *other; /* other: a second name, or NULL */
    uint8_t rgb[3];
} Colour;

extern const Colour PALETTE[SHAPES_COLOURS];

#endif
