/* explain.c: `sdc explain -p PROMPT -o run.html`: a run told step by step: what each part was given, what came of it,
 * how it looks and how long it took, in one page with its pictures inside. */
#include "sd/load/model.h"
#include "sd/prompt/prompt.h"
#include "sd/sampling/sampler.h"
#include "sd/sd.h"
#include "tensor/os.h"
#include "tools/cli/commands.h"
#include "tools/cli/options/network_options.h"
#include "tools/cli/options/options.h"
#include "tools/cli/options/short_run.h"
#include "tools/cli/output.h"
#include "tools/cli/progress.h"
#include "tools/cli/options/setting_option.h"
#include "tools/show/html.h"
#include "weights/files/file_open.h"
#include "weights/files/text_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    ShortRun run;
    char *prompt;
} Arguments;

static const Option OPTIONS[] = {
    OPTION(TEXT, prompt, 'p', "prompt", "TEXT", "the prompt; @FILE reads it, - reads stdin, @@x is @x"),
    OPTION(STRING, run.out, 'o', "out", "FILE", "the page; - is standard output (explain.html)"),
    OPTION_ROWS(run, short_run_rows),
    OPTION_IN(INT64, run.request.seed, 0, "seed", "N", 0, 4294967295, "the seed (1)"),
    OPTION_ROWS(run.open, model_rows),
    OPTION_END};

enum { UNET_CELL = 48, OTHER_CELL = 64, PREVIEW = 128, MOST_SHOWN = 24 };

/* The page's parts, which are filled in the order of the computation. */
typedef struct {
    const Arguments *a;
    const SdRequest *r;
    JsonText text, noise, steps, unet, table, words, vae;
    double last; /* when the activation before was there */
    Error e;
    Progress progress;
} Story;

static bool starts(const char *name, const char *with) { return !strncmp(name, with, strlen(with)); }

/* The step whose U-Net is shown: where a picture can be seen and is not finished. */
static int shown_step(const SdRequest *r) { return r->steps * 2 / 5; }

static int times_for(int width) { return width < PREVIEW ? PREVIEW / width : 1; }

static void add_row(JsonText *t, const TapView *v, const TapStats *s, double seconds) {
    json_text(t, "<tr><td>");
    html_text(t, v->name);
    json_text(t, "<td>[");
    for (int i = 0; i < v->nd; i++) json_text(t, "%s%lld", i ? "," : "", (long long)v->n[i]);
    json_text(
        t,
        "]<td class=\"n\">%.3g<td class=\"n\">%.3g<td class=\"n\">%.3g<td class=\"n\">%.3g<td class=\"n\">%.2f</tr>\n",
        s->mean, s->deviation, s->min, s->max, 1e3 * seconds);
}

static bool add_latents(Story *s, const TapView *v, const TapStats *n) {
    int step = atoi(v->name + strlen("latents.step")), h = (int)v->n[2], w = (int)v->n[3], times = times_for(w);
    if (s->r->steps > MOST_SHOWN && step % ((s->r->steps + MOST_SHOWN - 1) / MOST_SHOWN) && step + 1 != s->r->steps)
        return true;
    if (v->n[1] < 3) return true;
    uint8_t *rgb = malloc((size_t)(w * times) * (size_t)(h * times) * 3);
    if (!rgb) return error_set(&s->e, ERR_MEMORY, "out of memory for the page");
    tap_draw_latents(v->values, h, w, n->rms, times, rgb);
    json_text(&s->steps, "<figure>");
    bool ok = html_picture(&s->steps, rgb, w * times, h * times, 1, v->name, &s->e);
    json_text(&s->steps, "<figcaption>after step %d: latents, std %.3g</figcaption></figure>\n", step + 1,
              n->deviation);
    free(rgb);
    return ok;
}

