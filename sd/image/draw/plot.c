#include "plot.h"

#include "letters.h"

#include <stdlib.h>
#include <string.h>

enum { SEEN_WIDTH = 192, MOST_PIXELS = 1 << 28, BLACK = 0, GREY = 153, LINE = LETTER_LINE + 2 };

int plot_times(int width) { return width > 0 && width < SEEN_WIDTH ? SEEN_WIDTH / width : 1; }

/* --- text in lines --- */

/* As letters_line, but a word longer than a line is broken. */
static size_t next_line(const char *text, size_t cells, size_t *skip) {
    size_t size = letters_line(text, cells, false, skip);
    if (letters_count(text, size) <= cells) return size;
    *skip = 0;
    while (size > 1 && letters_count(text, size) > cells)
        for (size--; size > 1 && ((unsigned char)text[size] & 0xC0) == 0x80;) size--;
    return size;
}

/* The lines of a label in `w` pixels; with a picture they are drawn, centred at x, from y on. */
static int64_t label_lines(const PlotLabel *l, int64_t w, int scale, Image *to, int64_t x, int64_t y) {
    size_t cells = letters_fit(w, scale);
    int64_t lines = 0;
    for (int i = 0; cells && i < l->count; i++)
        for (const char *text = l->lines[i].text; *text;) {
            size_t skip, size = next_line(text, cells, &skip);
            int64_t long_ = (int64_t)letters_count(text, size) * LETTER_CELL * scale - scale;
            int64_t at = x - long_ / 2, row = y + lines * LINE * scale;
            if (to) {
                uint8_t grey = l->lines[i].off ? GREY : BLACK, *corner = to->rgb + (row * to->width + at) * 3;
                letters_draw(corner, to->width, text, size, cells, scale, grey);
                for (int k = 0; l->lines[i].off && k < scale; k++)
                    memset(to->rgb + ((row + LETTER_HEIGHT / 2 * scale + k) * to->width + at) * 3, GREY,
                           (size_t)long_ * 3);
            }
            text += size + skip;
            lines++;
        }
    return lines;
}

/* Of n labels the most lines; none: 0. */
static int64_t most_lines(const PlotLabel *l, int n, int64_t w, int scale) {
    int64_t most = 0;
    for (int i = 0; l && i < n; i++) {
        int64_t lines = label_lines(&l[i], w, scale, NULL, 0, 0);
        if (lines > most) most = lines;
    }
    return most;
}

static int64_t place_width(const Plot *p) { return (int64_t)p->width * p->times; }
static int64_t place_height(const Plot *p) { return (int64_t)p->height * p->times; }
static int64_t column_x(const Plot *p, int i) { return p->left + i * (place_width(p) + p->margin); }
static int64_t row_y(const Plot *p, int i) { return p->top + i * (place_height(p) + p->margin); }

/* What lines take, with room above and below. */
static int64_t band(const Plot *p, int64_t lines) { return lines ? (lines * LINE + LETTER_LINE) * p->scale : 0; }

/* --- the plot --- */

bool plot_measure(Plot *p, Error *e) {
    int64_t w = place_width(p), h = place_height(p);
    if (w <= MOST_PIXELS && h <= MOST_PIXELS && p->columns <= MOST_PIXELS && p->rows <= MOST_PIXELS) {
        int64_t size = (w + h) / 25; /* the webui's letters */
        p->scale = size < LETTER_LINE ? 1 : (int)((size + LETTER_LINE / 2) / LETTER_LINE);
        p->left = most_lines(p->beside, p->rows, w, p->scale) ? w * 3 / 4 : 0;
        int64_t inside = p->columns * w + (p->columns - 1) * (int64_t)p->margin;
        p->full_width = p->left + inside;
        p->heading = band(p, most_lines(&p->title, 1, p->full_width, p->scale));
        p->top = p->heading + band(p, most_lines(p->above, p->columns, w, p->scale));
        int64_t beside = band(p, most_lines(p->beside, p->rows, p->left, p->scale));
        p->full_height = p->top + p->rows * h + (p->rows - 1) * (int64_t)p->margin;
        if (beside > h) p->full_height += beside - h; /* the last row's may be longer than its pictures */
        if (p->full_width <= MOST_PIXELS && p->full_height <= MOST_PIXELS / p->full_width) return true;
    }
    return error_set(e, ERR_ARGUMENT, "a grid of %d x %d pictures of %d x %d is too large; give fewer or smaller ones",
                     p->columns, p->rows, p->width, p->height);
}

bool plot_begin(const Plot *p, Image *out, Error *e) {
    size_t bytes = (size_t)(p->full_width * p->full_height) * 3;
    *out = (Image){.rgb = malloc(bytes), .width = (int)p->full_width, .height = (int)p->full_height};
    if (!out->rgb)
        return error_set(e, ERR_MEMORY,
                         "cannot allocate memory for a grid of %d x %d pictures; give fewer or smaller ones",
                         p->columns, p->rows);
    memset(out->rgb, 255, bytes);
    int64_t w = place_width(p), h = place_height(p), line = (int64_t)LINE * p->scale;
    label_lines(&p->title, p->full_width, p->scale, out, p->full_width / 2, LETTER_LINE / 2 * p->scale);
    for (int i = 0; p->above && i < p->columns; i++) {
        int64_t lines = label_lines(&p->above[i], w, p->scale, NULL, 0, 0);
        int64_t y = p->heading + (p->top - p->heading - lines * line) / 2;
        label_lines(&p->above[i], w, p->scale, out, column_x(p, i) + w / 2, y);
    }
    for (int i = 0; p->left && i < p->rows; i++) {
        int64_t lines = label_lines(&p->beside[i], p->left, p->scale, NULL, 0, 0), y = (h - lines * line) / 2;
        label_lines(&p->beside[i], p->left, p->scale, out, p->left / 2, row_y(p, i) + (y > 0 ? y : 0));
    }
    return true;
}

void plot_put(const Plot *p, Image *to, int column, int row, const uint8_t *rgb, int w, int h) {
    uint8_t *corner = to->rgb + (row_y(p, row) * to->width + column_x(p, column)) * 3;
    for (int64_t y = 0; y < (int64_t)h * p->times; y++) {
        const uint8_t *from = rgb + y / p->times * w * 3;
        uint8_t *at = corner + y * to->width * 3;
        for (int x = 0; x < w; x++, from += 3)
            for (int k = 0; k < p->times; k++, at += 3) memcpy(at, from, 3);
    }
}
