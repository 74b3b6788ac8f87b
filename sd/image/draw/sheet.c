/* sheet.c: pictures row by row, and their labels, enlarged with the pictures. */
#include "sheet.h"

#include "letters.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { GAP = 4, LINES = 3 };

static int count_lines(const char *text, size_t cells) {
    int n = 1;
    for (size_t skip; n < LINES; n++) {
        text += letters_line(text, cells, false, &skip);
        text += skip;
        if (!*text) break;
    }
    return n;
}

static void draw_label(uint8_t *corner, int width, size_t cells, const char *text, int scale) {
    for (int line = 0; line < LINES && *text; line++, corner += (size_t)(width * LETTER_LINE * scale) * 3) {
        size_t skip, size = letters_line(text, cells, line == LINES - 1, &skip);
        letters_draw(corner, width, text, size, cells, scale, 0);
        text += size + skip;
    }
}

bool sheet_fits(int count, int w, int h, Error *e) {
    if (count > 0 && w > 0 && h > 0 && (int64_t)w * h <= (1 << 28) / count) return true;
    return error_set(e, ERR_ARGUMENT, "a sheet of %d pictures of %d x %d cannot be made; give fewer or smaller ones",
                     count, w, h);
}

bool sheet_make(const SheetPicture *pictures, int count, int w, int h, int columns, Image *out, Error *e) {
    *out = (Image){0};
    assert(columns >= 0);
    if (!sheet_fits(count, w, h, e)) return false;
    int scale = w >= 768 ? 3 : w >= 256 ? 2 : 1, gap = GAP * scale;
    size_t cells = letters_fit(w, scale);
    int lines = 1;
    for (int i = 0; i < count; i++)
        if (pictures[i].label && count_lines(pictures[i].label, cells) > lines)
            lines = count_lines(pictures[i].label, cells);
    int64_t step_x = (int64_t)w + gap, step_y = (int64_t)h + gap + (lines * LETTER_LINE - 1) * scale;
    if (!columns)
        for (columns = 1; columns < count && columns * step_x < (count + columns - 1) / columns * step_y;) columns++;
    if (columns > count) columns = count;
    int64_t rows = ((int64_t)count + columns - 1) / columns, width = columns * step_x + gap,
            height = rows * step_y + gap;
    if (width > (1 << 28) / height)
        return error_set(e, ERR_ARGUMENT, "a sheet of %d pictures of %d x %d is too large; give fewer or smaller ones",
                         count, w, h);
    uint8_t *rgb = malloc((size_t)(width * height) * 3);
    if (!rgb)
        return error_set(e, ERR_MEMORY, "cannot allocate memory for a sheet of %d pictures; give fewer or smaller ones",
                         count);
    memset(rgb, 255, (size_t)(width * height) * 3);
    for (int i = 0; i < count; i++) {
        uint8_t *corner = rgb + ((i / columns * step_y + gap) * width + i % columns * step_x + gap) * 3;
        for (int y = 0; y < h; y++)
            memcpy(corner + y * width * 3, pictures[i].rgb + (size_t)y * (size_t)w * 3, (size_t)w * 3);
        if (pictures[i].label)
            draw_label(corner + (h + scale) * width * 3, (int)width, cells, pictures[i].label, scale);
    }
    *out = (Image){.rgb = rgb, .width = (int)width, .height = (int)height};
    return true;
}
