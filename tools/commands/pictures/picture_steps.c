#include "picture_steps.h"

#include "sd/image/image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void forget_steps(Steps *s) {
    for (int i = 0; i < s->count; i++) free((void *)(uintptr_t)s->pictures[i].rgb);
    s->count = 0;
}

bool steps_keep(Steps *s, const SdPicture *p, int step) {
    if (s->begun && p->seed != s->seed) return true;
    s->begun = true;
    if (p->width != s->width || p->height != s->height) forget_steps(s); /* the second pass of hires fix begins */
    s->seed = p->seed, s->width = p->width, s->height = p->height;
    if (s->file && !image_write(p->rgb, p->width, p->height, NULL, IMAGE_QUALITY, s->file, s->e)) return false;
    if (!s->sheet) return true;
    SheetPicture *more = realloc(s->pictures, (size_t)(s->count + 1) * sizeof *more);
    if (more) s->pictures = more;
    char(*labels)[24] = realloc(s->labels, (size_t)(s->count + 1) * sizeof *labels);
    if (labels) s->labels = labels;
    size_t bytes = (size_t)p->width * (size_t)p->height * 3;
    uint8_t *rgb = malloc(bytes);
    if (!more || !labels || !rgb) return free(rgb), s->no_memory = true, false;
    memcpy(rgb, p->rgb, bytes);
    snprintf(labels[s->count], sizeof *labels, "step %d", step + 1);
    s->pictures[s->count++] = (SheetPicture){.rgb = rgb};
    return true;
}

void steps_save(Steps *s, const char *path, Error *e) {
    Image sheet = {0};
    for (int i = 0; i < s->count; i++) s->pictures[i].label = s->labels[i];
    if (sheet_make(s->pictures, s->count, s->width, s->height, 0, &sheet, e))
        image_write(sheet.rgb, sheet.width, sheet.height, NULL, IMAGE_QUALITY, path, e);
    image_free(&sheet);
}

void steps_free(Steps *s) {
    forget_steps(s);
    free(s->pictures);
    free(s->labels);
    *s = (Steps){0};
}
