/* plain.c: all of Stable Diffusion 1.x in one file: from a checkpoint and a prompt to a picture.
 *
 *     plain MODEL.safetensors PROMPT PICTURE.png [-n NEGATIVE] [--seed 1] [--steps 20] [--cfg 3] [--size 64]
 *           [--taps FILE.safetensors]
 *
 * Read it from top to bottom. Every function begins with its formula and its shapes; loops are the formula's sums, in
 * their order. Nothing is done for speed: what the rest of the tree does for it, and where, is said beside each
 * function ("fast: FILE"). It needs libc and the table of CLIP's vocabulary: cc -O2 -I. sd/guide/plain.c -lm
 *
 * The picture is made in five steps, one function each, which main() calls:
 *
 *   tokenize    the prompt becomes 77 numbers, each the row of a table
 *   clip        the rows of that table become 77 vectors that know of each other: the text states
 *   noise       the seed becomes a small picture of pure noise: the latents, [4][size/8][size/8]
 *   unet        says, of latents with noise in them, which part is noise; asked once a step for two texts, and the
 *               sampler (euler) removes a little of it each time
 *   vae         the clean latents become pixels
 *
 * --taps writes every named activation, so that `sdc diff` can hold it to the same activation of another program. */
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* === 1. Numbers and memory ======================================================================================== */

/* N maps of C channels: element (n, c, y, x) is at[((n * C + c) * H + y) * W + x]. Text states are rows: [N][1][T][C].
 */
typedef struct {
    int n, c, h, w;
    float *at;
} Map;

/* A tensor of the checkpoint, as 32-bit floats in torch's order. */
typedef struct {
    char name[160];
    char type[8];
    int nd, n[4];
    size_t begin, end; /* in the file */
    float *at;         /* NULL until it is first asked for */
} Weight;

typedef struct {
    unsigned char *file;
    size_t size;
    char *config;  /* sdc.config of FORMAT.md; NULL in files of other programs */
    char *tokens;  /* sdc.tokens; NULL: the table has a row for every token */
    int converted; /* convolutions are stored as [out][y][x][in] */
    int groups, unet_heads, clip_heads, v_prediction;
    double vae_scale;
    Weight *weights;
    int count;
    void **blocks; /* memory in use, the newest last */
    size_t used, room;
    FILE *taps; /* values of taps, and their header so far; NULL: not asked for */
    char *header;
    size_t header_size, tap_bytes;
} Sd;

static void die(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fprintf(stderr, "plain: ");
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    exit(1);
}

static void *allocate(Sd *m, size_t bytes) {
    if (m->used == m->room) {
        m->room = m->room ? 2 * m->room : 256;
        m->blocks = realloc(m->blocks, m->room * sizeof *m->blocks);
        if (!m->blocks) die("out of memory");
    }
    void *p = calloc(1, bytes ? bytes : 1);
    if (!p) die("out of memory");
    return m->blocks[m->used++] = p;
}

static Map map_new(Sd *m, int n, int c, int h, int w) {
    return (Map){n, c, h, w, allocate(m, (size_t)n * (size_t)c * (size_t)h * (size_t)w * sizeof(float))};
}

/* Where channel c of picture n begins; where row t of text n begins. */
static float *plane(Map a, int n, int c) { return a.at + (size_t)(n * a.c + c) * (size_t)(a.h * a.w); }
static float *row(Map a, int n, int t) { return a.at + (size_t)(n * a.h + t) * (size_t)a.w; }

static size_t count_of(Map a) { return (size_t)a.n * (size_t)a.c * (size_t)a.h * (size_t)a.w; }

/* Frees what was allocated since `mark` (a former m->used), except `kept`. fast: an arena planned before the run
 * (tensor/ctx.c). */
static Map release(Sd *m, size_t mark, Map kept) {
    size_t last = mark;
    for (size_t i = mark; i < m->used; i++)
        if (m->blocks[i] == kept.at) m->blocks[last++] = kept.at;
        else free(m->blocks[i]);
    m->used = last;
    return kept;
}

/* === 2. The checkpoint: safetensors =============================================================================== */

/* The file: 8 bytes, the header's length N; N bytes of JSON, {"NAME":{"dtype":"F16","shape":[2,3],
 * "data_offsets":[0,12]},...}; the tensors' bytes. */
static const char *string(const char *p, char *out, size_t size) {
    size_t n = 0;
    if (*p++ != '"') die("the checkpoint's header is not JSON as safetensors writes it");
    for (; *p && *p != '"'; p++) {
        if (*p == '\\' && p[1]) p++;
        if (n + 1 < size) out[n++] = *p;
    }
    out[n] = 0;
    return p + (*p == '"');
}

static const char *skip(const char *p, const char *marks) { return p + strspn(p, marks); }

/* The metadata object at p, which has strings only; returns what follows it. */
static const char *read_metadata(Sd *m, const char *p, size_t size) {
    char *key = malloc(size), *value = malloc(size);
    if (!key || !value) die("out of memory");
    for (p = skip(p, "{ ,"); *p == '"'; p = skip(p, " ,")) {
        p = skip(string(p, key, size), " :");
        p = string(p, value, size);
        if (!strcmp(key, "sdc.conv_layout")) m->converted = !strcmp(value, "OHWI");
        char **to = !strcmp(key, "sdc.config") ? &m->config : !strcmp(key, "sdc.tokens") ? &m->tokens : NULL;
        if (to) strcpy(*to = malloc(strlen(value) + 1), value);
    }
    free(key);
    free(value);
    return skip(p, "} ");
}

/* One tensor's description at p. */
static const char *read_entry(const char *p, Weight *w) {
    char key[32];
    for (p = skip(p, "{ ,"); *p == '"'; p = skip(p, " ,")) {
        p = skip(string(p, key, sizeof key), " :");
        if (*p == '"') {
            p = string(p, w->type, sizeof w->type);
            continue;
        }
        unsigned long long numbers[4];
        int n = 0;
        for (p = skip(p, "[ ,"); *p && *p != ']' && n < 4; p = skip(p, " ,")) {
            char *end;
            numbers[n++] = strtoull(p, &end, 10);
            if (end == p) die("%s: the header is damaged", w->name);
            p = end;
        }
        p = skip(p, "]");
        if (!strcmp(key, "shape")) {
            w->nd = n;
            for (int i = 0; i < n; i++) w->n[i] = (int)numbers[i];
        } else w->begin = (size_t)numbers[0], w->end = (size_t)numbers[1];
    }
    return skip(p, "} ");
}

