/* landscape.h: the pixels of SCENE_LANDSCAPE. */
#ifndef SD_TOOLS_SHAPES_LANDSCAPE_H
#define SD_TOOLS_SHAPES_LANDSCAPE_H

#include "paint.h"
#include "shapes.h"

void landscape_draw(Canvas *c, const Scene *s);

#endif
