/* sheet.c: the grid, and letters of 5 x 7 dots in cells of 6 x 9, enlarged with the pictures. */
#include "sheet.h"

#include "sd/text/unicode.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Space to tilde: seven rows from the top, each a digit of base 32 (0-9, A-V) whose highest bit is the left of five
 * dots. */
static const char GLYPHS[][8] = {
    "0000000", "4444404", "AA00000", "AAVAVAA", "4FKE5U4", "OP248J3", "CIK8LID", "4400000", "2488842", "8422248",
    "04LEL40", "044V440", "0000C48", "000V000", "00000CC", "01248G0", "EHJLPHE", "4C4444E", "EH1248V", "V2421HE",
    "26AIV22", "VGU11HE", "68GUHHE", "V124888", "EHHEHHE", "EHHF12C", "0CC0CC0", "0CC0C48", "248G842", "00V0V00",
    "8421248", "EH12404", "EH1DLLE", "EHHVHHH", "UHHUHHU", "EHGGGHE", "SIHHHIS", "VGGUGGV", "VGGUGGG", "EHGNHHF",
    "HHHVHHH", "E44444E", "72222IC", "HIKOKIH", "GGGGGGV", "HRLLHHH", "HHPLJHH", "EHHHHHE", "UHHUGGG", "EHHHLID",
    "UHHUKIH", "FGGE11U", "V444444", "HHHHHHE", "HHHHHA4", "HHHLLLA", "HHA4AHH", "HHHA444", "V1248GV", "E88888E",
    "0G84210", "E22222E", "4AH0000", "000000V", "8420000", "00E1FHF", "GGMPHHU", "00EGGHE", "11DJHHF", "00EHVGE",
    "698S888", "0FHHF1E", "GGMPHHH", "40C444E", "20622IC", "GGIKOKI", "C44444E", "00QLLHH", "00MPHHH", "00EHHHE",
    "00UHUGG", "00DJF11", "00MPGGG", "00EGE1U", "88S8896", "00HHHJD", "00HHHA4", "00HHLLA", "00HA4AH", "00HHF1E",
    "00V248V", "2448442", "4444444", "8442448", "008L200"};

enum { ROWS = 7, POINTS = 5, CELL = 6, GAP = 4, LINES = 3 };

static int digit(char c) { return c <= '9' ? c - '0' : c - 'A' + 10; }

/* One glyph with dots of scale x scale pixels; corner: its top left pixel in an image `width` pixels wide. */
static void draw_glyph(uint8_t *corner, int width, uint32_t c, int scale) {
    const char *glyph = GLYPHS[(c >= ' ' && c <= '~' ? c : '?') - ' '];
    for (int y = 0; y < ROWS * scale; y++, corner += (size_t)width * 3)
        for (int x = 0; x < POINTS * scale; x++)
            if (digit(glyph[y / scale]) >> (POINTS - 1 - x / scale) & 1) memset(corner + 3 * x, 0, 3);
}

/* The bytes of a label's next line of at most `cells` characters, and in *skip the spaces after it. A word that is
 * longer than a line is not broken but cut, as the last line is. */
static size_t next_line(const char *text, size_t cells, bool last, size_t *skip) {
    size_t left = strlen(text), at = 0, fits = 0;
    for (size_t n = 0; at < left; n++) {
        uint32_t c;
        bool ok;
        if (text[at] == ' ' && (n <= cells || !fits)) fits = at;
        if (n >= cells && fits && !last) break;
        at += utf8_decode((const uint8_t *)text + at, left - at, &c, &ok);
    }
    size_t size = at < left && !last ? fits : at;
    *skip = text[size] == ' ';
    return size;
}

static int count_lines(const char *text, size_t cells) {
    int n = 1;
    for (size_t skip; n < LINES; n++) {
        text += next_line(text, cells, false, &skip);
        text += skip;
        if (!*text) break;
    }
    return n;
}

static void draw_label(uint8_t *corner, int width, size_t cells, const char *text, int scale) {
    for (int line = 0; line < LINES && *text; line++, corner += (size_t)(width * (ROWS + 2) * scale) * 3) {
        size_t skip, size = next_line(text, cells, line == LINES - 1, &skip), at = 0;
        for (size_t x = 0; at < size && x < cells; x++) {
            uint32_t c;
            bool ok;
            at += utf8_decode((const uint8_t *)text + at, size - at, &c, &ok);
            draw_glyph(corner + 3 * x * (size_t)(CELL * scale), width, c, scale);
        }
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
    size_t cells = w < POINTS * scale ? 0 : (size_t)((w - POINTS * scale) / (CELL * scale)) + 1;
    int lines = 1;
    for (int i = 0; i < count; i++)
        if (pictures[i].label && count_lines(pictures[i].label, cells) > lines)
            lines = count_lines(pictures[i].label, cells);
    int64_t step_x = (int64_t)w + gap, step_y = (int64_t)h + gap + (lines * (ROWS + 2) - 1) * scale;
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
