/* html.h: reports as one HTML file that opens anywhere: text, tables, and pictures inlined as PNG. */
#ifndef SD_TOOLS_SHOW_HTML_H
#define SD_TOOLS_SHOW_HTML_H

#include "tap_view.h"
#include "tensor/error.h"
#include "weights/files/json_text.h"

/* The head, with the style of all reports, and the title as heading; the end. */
void html_begin(JsonText *t, const char *title);
void html_end(JsonText *t);
/* Text, with & < > " as entities. */
void html_text(JsonText *t, const char *s);
/* rgb[h][w][3], shown `times` times as large with hard edges. False: out of memory, in e. */
bool html_picture(JsonText *t, const uint8_t *rgb, int w, int h, int times, const char *alt, Error *e);
/* A tap as tap_draw has it, with a caption of name, shape and statistics below it. */
bool html_tap(JsonText *t, const TapView *v, const TapStats *s, int cell, Error *e);

#endif