static bool hear(void *user, const char *name, int nd, const int64_t *n, const float *values) {
    Story *s = user;
    double now = os_clock(), took = now - s->last;
    TapView v = {name, nd, n, values};
    char unet[64];
    snprintf(unet, sizeof unet, "unet.step%03d.", shown_step(s->r));
    bool inside = starts(name, unet), ok = true;
    if (inside || starts(name, "vae.") || starts(name, "text_model") || !strcmp(name, "noise") ||
        starts(name, "latents.")) {
        TapStats stats = tap_stats(&v);
        if (inside) add_row(&s->table, &v, &stats, took);
        if (inside) ok = html_tap(&s->unet, &v, &stats, UNET_CELL, &s->e);
        else if (starts(name, "vae.")) ok = html_tap(&s->vae, &v, &stats, OTHER_CELL, &s->e);
        else if (starts(name, "latents.")) ok = add_latents(s, &v, &stats);
        else ok = html_tap(*name == 'n' ? &s->noise : &s->text, &v, &stats, OTHER_CELL, &s->e);
    }
    s->last = os_clock(); /* without the time to draw it */
    return ok;
}

static bool see(void *user, const SdPicture *p, int step, int steps) {
    Story *s = user;
    if (steps > MOST_SHOWN && step % ((steps + MOST_SHOWN - 1) / MOST_SHOWN) && step != steps) return true;
    char alt[64];
    snprintf(alt, sizeof alt, "after step %d", step);
    json_text(&s->steps, "<figure>");
    bool ok = html_picture(&s->steps, p->rgb, p->width, p->height, times_for(p->width), alt, &s->e);
    json_text(&s->steps, "<figcaption>the picture that the network expects</figcaption></figure>\n");
    s->last = os_clock();
    return ok;
}

static bool look(void *user, const SdAttention *maps) {
    Story *s = user;
    const SdAttentionLayer *all = &maps->all;
    int times = times_for(all->width), plane = all->width * all->height;
    uint8_t *rgb = malloc((size_t)plane * (size_t)(times * times) * 3);
    bool ok = rgb || error_set(&s->e, ERR_MEMORY, "out of memory for the page");
    for (int i = 0; ok && i < maps->word_count; i++) {
        const int64_t n[2] = {all->height, all->width};
        const TapView v = {maps->words[i].text, 2, n, all->values + (size_t)i * (size_t)plane};
        TapStats stats = tap_stats(&v);
        tap_draw_map(v.values, all->height, all->width, stats.rms, times, rgb);
        json_text(&s->words, "<figure>");
        ok = html_picture(&s->words, rgb, all->width * times, all->height * times, 1, v.name, &s->e);
        json_text(&s->words, "<figcaption><b>");
        html_text(&s->words, v.name);
        json_text(&s->words, "</b> %.2f..%.2f</figcaption></figure>\n", stats.min, stats.max);
    }
    free(rgb);
    s->last = os_clock();
    return ok;
}

static bool show_progress(void *user, const SdProgress *p) { return progress_show(&((Story *)user)->progress, p); }

/* --- the page --- */

/* The embedding whose vector stands at place i of a text's first chunk; NULL: a token stands there. */
static const char *vector_at(const SdModel *m, const PromptText *text, int i) {
    for (int64_t k = 0; k < text->fix_count; k++) {
        const PromptFix *f = &text->fixes[k];
        if (!f->chunk && i >= f->at && i < f->at + m->embeddings.words[f->word].vectors)
            return m->embeddings.at[f->word].name;
    }
    return NULL;
}

/* [a:b:when] counts calls of the network, as in generation.c. */
static int calls_of(const SdRequest *r) {
    const Sampler *s = r->sampler ? sampler_find(r->sampler) : NULL;
    return s && s->flags & SAMPLER_TWO_CALLS ? 2 * r->steps : r->steps;
}

/* The texts of a prompt that has several. */
static void tell_texts(JsonText *t, const Prompt *p, int calls) {
    json_text(t,
              "<p>The text changes while the picture is drawn; the network is called %d times. Above is the first "
              "text.</p>\n<ul>\n",
              calls);
    for (int b = 0; b < p->branch_count; b++) {
        const PromptBranch *of = &p->branches[b];
        for (int i = 0; i < of->count; i++) {
            json_text(t, "<li>");
            if (p->branch_count > 1) json_text(t, "prompt %d, weight %g, ", b + 1, of->weight);
            json_text(t, "until call %d: <code>", of->spans[i].until);
            html_text(t, p->texts[of->spans[i].text].text);
            json_text(t, "</code>\n");
        }
    }
    json_text(t, "</ul>\n");
}