/* The number after "key" in the part "section" of sdc.config; `otherwise` if the file has none. */
static double setting(const Sd *m, const char *section, const char *key, double otherwise) {
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\"", section);
    const char *p = m->config && *section ? strstr(m->config, quoted) : m->config;
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    p = p ? strstr(p, quoted) : NULL;
    if (!p) return otherwise;
    p += strlen(quoted);
    return !strncmp(p, "true", 4) ? 1 : !strncmp(p, "false", 5) ? 0 : strtod(p, NULL);
}

/* fast: weights/formats/safetensors.c, which maps the file */
static void open_model(Sd *m, const char *path) {
    FILE *f = fopen(path, "rb");
    if (!f) die("%s: cannot be opened", path);
    fseek(f, 0, SEEK_END);
    long size = ftell(f);
    rewind(f);
    m->size = size > 0 ? (size_t)size : 0;
    m->file = malloc(m->size + 1);
    if (!m->file || fread(m->file, 1, m->size, f) != m->size) die("%s: cannot be read", path);
    fclose(f);
    uint64_t header = 0;
    for (int i = 0; i < 8 && m->size > 8; i++) header |= (uint64_t)m->file[i] << 8 * i;
    if (m->size < 10 || header > m->size - 8 || m->file[8] != '{') die("%s: is not a safetensors file", path);
    char *json = malloc((size_t)header + 1);
    if (!json) die("out of memory");
    memcpy(json, m->file + 8, (size_t)header);
    json[header] = 0;
    for (const char *p = skip(json, "{ "); *p == '"'; p = skip(p, " ,")) {
        Weight w = {0};
        p = skip(string(p, w.name, sizeof w.name), " :");
        if (!strcmp(w.name, "__metadata__")) {
            p = read_metadata(m, p, (size_t)header + 1);
            continue;
        }
        p = read_entry(p, &w);
        w.begin += 8 + (size_t)header;
        w.end += 8 + (size_t)header;
        if (w.begin > w.end || w.end > m->size) die("%s: %s reaches beyond the end of the file", path, w.name);
        if (m->count % 256 == 0) m->weights = realloc(m->weights, (size_t)(m->count + 256) * sizeof w);
        if (!m->weights) die("out of memory");
        m->weights[m->count++] = w;
    }
    free(json);
    m->groups = (int)setting(m, "unet", "groups", 32);
    m->unet_heads = (int)setting(m, "unet", "heads", 8);
    m->clip_heads = (int)setting(m, "clip", "heads", 12);
    m->vae_scale = setting(m, "vae", "scale", 0.18215);
    m->v_prediction = (int)setting(m, "", "v_prediction", 0);
}

static void close_model(Sd *m) {
    release(m, 0, (Map){0});
    for (int i = 0; i < m->count; i++) free(m->weights[i].at);
    void *all[] = {m->weights, m->blocks, m->file, m->config, m->tokens, m->header};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
    if (m->taps) fclose(m->taps);
}

/* IEEE 754 half precision: sign, 5 bits of exponent, 10 of fraction. */
static float from_f16(unsigned h) {
    int exponent = (int)(h >> 10 & 31), fraction = (int)(h & 1023);
    float v = exponent == 31  ? (fraction ? NAN : INFINITY)
              : exponent == 0 ? ldexpf((float)fraction, -24)
                              : ldexpf((float)(1024 + fraction), exponent - 25);
    return h & 0x8000 ? -v : v;
}

static float number_at(const Weight *w, const unsigned char *p, size_t i) {
    uint32_t bits;
    float v;
    if (!strcmp(w->type, "F16")) return from_f16(p[2 * i] | (unsigned)p[2 * i + 1] << 8);
    if (!strcmp(w->type, "BF16")) bits = (uint32_t)p[2 * i] << 16 | (uint32_t)p[2 * i + 1] << 24;
    else memcpy(&bits, p + 4 * i, 4);
    memcpy(&v, &bits, 4);
    return v;
}

/* The tensor whose name the format makes, as floats in torch's order; NULL: the checkpoint has none. The checkpoint's
 * names are what says how the networks below are built. fast: nn/bind.c, sd/load/weights.c. */
static const Weight *find(Sd *m, const char *format, ...) {
    char name[160];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    Weight *w = m->weights;
    while (w < m->weights + m->count && strcmp(w->name, name)) w++;
    if (w == m->weights + m->count) return NULL;
    if (w->at) return w;
    size_t count = 1, width = !strcmp(w->type, "F32") ? 4 : 2;
    for (int i = 0; i < w->nd; i++) count *= (size_t)w->n[i];
    if (strcmp(w->type, "F32") && strcmp(w->type, "F16") && strcmp(w->type, "BF16"))
        die("%s: is %s; only F32, F16 and BF16 are read here", name, w->type);
    if (w->end - w->begin != count * width) die("%s: has another size than its shape says", name);
    w->at = malloc(count * sizeof *w->at);
    if (!w->at) die("out of memory");
    int turn = m->converted && w->nd == 4; /* [o][y][x][i] to [o][i][y][x] */
    if (turn) {
        int in = w->n[3];
        w->n[3] = w->n[2], w->n[2] = w->n[1], w->n[1] = in;
    }
    size_t inputs = turn ? (size_t)w->n[1] : 1, pixels = turn ? (size_t)w->n[2] * (size_t)w->n[3] : 1;
    for (size_t i = 0; i < count; i++) {
        size_t o = i / (inputs * pixels), in = i / pixels % inputs, pixel = i % pixels;
        w->at[i] = number_at(w, m->file + w->begin, turn ? (o * pixels + pixel) * inputs + in : i);
    }
    return w;
}

/* The same; it must be there. part: "weight" or "bias" of the layer `name` below `path`. */
static const Weight *need(Sd *m, const char *path, const char *name, const char *part) {
    const Weight *w = find(m, "%s.%s.%s", path, name, part);
    if (!w) die("the checkpoint has no %s.%s.%s; only the SD 1.x family is read here", path, name, part);
    return w;
}

/* === 3. Taps: activations, to compare ============================================================================= */

/* Adds a map under its name, as [N][C][H][W], or rows as [N][T][C], or vectors as [N][C]: 4, 3 or 2 dimensions. fast:
 * sd/pipeline/taps.c */
