#include "html.h"

#include "sd/image/codecs/png.h"
#include "weights/files/base64.h"

#include <stdlib.h>

static const char HEAD[] =
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" "
    "content=\"width=device-width\"><style>\n"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 "
    "1rem;color:#222;background:#fff}\n"
    "h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2.2rem;border-bottom:1px solid #ddd}\n"
    "table{border-collapse:collapse;font-size:.85rem}td,th{padding:.15rem .7rem .15rem 0;text-align:left}\n"
    "td.n{text-align:right;font-variant-numeric:tabular-nums}.bad{color:#b2182b}code{font-size:.9em;background:#f3f3f3}"
    "\n"
    ".row{display:flex;flex-wrap:wrap;gap:.8rem;align-items:flex-end}figure{margin:0;font-size:.75rem;color:#555}\n"
    "img{image-rendering:pixelated;display:block;max-width:100%}figcaption{overflow-wrap:anywhere}pre{white-space:pre-"
    "wrap}\n"
    "</style><title>";

void html_text(JsonText *t, const char *s) {
    for (; *s; s++) {
        const char *entity = *s == '&'   ? "&amp;"
                             : *s == '<' ? "&lt;"
                             : *s == '>' ? "&gt;"
                             : *s == '"' ? "&quot;"
                                         : NULL;
        if (entity) json_text(t, "%s", entity);
        else json_text(t, "%c", *s);
    }
}

void html_begin(JsonText *t, const char *title) {
    json_text(t, "%s", HEAD);
    html_text(t, title);
    json_text(t, "</title>\n<h1>");
    html_text(t, title);
    json_text(t, "</h1>\n");
}

void html_end(JsonText *t) { json_text(t, "</html>\n"); }

bool html_picture(JsonText *t, const uint8_t *rgb, int w, int h, int times, const char *alt, Error *e) {
    uint8_t *png;
    size_t size;
    if (!png_encode(rgb, w, h, NULL, 0, &png, &size, e)) return false;
    char *text = malloc(base64_size(size) + 1);
    if (text) {
        base64_write(png, size, text);
        json_text(t, "<img width=\"%d\" height=\"%d\" alt=\"", w * times, h * times);
        html_text(t, alt);
        json_text(t, "\" src=\"data:image/png;base64,%s\">", text);
    }
    free(png);
    free(text);
    return (text && !t->failed) || error_set(e, ERR_MEMORY, "out of memory for the report");
}

bool html_tap(JsonText *t, const TapView *v, const TapStats *s, int cell, Error *e) {
    int w = tap_width(cell), h = tap_height(cell);
    uint8_t *rgb = malloc((size_t)w * (size_t)h * 3);
    if (!rgb) return error_set(e, ERR_MEMORY, "out of memory for the report");
    tap_draw(v, s, cell, rgb);
    json_text(t, "<figure style=\"width:%dpx\">", w);
    bool ok = html_picture(t, rgb, w, h, 1, v->name, e);
    free(rgb);
    json_text(t, "<figcaption>");
    html_text(t, v->name);
    json_text(t, " [");
    for (int i = 0; i < v->nd; i++) json_text(t, "%s%lld", i ? "," : "", (long long)v->n[i]);
    json_text(t, "] %.3g..%.3g, std %.3g</figcaption></figure>\n", s->min, s->max, s->deviation);
    return ok;
}