static void tell_tokens(JsonText *t, const SdModel *m, const Story *s, Error *e) {
    Prompt p = {0};
    Tokenizer *k = tokenizer_new();
    PromptOptions o = {.rules = clip_rules(&m->config.clip[0]),
                       .pad = TOKEN_EOS,
                       .steps = calls_of(s->r),
                       .words = m->embeddings.words,
                       .word_count = m->embeddings.word_count};
    bool ok = k || error_set(e, ERR_MEMORY, "out of memory for the tokenizer");
    if (ok && prompt_compile(&p, k, s->a->prompt, &o, e) && p.text_count && p.texts[0].count) {
        const PromptChunk *c = &p.texts[0].chunks[0];
        json_text(t, "<table><tr><th>token<th>number<th>weight</tr>\n");
        for (int i = 1; i <= c->count; i++) {
            char spelling[256], number[16];
            const char *vector = vector_at(m, &p.texts[0], i);
            snprintf(number, sizeof number, "%d", (int)c->ids[i]);
            json_text(t, "<tr><td><code>");
            html_text(t, vector ? vector : tokenizer_token(k, c->ids[i], spelling, sizeof spelling));
            json_text(t, "</code><td class=\"n\">%s<td class=\"n\">%g</tr>\n", vector ? "vector" : number,
                      (double)c->weights[i]);
        }
        json_text(t, "</table>\n");
        if (p.texts[0].count > 1) json_text(t, "<p>and %lld more chunks of 75.</p>\n", (long long)p.texts[0].count - 1);
        if (p.text_count > 1) tell_texts(t, &p, o.steps);
    }
    prompt_free(&p);
    tokenizer_free(k);
}

static void part(JsonText *t, const char *heading, const char *words, const JsonText *body, bool row) {
    json_text(t, "<h2>%s</h2>\n<p>%s</p>\n", heading, words);
    if (!body->p) return;
    json_text(t, row ? "<div class=\"row\">%s</div>\n" : "%s", body->p);
}

static bool write_page(const Story *s, const SdModel *m, const SdResult *result, double seconds, Error *e) {
    const SdPicture *p = &result->pictures[0];
    JsonText t = {0}, tokens = {0}, picture = {0};
    char words[512];
    tell_tokens(&tokens, m, s, e);
    bool ok = !e->code && html_picture(&picture, p->rgb, p->width, p->height, times_for(p->width), "the picture", e);
    html_begin(&t, s->a->prompt);
    json_text(&t, "<p>How this picture was made, step by step. %s</p>\n<pre>", picture.p ? picture.p : "");
    html_text(&t, p->parameters ? p->parameters : "");
    json_text(&t, "</pre>\n<p>Maps below are blue below zero, white at zero, red above; under them is the histogram of "
                  "all numbers of "
                  "the tensor, from the smallest to the largest, with a line at zero. Shapes are [pictures, channels, "
                  "height, width]; where "
                  "the first is 2, the negative prompt comes first and the prompt second.</p>\n");
    part(&t, "1. Words become tokens",
         "The prompt is cut into pieces of a vocabulary of 49,408. The network is given 77 of them: a start, "
         "these, and ends for the rest.",
         &tokens, false);
    snprintf(words, sizeof words,
             "The text encoder makes of each token a vector that knows of the tokens before it: %.3f s. A row of this "
             "map is a token, a column a channel.",
             result->text_seconds);
    part(&t, "2. Tokens become text states", words, &s->text, true);
    part(&t, "3. The seed becomes noise",
         "Latents of nothing but noise: random numbers with mean 0 and standard deviation 1, which the "
         "seed decides.",
         &s->noise, true);
    snprintf(words, sizeof words,
             "%d steps of %s in %.3f s. In each, the U-Net says what lies behind the noise, once for each prompt; "
             "the difference of its answers is taken %g times; and the latents move a little in that direction. "
             "Latents are drawn with "
             "three of their channels as red, green and blue.",
             s->r->steps, s->r->sampler ? s->r->sampler : "the sampler", result->sample_seconds, s->r->cfg);
    part(&t, "4. Noise becomes latents", words, &s->steps, true);
    snprintf(
        words, sizeof words,
        "Step %d from within. Down to smaller maps with more channels, and up again; of each the first nine channels.",
        shown_step(s->r) + 1);
    part(&t, "5. Inside the U-Net", words, &s->unet, true);
    json_text(&t, "<table><tr><th>activation<th>shape<th>mean<th>std<th>min<th>max<th>ms</tr>\n%s</table>\n",
              s->table.p ? s->table.p : "");
    part(&t, "6. Where the words were looked at",
         "How much of its attention each place gave to each word, as a mean over all layers and steps.", &s->words,
         true);
    snprintf(words, sizeof words, "The VAE's decoder, from the latents to the pixels: %.3f s.", result->decode_seconds);
    part(&t, "7. Latents become pixels", words, &s->vae, true);
    json_text(&t, "<p>All of it took %.2f s, with the pictures of this page.</p>\n", seconds);
    html_end(&t);
    const JsonText *const all[] = {&t,        &tokens,  &picture,  &s->text,  &s->noise,
                                   &s->steps, &s->unet, &s->table, &s->words, &s->vae};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i]->failed) ok = error_set(e, ERR_MEMORY, "%s: out of memory", file_shown(s->a->run.out));
    ok = ok && json_text_write(&t, s->a->run.out, e);
    free(t.p);
    free(tokens.p);
    free(picture.p);
    return ok;
}