static void tap(Sd *m, Map a, int dims, const char *format, ...) {
    if (!m->taps) return;
    char name[160], entry[320], shape[64];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    size_t bytes = count_of(a) * sizeof(float);
    int sizes[] = {a.n, a.c, a.h, a.w};
    for (int i = 0, at = 0; i < 4; i++)
        if (!i || i >= 5 - dims) at += snprintf(shape + at, sizeof shape - (size_t)at, i ? ",%d" : "%d", sizes[i]);
    int n = snprintf(entry, sizeof entry, "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[%s],\"data_offsets\":[%zu,%zu]}",
                     m->header_size ? "," : "{", name, shape, m->tap_bytes, m->tap_bytes + bytes);
    m->header = realloc(m->header, m->header_size + (size_t)n + 1);
    if (!m->header) die("out of memory");
    memcpy(m->header + m->header_size, entry, (size_t)n + 1);
    m->header_size += (size_t)n;
    m->tap_bytes += bytes;
    if (fwrite(a.at, 1, bytes, m->taps) != bytes) die("cannot write activations");
}

static void write_taps(Sd *m, const char *path) {
    FILE *f = fopen(path, "wb");
    size_t padded = (m->header_size + 1 + 7) / 8 * 8; /* with '}' and spaces to a multiple of 8 */
    unsigned char length[8];
    for (int i = 0; i < 8; i++) length[i] = (unsigned char)((uint64_t)padded >> 8 * i);
    if (!f) die("%s: cannot be written", path);
    fwrite(length, 1, 8, f);
    fwrite(m->header, 1, m->header_size, f);
    fprintf(f, "}%*s", (int)(padded - m->header_size - 1), "");
    rewind(m->taps);
    char piece[4096];
    for (size_t n; (n = fread(piece, 1, sizeof piece, m->taps)) > 0;) fwrite(piece, 1, n, f);
    if (ferror(f) | fclose(f)) die("%s: cannot be written", path);
}

/* === 4. Words to tokens =========================================================================================== */

/* Byte-pair encoding: a word is its bytes, the last one marked as an end; then, of all neighbours that the table
 * merges, the pair that stands first in the table becomes one token, until none is left. Token 512 + k is what pair k
 * becomes. */
static const uint16_t MERGES[][2] = {
#include "sd/text/vocabulary.inc"
};
enum { MERGE_COUNT = sizeof MERGES / sizeof *MERGES, FIRST_MERGED = 512, START = 49406, END = 49407, CHUNK = 77 };

/* The id of a byte: printable ones come first, then the others. 256 more: it ends a word. */
static int byte_id(int b) {
    if (b >= 33 && b < 127) return b - 33;
    if (b >= 161 && b < 173) return b - 161 + 94;
    if (b >= 174) return b - 174 + 106;
    return 188 + (b < 33 ? b : b < 161 ? b - 127 + 33 : 67);
}

static int merge_of(int a, int b) {
    for (int k = 0; k < MERGE_COUNT; k++)
        if (MERGES[k][0] == a && MERGES[k][1] == b) return k;
    return MERGE_COUNT;
}

/* fast: sd/text/bpe.c, by a hash table and a heap */
static int merge_word(int *ids, int n) {
    for (;;) {
        int best = MERGE_COUNT, at = 0;
        for (int i = 0; i + 1 < n; i++) {
            int k = merge_of(ids[i], ids[i + 1]);
            if (k < best) best = k, at = i;
        }
        if (best == MERGE_COUNT) return n;
        ids[at] = FIRST_MERGED + best;
        memmove(ids + at + 1, ids + at + 2, (size_t)(n - at - 2) * sizeof *ids);
        n--;
    }
}

enum { SPACE, LETTER, DIGIT, MARK };

static int kind_of(int c) {
    if (c >= '0' && c <= '9') return DIGIT;
    if ((c >= 'a' && c <= 'z') || c >= 128) return LETTER;
    return c == ' ' || (c >= '\t' && c <= '\r') ? SPACE : MARK;
}

static int small(char c) { return c >= 'A' && c <= 'Z' ? c + 32 : (unsigned char)c; }

/* text -> ids[77]: the start token, at most 75 of the text, end tokens. A word is a run of letters, one digit, or a
 * run of other marks; capitals count as small letters. Left out: contractions ('s), what Unicode calls a space or a
 * capital, HTML, emphasis. fast: sd/text/tokenizer.c, sd/text/text_clean.c */
static void tokenize(const char *text, int ids[CHUNK]) {
    int count = 1, word[256];
    ids[0] = START;
    for (const char *p = text; *p && count < CHUNK - 1;) {
        int n = 0, kind = kind_of(small(*p));
        do word[n++] = byte_id(small(*p++));
        while (*p && n < 256 && kind != DIGIT && kind_of(small(*p)) == kind);
        if (kind == SPACE) continue;
        word[n - 1] += 256;
        n = merge_word(word, n);
        for (int i = 0; i < n && count < CHUNK - 1; i++) ids[count++] = word[i];
    }
    while (count < CHUNK) ids[count++] = END;
}

/* A small checkpoint's table has rows for some tokens only, which it lists; row 0 is for all others. */
static int row_of(const Sd *m, int id) {
    if (!m->tokens) return id;
    int row = 1;
    for (const char *p = m->tokens; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL, row++)
        if (atoi(p) == id) return row;
    return 0;
}

/* === 5. Layers ==================================================================================================== */

/* y[t][o] = b[o] + sum_k w[o][k] x[t][k]: rows [T][K] to [T][O]. fast: tensor/cpu/linear.c */
static Map linear(Sd *m, Map x, const char *path, const char *name) {
    const Weight *w = need(m, path, name, "weight"), *b = find(m, "%s.%s.bias", path, name);
    Map y = map_new(m, x.n, x.c, x.h, w->n[0]);
    if (w->n[1] != x.w) die("%s.%s: expects %d inputs, and gets %d", path, name, w->n[1], x.w);
    for (int t = 0; t < x.n * x.h; t++)
        for (int o = 0; o < y.w; o++) {
            double sum = b ? b->at[o] : 0;
            const float *factor = w->at + (size_t)o * (size_t)x.w;
            for (int k = 0; k < x.w; k++) sum += (double)factor[k] * row(x, 0, t)[k];
            row(y, 0, t)[o] = (float)sum;
        }
    return y;
}

/* y[o][i][j] = b[o] + sum over c, u, v of w[o][c][u][v] x[c][s i + u - p][s j + v - p], where x is 0 outside; stride s,
 * border p: [C][H][W] to [O][(H + 2 * p - U) / s + 1][...]. fast:
 * tensor/cpu/conv2d.c, and tensor/cpu/winograd.c, which needs 36 products for 16 pixels in place of 144. */
