#include "diff_html.h"

#include "tools/show/html.h"
#include "weights/files/atomic_file.h"
#include "weights/files/file_open.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WIDE = 920, HIGH = 240, LEFT = 60, BELOW = 26, SHOWN = 4, CELL = 80 };
static const double LEAST = 1e-9, MOST = 10; /* of the chart: below and above is drawn at its edge */

/* A logarithmic place, from the chart's top. */
static double place(double v) {
    double share = log10(fmin(fmax(v, LEAST), MOST) / LEAST) / log10(MOST / LEAST);
    return 8 + (1 - share) * (HIGH - BELOW - 8);
}

static void chart(JsonText *t, const DiffRow *rows, size_t count, double bound) {
    json_text(t, "<svg viewBox=\"0 0 %d %d\" font-size=\"12\" role=\"img\"><title>relative RMS by tensor</title>\n",
              WIDE, HIGH);
    for (double v = LEAST; v <= MOST * 1.5; v *= 100) {
        json_text(t, "<path d=\"M%d %.1fH%d\" stroke=\"#e4e4e4\"/>", LEFT, place(v), WIDE);
        json_text(t, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.0e</text>\n", LEFT - 6, place(v) + 4, v);
    }
    json_text(t, "<path d=\"M%d %.1fH%d\" stroke=\"#b2182b\" stroke-dasharray=\"5 4\"/>\n", LEFT, place(bound), WIDE);
    for (size_t i = 0; i < count; i++) {
        double x = LEFT + 4 + (double)i * (WIDE - LEFT - 8) / (double)(count > 1 ? count - 1 : 1);
        double v = rows[i].is.why || isnan(rows[i].is.relative) ? INFINITY : rows[i].is.relative;
        json_text(t, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.2\" fill=\"%s\"><title>", x, place(v),
                  rows[i].apart ? "#b2182b" : "#2166ac");
        html_text(t, rows[i].a->name);
        json_text(t, " %.3e</title></circle>\n", v);
    }
    json_text(t, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">tensors, in the order of A</text></svg>\n",
              (WIDE + LEFT) / 2, HIGH - 6);
    json_text(t,
              "<p>Relative RMS of each tensor: rms(A − B) / rms(B), logarithmic; the dashed line is the bound %g. "
              "Point at a dot "
              "for its name. What cannot be compared is at the top.</p>\n",
              bound);
}

static bool draw(JsonText *t, const char *name, const FileTensor *of, const float *values, Error *e) {
    TapView v = {name, of->nd, of->n, values};
    TapStats s = tap_stats(&v);
    return html_tap(t, &v, &s, CELL, e);
}

/* A, B and A - B of a pair of one shape; no picture of what cannot be read as numbers. */
static bool pair(JsonText *t, const WeightFile *fa, const WeightFile *fb, const DiffRow *r, Error *e) {
    int64_t count = file_tensor_count(r->a);
    json_text(t, "<h3>");
    html_text(t, r->a->name);
    json_text(t, "</h3>\n");
    if (r->is.why && count != file_tensor_count(r->b)) {
        json_text(t, "<p>");
        html_text(t, r->is.why);
        json_text(t, "</p>\n");
        return true;
    }
    bool fits = (uint64_t)count < SIZE_MAX / sizeof(float) - 1; /* of a 32-bit address space */
    size_t bytes = fits ? ((size_t)count + 1) * sizeof(float) : 0;
    float *a = fits ? malloc(bytes) : NULL, *b = fits ? malloc(bytes) : NULL;
    bool ok = (a && b) || error_set(e, ERR_MEMORY, "%s: out of memory for its pictures", r->a->name);
    if (ok && file_tensor_f32(fa, r->a, a) && file_tensor_f32(fb, r->b, b)) {
        json_text(t, "<div class=\"row\">\n");
        ok = draw(t, "A", r->a, a, e) && draw(t, "B", r->b, b, e);
        for (int64_t i = 0; i < count; i++) a[i] -= b[i];
        ok = ok && draw(t, "A - B", r->a, a, e);
        json_text(t, "</div>\n");
    }
    free(a);
    free(b);
    return ok;
}

static void table(JsonText *t, const DiffRow *rows, size_t count) {
    json_text(t, "<table><tr><th>tensor<th>shape<th>relative RMS<th>max<th>cosine</tr>\n");
    for (size_t i = 0; i < count; i++) {
        const DiffRow *r = &rows[i];
        json_text(t, "<tr%s><td>", r->apart ? " class=\"bad\"" : "");
        html_text(t, r->a->name);
        json_text(t, "<td>[");
        for (int k = 0; k < r->a->nd; k++) json_text(t, "%s%lld", k ? "," : "", (long long)r->a->n[k]);
        json_text(t, "]");
        if (r->is.why) {
            json_text(t, "<td colspan=\"3\">");
            html_text(t, r->is.why);
            json_text(t, "</tr>\n");
        } else
            json_text(t, "<td class=\"n\">%.3e<td class=\"n\">%.3e<td class=\"n\">%.9f</tr>\n", r->is.relative,
                      r->is.max, r->is.cosine);
    }
    json_text(t, "</table>\n");
}

bool diff_html(const char *path, const WeightFile *a, const WeightFile *b, const DiffRow *rows, size_t count,
               double bound, Error *e) {
    JsonText t = {0};
    size_t apart = 0, shown = 0;
    const DiffRow *picture = NULL;
    bool ok = true;
    for (size_t i = 0; i < count; i++) {
        apart += rows[i].apart;
        if (rows[i].a->nd == 4 && rows[i].a->n[1] == 3 && !rows[i].is.why) picture = &rows[i];
    }
    html_begin(&t, apart ? "Where two runs part" : "Two runs that agree");
    json_text(&t, "<p>A is <code>");
    html_text(&t, a->path);
    json_text(&t, "</code>, B is <code>");
    html_text(&t, b->path);
    json_text(&t, "</code>: %zu tensors compared, %zu apart.</p>\n", count, apart);
    chart(&t, rows, count, bound);
    if (apart)
        json_text(&t, "<h2>The first that are apart</h2>\n<p>Maps are blue below zero, white at zero, red above, each "
                      "on a scale of its own.</p>\n");
    for (size_t i = 0; ok && i < count && shown < SHOWN; i++)
        if (rows[i].apart) shown++, ok = pair(&t, a, b, &rows[i], e);
    if (picture) json_text(&t, "<h2>The picture</h2>\n");
    ok = ok && (!picture || pair(&t, a, b, picture, e));
    json_text(&t, "<h2>All tensors</h2>\n");
    table(&t, rows, count);
    html_end(&t);
    ok = ok && json_text_write(&t, path, e);
    free(t.p);
    return ok;
}