static int tell(const Command *c, const Arguments *a, SdModel *m) {
    SdRequest r = a->run.request, usual = sd_request(m);
    Story s = {.a = a, .r = &r, .last = os_clock()};
    SdResult result = {0};
    Error e = {0};
    double begun = os_clock();
    r.prompt = a->prompt;
    params_adopt(&r, &usual);
    model_note_ignored(&a->run.open, m, &r);
    progress_begin(&s.progress, a->run.open.quiet, 1);
    r.progress = show_progress, r.activation = hear, r.preview = see, r.attention = look, r.user = &s;
    bool ok = networks_note(m, &r, a->run.open.quiet, &e) && sd_txt2img(m, &r, &result, &e);
    progress_clear(&s.progress);
    if (s.e.code) e = s.e;
    ok = ok && !e.code && write_page(&s, m, &result, os_clock() - begun, &e);
    sd_free(&result);
    JsonText *const parts[] = {&s.text, &s.noise, &s.steps, &s.unet, &s.table, &s.words, &s.vae};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) free(parts[i]->p);
    if (!ok) return report_request(c, &e);
    if (!a->run.open.quiet) printf("%s: %.1f s\n", file_shown(a->run.out), os_clock() - begun);
    return finish_output();
}

static int explain(const Command *c, int argc, char **argv) {
    Arguments a = {short_run("explain.html"), NULL};
    Error e = {0};
    int rest = 0, code = options_parse(c, &a, argc, argv, &rest);
    if (code == GO_ON && rest) code = usage_error(c, "unexpected argument '%.60s'; the prompt follows -p", argv[0]);
    if (code == GO_ON && !a.prompt) code = usage_error(c, "no prompt; give one with -p");
    if (code == GO_ON) code = short_run_check(c, &a.run, argc, argv);
    if (code == GO_ON) {
        SdModel *m = short_run_open(&a.run, &e);
        code = m ? tell(c, &a, m) : report(c, &e);
        sd_close(m);
    }
    options_free(c, &a);
    return code;
}

const Command EXPLAIN = {"explain",
                         explain,
                         "-p PROMPT [options]",
                         "tell how a picture is made, step by step, in a page",
                         "The page is one HTML file with its pictures inside: tokens, text states, noise, the picture "
                         "after each step, the U-Net's maps "
                         "with their shapes, statistics and times, where words drew attention, the VAE. A preview is "
                         "decoded after each step, so "
                         "large pictures take longer than by txt2img.",
                         OPTIONS};