static Map conv(Sd *m, Map x, const char *path, const char *name, int s, int p) {
    const Weight *w = need(m, path, name, "weight"), *b = find(m, "%s.%s.bias", path, name);
    int U = w->nd == 4 ? w->n[2] : 1;
    if (w->n[1] != x.c) die("%s.%s: expects %d channels, and gets %d", path, name, w->n[1], x.c);
    Map y = map_new(m, x.n, w->n[0], (x.h + 2 * p - U) / s + 1, (x.w + 2 * p - U) / s + 1);
    size_t pixels = (size_t)y.h * (size_t)y.w;
    double *sum = allocate(m, pixels * sizeof *sum);
    for (int n = 0; n < x.n; n++)
        for (int o = 0; o < y.c; o++) {
            for (size_t i = 0; i < pixels; i++) sum[i] = b ? b->at[o] : 0;
            for (int k = 0; k < x.c * U * U; k++) {
                int c = k / (U * U), u = k / U % U, v = k % U;
                const float *in = plane(x, n, c);
                double factor = w->at[o * x.c * U * U + k];
                int from = p > v ? 1 : 0, to = (x.w - 1 + p - v) / s + 1; /* where the tap is inside the picture */
                for (int i = 0; i < y.h; i++) {
                    int h = s * i + u - p;
                    if (h < 0 || h >= x.h) continue;
                    for (int j = from; j < (to < y.w ? to : y.w); j++)
                        sum[i * y.w + j] += factor * in[h * x.w + s * j + v - p];
                }
            }
            for (size_t i = 0; i < pixels; i++) plane(y, n, o)[i] = (float)sum[i];
        }
    return y;
}

/* y = (x - mean) / sqrt(variance + eps) w + b; mean and variance are over a group of channels of one picture, all its
 * pixels. fast: tensor/cpu/norm.c */
static Map group_norm(Sd *m, Map x, const char *path, const char *name, double eps) {
    const Weight *w = need(m, path, name, "weight"), *b = need(m, path, name, "bias");
    Map y = map_new(m, x.n, x.c, x.h, x.w);
    size_t pixels = (size_t)x.h * (size_t)x.w, each = (size_t)(x.c / m->groups) * pixels;
    for (int g = 0; g < x.n * m->groups; g++) {
        const float *in = x.at + (size_t)g * each;
        double mean = 0, variance = 0;
        for (size_t i = 0; i < each; i++) mean += in[i] / (double)each;
        for (size_t i = 0; i < each; i++) variance += (in[i] - mean) * (in[i] - mean) / (double)each;
        for (size_t i = 0; i < each; i++) {
            size_t c = ((size_t)g * each + i) / pixels % (size_t)x.c;
            y.at[(size_t)g * each + i] = (float)((in[i] - mean) / sqrt(variance + eps) * w->at[c] + b->at[c]);
        }
    }
    return y;
}

/* The same over the channels of each row [C]. fast: tensor/cpu/norm.c */
static Map layer_norm(Sd *m, Map x, const char *path, const char *name) {
    const Weight *w = need(m, path, name, "weight"), *b = need(m, path, name, "bias");
    Map y = map_new(m, x.n, x.c, x.h, x.w);
    for (int t = 0; t < x.n * x.h; t++) {
        const float *in = row(x, 0, t);
        double mean = 0, variance = 0;
        for (int c = 0; c < x.w; c++) mean += in[c] / (double)x.w;
        for (int c = 0; c < x.w; c++) variance += (in[c] - mean) * (in[c] - mean) / x.w;
        for (int c = 0; c < x.w; c++)
            row(y, 0, t)[c] = (float)((in[c] - mean) / sqrt(variance + 1e-5) * w->at[c] + b->at[c]);
    }
    return y;
}

/* x / (1 + e^-x) */
static Map silu(Map x) {
    for (size_t i = 0; i < count_of(x); i++) x.at[i] = x.at[i] / (1 + expf(-x.at[i]));
    return x;
}

/* x += y */
static Map add(Map x, Map y) {
    for (size_t i = 0; i < count_of(x); i++) x.at[i] += y.at[i];
    return x;
}

/* Each query looks at all keys and takes the mean of their values, weighted by how well they fit:
 *
 *   p[t][s] = e^(q[t] . k[s] / sqrt(d)) / sum over s of the same,   o[t] = sum_s p[t][s] v[s]
 *
 * Channels are cut into heads of d, each on its own: q, o [N][T][C], k, v [N][S][C]. causal: words see only those
 * before them and themselves. fast: tensor/cpu/attention.c, which never stores p. */
static Map attention(Sd *m, Map q, Map k, Map v, int heads, int causal) {
    Map o = map_new(m, q.n, q.c, q.h, q.w);
    int d = q.w / heads;
    double *p = allocate(m, (size_t)k.h * sizeof *p);
    for (int i = 0; i < q.n * heads * q.h; i++) {
        int n = i / q.h / heads, t = i % q.h, first = i / q.h % heads * d, seen = causal ? t + 1 : k.h;
        double most = -INFINITY, sum = 0;
        for (int s = 0; s < seen; s++) {
            p[s] = 0;
            for (int c = first; c < first + d; c++) p[s] += (double)row(q, n, t)[c] * row(k, n, s)[c] / sqrt(d);
            if (p[s] > most) most = p[s];
        }
        for (int s = 0; s < seen; s++) sum += p[s] = exp(p[s] - most); /* the largest is e^0: none overflows */
        for (int c = first; c < first + d; c++) {
            double mean = 0;
            for (int s = 0; s < seen; s++) mean += p[s] / sum * row(v, n, s)[c];
            row(o, n, t)[c] = (float)mean;
        }
    }
    return o;
}

/* [C][H][W] as rows [HW][C], and back: every pixel is a word to a transformer. fast: maps are stored that way. */
static Map to_rows(Sd *m, Map x) {
    Map y = map_new(m, x.n, 1, x.h * x.w, x.c);
    for (int n = 0; n < x.n; n++)
        for (int c = 0; c < x.c; c++)
            for (int i = 0; i < y.h; i++) row(y, n, i)[c] = plane(x, n, c)[i];
    return y;
}

static Map to_map(Sd *m, Map x, int h, int w) {
    Map y = map_new(m, x.n, x.w, h, w);
    for (int n = 0; n < y.n; n++)
        for (int c = 0; c < y.c; c++)
            for (int i = 0; i < x.h; i++) plane(y, n, c)[i] = row(x, n, i)[c];
    return y;
}

