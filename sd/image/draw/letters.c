#include "letters.h"

#include "sd/text/unicode.h"

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

static int digit(char c) { return c <= '9' ? c - '0' : c - 'A' + 10; }

size_t letters_fit(int64_t w, int scale) {
    return w < LETTER_WIDTH * scale ? 0 : (size_t)((w - LETTER_WIDTH * scale) / (LETTER_CELL * scale)) + 1;
}

/* One glyph with dots of scale x scale pixels; corner: its top left pixel in an image `width` pixels wide. */
static void draw_glyph(uint8_t *corner, int64_t width, uint32_t c, int scale, uint8_t grey) {
    const char *glyph = GLYPHS[(c >= ' ' && c <= '~' ? c : '?') - ' '];
    for (int y = 0; y < LETTER_HEIGHT * scale; y++, corner += (size_t)width * 3)
        for (int x = 0; x < LETTER_WIDTH * scale; x++)
            if (digit(glyph[y / scale]) >> (LETTER_WIDTH - 1 - x / scale) & 1) memset(corner + 3 * x, grey, 3);
}

size_t letters_count(const char *text, size_t size) {
    size_t n = 0;
    for (size_t at = 0; at < size; n++) {
        uint32_t c;
        bool ok;
        at += utf8_decode((const uint8_t *)text + at, size - at, &c, &ok);
    }
    return n;
}

void letters_draw(uint8_t *corner, int64_t width, const char *text, size_t size, size_t cells, int scale,
                  uint8_t grey) {
    for (size_t x = 0, at = 0; at < size && x < cells; x++) {
        uint32_t c;
        bool ok;
        at += utf8_decode((const uint8_t *)text + at, size - at, &c, &ok);
        draw_glyph(corner + 3 * x * (size_t)(LETTER_CELL * scale), width, c, scale, grey);
    }
}

size_t letters_line(const char *text, size_t cells, bool last, size_t *skip) {
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