/* Every pixel four times: [C][H][W] to [C][2H][2W]. */
static Map enlarge(Sd *m, Map x) {
    Map y = map_new(m, x.n, x.c, 2 * x.h, 2 * x.w);
    for (int c = 0; c < x.n * x.c; c++)
        for (int i = 0; i < y.h; i++)
            for (int j = 0; j < y.w; j++) plane(y, 0, c)[i * y.w + j] = plane(x, 0, c)[i / 2 * x.w + j / 2];
    return y;
}

/* The channels of a, then those of b. */
static Map join(Sd *m, Map a, Map b) {
    Map y = map_new(m, a.n, a.c + b.c, a.h, a.w);
    size_t size = (size_t)(a.h * a.w) * sizeof *y.at;
    for (int n = 0; n < a.n; n++)
        for (int c = 0; c < y.c; c++) memcpy(plane(y, n, c), c < a.c ? plane(a, n, c) : plane(b, n, c - a.c), size);
    return y;
}

/* === 6. CLIP: text states ========================================================================================= */

static const char *name_of(char *out, size_t size, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(out, size, format, args);
    va_end(args);
    return out;
}

/* ids [N][77] to states [N][77][C]. x = token row + position row; in each layer
 *
 *   x += out(attention(q(n), k(n), v(n))), n = norm1(x);   x += fc2(g(fc1(norm2(x)))), g(a) = a / (1 + e^(-1.702 a))
 *
 * and a norm at the end. fast: sd/models/clip.c */
static Map clip(Sd *m, int ids[][CHUNK], int texts) {
    const char *root = "cond_stage_model.transformer.text_model";
    char p[160];
    const Weight *tokens = need(m, root, "embeddings.token_embedding", "weight");
    const Weight *positions = need(m, root, "embeddings.position_embedding", "weight");
    size_t mark = m->used;
    Map x = map_new(m, texts, 1, CHUNK, tokens->n[1]);
    for (int t = 0; t < texts * CHUNK; t++)
        for (int c = 0; c < x.w; c++)
            x.at[t * x.w + c] = tokens->at[(size_t)row_of(m, ids[t / CHUNK][t % CHUNK]) * (size_t)x.w + (size_t)c] +
                                positions->at[t % CHUNK * x.w + c];
    for (int i = 0; find(m, "%s.encoder.layers.%d.layer_norm1.weight", root, i); i++) {
        name_of(p, sizeof p, "%s.encoder.layers.%d", root, i);
        Map n = layer_norm(m, x, p, "layer_norm1");
        Map query = linear(m, n, p, "self_attn.q_proj");
        Map key = linear(m, n, p, "self_attn.k_proj");
        Map value = linear(m, n, p, "self_attn.v_proj");
        add(x, linear(m, attention(m, query, key, value, m->clip_heads, 1), p, "self_attn.out_proj"));
        Map hidden = linear(m, layer_norm(m, x, p, "layer_norm2"), p, "mlp.fc1");
        for (size_t k = 0; k < count_of(hidden); k++) hidden.at[k] /= 1 + expf(-1.702f * hidden.at[k]);
        add(x, linear(m, hidden, p, "mlp.fc2"));
    }
    x = layer_norm(m, x, root, "final_layer_norm");
    tap(m, x, 3, "text_model.last_hidden_state");
    return release(m, mark, x);
}

/* === 7. The U-Net: which part of the latents is noise ============================================================= */

/* h = conv1(silu(norm1(x))) + shift[c];  y = skip(x) + conv2(silu(norm2(h))): [C][H][W] to [O][H][W]. The shift tells
 * every channel how noisy the picture is; the VAE's blocks have none. fast: nn/resblock.c */
static Map resblock(Sd *m, Map x, const char *path, const char *block, const Map *emb) {
    char p[160];
    name_of(p, sizeof p, "%s.%s", path, block);
    const char *const *name = (const char *const[2][5]){
        {"norm1", "conv1", "norm2", "conv2", "nin_shortcut"},
        {"in_layers.0", "in_layers.2", "out_layers.0", "out_layers.3", "skip_connection"}}[emb != NULL];
    double eps = emb ? 1e-5 : 1e-6;
    size_t mark = m->used;
    Map h = conv(m, silu(group_norm(m, x, p, name[0], eps)), p, name[1], 1, 1);
    if (emb) {
        Map shift = linear(m, *emb, p, "emb_layers.1");
        for (size_t i = 0; i < count_of(h); i++) h.at[i] += shift.at[i / ((size_t)h.h * (size_t)h.w)];
    }
    h = conv(m, silu(group_norm(m, h, p, name[2], eps)), p, name[3], 1, 1);
    if (find(m, "%s.%s.weight", p, name[4])) x = conv(m, x, p, name[4], 1, 0);
    return release(m, mark, add(h, x));
}

/* x += attention(x, x);  x += attention(x, text);  x += out(a gelu(g)), [a, g] = in(x), on the pixels as rows; of each
 * the input is normed first. gelu(g) = g (1 + erf(g / sqrt 2)) / 2. fast: nn/transformer.c */
static Map transformer(Sd *m, Map map, const char *path, const char *block, Map text) {
    char p[160], b[160], at[160], norm[] = "norm1";
    name_of(p, sizeof p, "%s.%s", path, block);
    size_t mark = m->used;
    Map x = conv(m, group_norm(m, map, p, "norm", 1e-6), p, "proj_in", 1, 0);
    x = to_rows(m, x);
    for (int i = 0; find(m, "%s.transformer_blocks.%d.norm1.weight", p, i); i++) {
        name_of(b, sizeof b, "%s.transformer_blocks.%d", p, i);
        for (int a = 1; a <= 2; a++) {
            norm[4] = (char)('0' + a);
            name_of(at, sizeof at, "%s.attn%d", b, a);
            Map n = layer_norm(m, x, b, norm), seen = a == 1 ? n : text;
            Map query = linear(m, n, at, "to_q"), key = linear(m, seen, at, "to_k"),
                value = linear(m, seen, at, "to_v");
            Map o = attention(m, query, key, value, m->unet_heads, 0);
            add(x, linear(m, o, at, "to_out.0"));
        }
        Map both = linear(m, layer_norm(m, x, b, "norm3"), b, "ff.net.0.proj");
        Map hidden = map_new(m, x.n, 1, x.h, both.w / 2);
        for (size_t k = 0; k < count_of(hidden); k++) {
            const float *a = both.at + k / (size_t)hidden.w * (size_t)both.w + k % (size_t)hidden.w, g = a[hidden.w];
            hidden.at[k] = *a * (float)(g * 0.5 * (1 + erf(g / sqrt(2))));
        }
        add(x, linear(m, hidden, b, "ff.net.2"));
    }
    Map y = conv(m, to_map(m, x, map.h, map.w), p, "proj_out", 1, 0);
    return release(m, mark, add(y, map));
}

/* How noisy, as a vector: cos and sin of t at wavelengths from 2 pi to 10000 times that, through two layers. Then the
 * silu that every ResBlock begins with. t -> [N][1][1][4C] */
static Map time_embedding(Sd *m, int n, double t, int step) {
    const char *root = "model.diffusion_model.time_embed";
    Map x = map_new(m, n, 1, 1, need(m, root, "0", "weight")->n[1]);
    for (int i = 0; i < n * x.w; i++) {
        int k = i % x.w, half = x.w / 2;
        double angle = t * exp(-log(10000) * (k % half) / half);
        x.at[i] = (float)(k < half ? cos(angle) : sin(angle));
    }
    x = linear(m, silu(linear(m, x, root, "0")), root, "2");
    tap(m, x, 2, "unet.step%03d.time_embedding", step);
    return silu(x);
}

enum { MOST_BLOCKS = 64 };

/* x [N][4][H][W], a text for each [N][77][C], one t: what the model says, [N][4][H][W]. Down: blocks at each size, the
 * outputs of all of which are kept; the middle; up: the same sizes back, each block beginning with what was kept. The
 * checkpoint's names say which blocks there are. fast: sd/models/unet.c */
static Map unet(Sd *m, Map x, Map text, double t, int step) {
    const char *root = "model.diffusion_model";
    char b[160];
    Map kept[MOST_BLOCKS];
    size_t mark = m->used;
    Map emb = time_embedding(m, x.n, t, step);
    int count = 0, level = 0, index = 0;
    for (; count < MOST_BLOCKS; kept[count++] = x) {
        name_of(b, sizeof b, "%s.input_blocks.%d", root, count);
        if (find(m, "%s.0.weight", b)) {
            x = conv(m, x, b, "0", 1, 1);
            tap(m, x, 4, "unet.step%03d.conv_in", step);
        } else if (find(m, "%s.0.op.weight", b)) {
            x = conv(m, x, b, "0.op", 2, 1);
            tap(m, x, 4, "unet.step%03d.down_blocks.%d.downsamplers.0", step, level);
            tap(m, x, 4, "unet.step%03d.down_blocks.%d", step, level);
            level++, index = 0;
        } else if (find(m, "%s.0.in_layers.0.weight", b)) {
            x = resblock(m, x, b, "0", &emb);
            tap(m, x, 4, "unet.step%03d.down_blocks.%d.resnets.%d", step, level, index);
            if (find(m, "%s.1.norm.weight", b)) {
                x = transformer(m, x, b, "1", text);
                tap(m, x, 4, "unet.step%03d.down_blocks.%d.attentions.%d", step, level, index);
            }
            index++;
        } else break;
    }
    tap(m, x, 4, "unet.step%03d.down_blocks.%d", step, level);

    x = resblock(m, x, root, "middle_block.0", &emb);
    tap(m, x, 4, "unet.step%03d.mid_block.resnets.0", step);
    x = transformer(m, x, root, "middle_block.1", text);
    tap(m, x, 4, "unet.step%03d.mid_block.attentions.0", step);
    x = resblock(m, x, root, "middle_block.2", &emb);
    tap(m, x, 4, "unet.step%03d.mid_block.resnets.1", step);
    tap(m, x, 4, "unet.step%03d.mid_block", step);

    level = index = 0;
    for (int i = 0; i < count; i++) {
        name_of(b, sizeof b, "%s.output_blocks.%d", root, i);
        x = resblock(m, join(m, x, kept[count - 1 - i]), b, "0", &emb);
        tap(m, x, 4, "unet.step%03d.up_blocks.%d.resnets.%d", step, level, index);
        int attends = find(m, "%s.1.norm.weight", b) != NULL;
        if (attends) {
            x = transformer(m, x, b, "1", text);
            tap(m, x, 4, "unet.step%03d.up_blocks.%d.attentions.%d", step, level, index);
        }
        index++;
        if (find(m, "%s.%d.conv.weight", b, 1 + attends)) {
            x = conv(m, enlarge(m, x), b, attends ? "2.conv" : "1.conv", 1, 1);
            tap(m, x, 4, "unet.step%03d.up_blocks.%d.upsamplers.0", step, level);
            tap(m, x, 4, "unet.step%03d.up_blocks.%d", step, level);
            level++, index = 0;
        }
    }
    tap(m, x, 4, "unet.step%03d.up_blocks.%d", step, level);
    x = group_norm(m, x, root, "out.0", 1e-5);
    tap(m, x, 4, "unet.step%03d.conv_norm_out", step);
    x = conv(m, silu(x), root, "out.2", 1, 1);
    tap(m, x, 4, "unet.step%03d.conv_out", step);
    return release(m, mark, x);
}

/* === 8. Noise, and how it is removed ============================================================================== */

/* Philox4x32-10 (Salmon et al. 2011), as NVIDIA's generator counts: number i of a seed is made of the counter
 * (0, 0, i, 0). Two of its words make a normal number: sqrt(-2 ln u) sin(2 pi v), with the constants
 * of the webui (modules/rng_philox.py). fast: sd/noise/noise.c */
static void noise(Map x, uint64_t seed) {
    for (size_t i = 0; i < count_of(x); i++) {
        uint32_t c[4] = {0, 0, (uint32_t)i, 0}, key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
        for (int round = 0; round < 10; round++) {
            uint64_t a = (uint64_t)c[0] * 0xD2511F53u, b = (uint64_t)c[2] * 0xCD9E8D57u;
            uint32_t next[4] = {(uint32_t)(b >> 32) ^ c[1] ^ key[0], (uint32_t)b, (uint32_t)(a >> 32) ^ c[3] ^ key[1],
                                (uint32_t)a};
            memcpy(c, next, sizeof c);
            key[0] += 0x9E3779B9u, key[1] += 0xBB67AE85u;
        }
        const double unit = 2.3283064e-10f, turn = (float)(2.3283064e-10 * 6.2831855); /* 2^-32, 2 pi 2^-32 */
        double u = c[0] * unit + unit / 2, v = c[1] * turn + turn / 2;
        x.at[i] = (float)(sqrt(-2 * log(u)) * sin(v));
    }
}

/* A picture at time t is sqrt(a[t]) clean + sqrt(1 - a[t]) noise, or, divided by sqrt(a[t]), clean + sigma noise:
 * sigma[t] = sqrt((1 - a[t]) / a[t]). a falls: a[t] = product of 1 - beta[i], i <= t, and the roots of the betas lie on
 * a line from .00085 to .012, unless the checkpoint brings its own. fast: sd/sampling/noise_levels.c */
enum { TIMES = 1000 };

static void log_sigmas(Sd *m, float out[TIMES]) {
    const Weight *own = find(m, "alphas_cumprod");
    double product = 1, first = sqrt(.00085), last = sqrt(.012);
    for (int t = 0; t < TIMES; t++) {
        double root = first + (last - first) * t / (TIMES - 1);
        product *= 1 - root * root;
        float a = own ? own->at[t] : (float)product;
        out[t] = (float)log(sqrtf((1 - a) / a));
    }
}

/* Between two times log sigma lies on the line between theirs. Here and below numbers are floats and rounded as
 * k-diffusion's are, since x - clean cancels: where sigma is in the thousands, the last bits matter. */
static float sigma_of(const float levels[TIMES], float t) {
    int low = t >= TIMES - 1 ? TIMES - 2 : (int)t;
    float w = t - (float)low;
    return (float)exp((1 - w) * levels[low] + w * levels[low + 1]);
}

/* and back: the time that the U-Net is told */
static float time_of(const float levels[TIMES], float sigma) {
    float at = (float)log(sigma);
    int low = 0;
    while (low < TIMES - 2 && levels[low + 1] <= at) low++;
    float w = (levels[low] - at) / (levels[low] - levels[low + 1]);
    w = w < 0 ? 0 : w > 1 ? 1 : w;
    return (1 - w) * (float)low + w * (float)(low + 1);
}

/* Sigma before step `step` of `steps`: their times are spread evenly over 999..0; after the last it is 0. */
static float sigma_before(const float levels[TIMES], int step, int steps) {
    if (step == steps) return 0;
    float apart = steps > 1 ? (float)(TIMES - 1) / (float)(steps - 1) : 0;
    return sigma_of(levels, step < steps / 2 || steps == 1 ? (TIMES - 1) - apart * (float)step
                                                           : apart * (float)(steps - 1 - step));
}

/* Euler's method: the picture moves along the slope (x - clean) / sigma, from one sigma to the next. What the model
 * says is the noise e in x = clean + sigma e, or v: then clean = x / (sigma^2 + 1) - v sigma / sqrt(sigma^2 + 1). The
 * model sees x / sqrt(sigma^2 + 1), whose numbers are of the same size at every sigma. Guidance goes beyond what the
 * prompt says, away from what the negative one says: clean = u + cfg (c - u). fast: sd/sampling/sampler_euler.c,
 * sd/pipeline/denoiser/denoiser.c */
static void euler(Sd *m, Map x, Map text, int steps, float cfg) {
    float levels[TIMES];
    log_sigmas(m, levels);
    size_t n = count_of(x);
    float sigma, next = sigma_before(levels, 0, steps);
    for (size_t i = 0; i < n; i++) x.at[i] *= next;
    for (int step = 0; step < steps; step++) {
        sigma = next, next = sigma_before(levels, step + 1, steps);
        float square = sigma * sigma + 1;
        size_t mark = m->used;
        Map two = map_new(m, 2, x.c, x.h, x.w); /* for the negative prompt and for the prompt */
        for (size_t i = 0; i < 2 * n; i++) two.at[i] = x.at[i % n] * (1 / sqrtf(square));
        Map said = unet(m, two, text, time_of(levels, sigma), step);
        for (size_t i = 0; i < n; i++) {
            float clean[2];
            for (int side = 0; side < 2; side++) {
                float s = said.at[(size_t)side * n + i];
                clean[side] =
                    m->v_prediction ? s * (-sigma / sqrtf(square)) + x.at[i] * (1 / square) : x.at[i] - s * sigma;
            }
            float guided = clean[0] + (clean[1] - clean[0]) * cfg;
            x.at[i] += (x.at[i] - guided) / sigma * (next - sigma);
        }
        tap(m, x, 4, "latents.step%03d", step);
        release(m, mark, (Map){0});
        fprintf(stderr, "step %d of %d\n", step + 1, steps);
    }
}

/* === 9. The VAE's decoder: latents to pixels ====================================================================== */

/* z [1][4][H][W] to pixels [1][3][8H][8W], from -1 (dark) to 1. fast: sd/models/vae.c, strip by strip */
static Map vae(Sd *m, Map z) {
    const char *root = "first_stage_model.decoder", *attn = "first_stage_model.decoder.mid.attn_1";
    char p[160], q[16];
    size_t mark = m->used;
    Map x = map_new(m, z.n, z.c, z.h, z.w);
    for (size_t i = 0; i < count_of(z); i++) x.at[i] = (float)(z.at[i] / m->vae_scale);
    x = conv(m, conv(m, x, "first_stage_model", "post_quant_conv", 1, 0), root, "conv_in", 1, 1);
    tap(m, x, 4, "vae.decoder.conv_in");
    x = resblock(m, x, root, "mid.block_1", NULL);
    Map n = group_norm(m, x, attn, "norm", 1e-6); /* pixels attend to pixels, in one head */
    Map query = to_rows(m, conv(m, n, attn, "q", 1, 0));
    Map key = to_rows(m, conv(m, n, attn, "k", 1, 0));
    Map value = to_rows(m, conv(m, n, attn, "v", 1, 0));
    Map o = to_map(m, attention(m, query, key, value, 1, 0), x.h, x.w);
    add(x, conv(m, o, attn, "proj_out", 1, 0));
    x = resblock(m, x, root, "mid.block_2", NULL);
    tap(m, x, 4, "vae.decoder.mid_block");
    int levels = 0;
    while (find(m, "%s.up.%d.block.0.norm1.weight", root, levels)) levels++;
    for (int level = levels - 1; level >= 0; level--) {
        name_of(p, sizeof p, "%s.up.%d", root, level);
        for (int i = 0; find(m, "%s.up.%d.block.%d.norm1.weight", root, level, i); i++)
            x = resblock(m, x, p, name_of(q, sizeof q, "block.%d", i), NULL);
        if (level) x = conv(m, enlarge(m, x), p, "upsample.conv", 1, 1);
        tap(m, x, 4, "vae.decoder.up_blocks.%d", levels - 1 - level);
        x = release(m, mark, x);
    }
    x = group_norm(m, x, root, "norm_out", 1e-6);
    tap(m, x, 4, "vae.decoder.conv_norm_out");
    x = conv(m, silu(x), root, "conv_out", 1, 1);
    tap(m, x, 4, "vae.decoder.conv_out");
    tap(m, x, 4, "image");
    return release(m, mark, x);
}

/* === 10. The picture: PNG ========================================================================================= */

static uint32_t crc32(uint32_t crc, const unsigned char *p, size_t n) {
    for (crc = ~crc; n--; p++) {
        crc ^= *p;
        for (int k = 0; k < 8; k++) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    }
    return ~crc;
}

static unsigned char *big_endian(unsigned char *p, size_t v) {
    for (int i = 0; i < 4; i++) *p++ = (unsigned char)(v >> (24 - 8 * i));
    return p;
}

static void chunk(FILE *f, const char *type, const unsigned char *data, size_t n) {
    unsigned char head[8], tail[4];
    memcpy(big_endian(head, n), type, 4);
    big_endian(tail, crc32(crc32(0, head + 4, 4), data, n));
    fwrite(head, 1, 8, f);
    fwrite(data, 1, n, f);
    fwrite(tail, 1, 4, f);
}

/* Pixels (v + 1) / 2 255, rounded, in zlib's stored blocks of at most 65535 bytes. fast: sd/image/codecs/png.c,
 * sd/image/codecs/deflate.c */
static void write_png(const char *path, Map image) {
    int w = image.w, h = image.h;
    size_t row = 3 * (size_t)w + 1, raw = row * (size_t)h, n = 0;
    unsigned char *bytes = calloc(raw, 1), *z = malloc(raw + raw / 65535 * 5 + 16);
    if (!bytes || !z) die("out of memory");
    for (int i = 0; i < 3 * w * h; i++) {
        double v = ((double)image.at[i % 3 * w * h + i / 3] + 1) / 2;
        v = v < 0 ? 0 : v > 1 ? 1 : v;
        bytes[(size_t)(i / 3 / w) * row + 1 + (size_t)(i % (3 * w))] = (unsigned char)(255 * v + .5);
    }
    z[n++] = 0x78, z[n++] = 1;
    uint32_t a = 1, b = 0; /* Adler-32 */
    for (size_t at = 0; at < raw; at += 65535) {
        size_t some = raw - at < 65535 ? raw - at : 65535;
        z[n++] = at + some == raw;
        z[n++] = (unsigned char)some, z[n++] = (unsigned char)(some >> 8);
        z[n++] = (unsigned char)~some, z[n++] = (unsigned char)(~some >> 8);
        memcpy(z + n, bytes + at, some), n += some;
        for (size_t i = 0; i < some; i++) a = (a + bytes[at + i]) % 65521, b = (b + a) % 65521;
    }
    big_endian(z + n, (size_t)b << 16 | a);
    unsigned char head[13] = {[8] = 8, [9] = 2}; /* 8 bits of red, green, blue */
    big_endian(big_endian(head, (size_t)w), (size_t)h);
    FILE *f = fopen(path, "wb");
    if (!f) die("%s: cannot be written", path);
    fwrite("\x89PNG\r\n\x1a\n", 1, 8, f);
    chunk(f, "IHDR", head, sizeof head);
    chunk(f, "IDAT", z, n + 4);
    chunk(f, "IEND", head, 0);
    if (ferror(f) | fclose(f)) die("%s: cannot be written", path);
    free(bytes);
    free(z);
}

/* === 11. All of it ================================================================================================ */

static double number(const char *option, const char *text, double least, double most) {
    char *end;
    double v = strtod(text, &end);
    if (end == text || *end || !(v >= least && v <= most))
        die("%s: %s is not a number from %g to %g", option, text, least, most);
    return v;
}

int main(int argc, char **argv) {
    Sd m = {0};
    const char *names[3] = {0}, *negative = "", *taps = NULL;
    double seed = 1, steps = 20, cfg = 3, size = 64;
    int named = 0, levels = 0, ids[2][CHUNK];
    for (int i = 1; i < argc; i++) {
        const char *o = argv[i], *v = i + 1 < argc ? argv[i + 1] : "";
        if (o[0] != '-' || !o[1]) {
            if (named == 3) die("%s: one argument too many", o);
            names[named++] = o;
            continue;
        }
        i++;
        if (!strcmp(o, "-n")) negative = v;
        else if (!strcmp(o, "--taps")) taps = v;
        else if (!strcmp(o, "--seed")) seed = number(o, v, 0, 9007199254740992.0);
        else if (!strcmp(o, "--steps")) steps = number(o, v, 1, 1000);
        else if (!strcmp(o, "--cfg")) cfg = number(o, v, 0, 100);
        else if (!strcmp(o, "--size")) size = number(o, v, 8, 2048);
        else die("%s: is no option", o);
    }
    if (named < 3)
        die("usage: plain MODEL.safetensors PROMPT PICTURE.png [-n TEXT] [--seed N] [--steps N] [--cfg X] [--size N] "
            "[--taps FILE]");
    open_model(&m, names[0]);
    if (taps && !(m.taps = tmpfile())) die("cannot make a temporary file");

    tokenize(negative, ids[0]);
    tokenize(names[1], ids[1]);
    Map text = clip(&m, ids, 2);

    while (find(&m, "first_stage_model.decoder.up.%d.block.0.norm1.weight", levels)) levels++;
    int side = (int)size >> (levels - 1), unit = 1; /* the U-Net halves it some times */
    for (int i = 0; i < MOST_BLOCKS; i++)
        unit *= find(&m, "model.diffusion_model.input_blocks.%d.0.op.weight", i) ? 2 : 1;
    if (!side || side % unit || size != side << (levels - 1))
        die("--size: must be a multiple of %d", unit << (levels - 1));
    Map x = map_new(&m, 1, 4, side, side);
    noise(x, (uint64_t)seed);
    tap(&m, x, 4, "noise");

    euler(&m, x, text, (int)steps, (float)cfg);
    write_png(names[2], vae(&m, x));
    if (taps) write_taps(&m, taps);
    close_model(&m);
    return 0;
}
