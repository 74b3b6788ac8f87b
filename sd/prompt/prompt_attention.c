/* prompt_attention.c: (x), (x:1.3) and [x] to weighted pieces of text (parse_prompt_attention).
 *
 * A closing bracket multiplies the weights of all pieces since its opening. The order of these multiplications is the
 * original's, because pieces whose weights agree to the last bit are joined and tokenised as one. To keep the time
 * linear, a piece takes at most PROMPT_DEEPEST of them and then leaves the list of pieces to multiply. */
#include "prompt_internal.h"
#include "sd/text/unicode.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    uint32_t *at;
    size_t count, capacity;
} Opens; /* for each open bracket, its first piece */

typedef struct {
    double weight;
    uint32_t before; /* the previous piece in the list of those to multiply, plus one; 0: none */
    int times;       /* how often this one was multiplied */
} Factor;

typedef struct {
    const char *text;
    size_t size;
    PromptPieces *out;
    Factor *factors; /* [pieces] */
    size_t factor_capacity;
    uint32_t last; /* the last piece in the list of those to multiply, plus one */
    Opens round, square;
    Error *e;
} Parser;

static bool add(Parser *p, const char *text, size_t size, double weight) {
    PromptPieces *o = p->out;
    size_t n = o->count;
    if (!prompt_grow(&o->at, &o->capacity, n, 1, sizeof *o->at) ||
        !prompt_grow(&p->factors, &p->factor_capacity, n, 1, sizeof *p->factors))
        return prompt_no_memory(p->e);
    o->at[n] = (PromptPiece){(uint32_t)o->text.size, (uint32_t)size, weight};
    p->factors[n] = (Factor){weight, p->last, 0};
    p->last = (uint32_t)++o->count;
    return prompt_append(&o->text, text, size) || prompt_no_memory(p->e);
}

static bool open_bracket(Parser *p, Opens *o) {
    if (!prompt_grow(&o->at, &o->capacity, o->count, 1, sizeof *o->at)) return prompt_no_memory(p->e);
    o->at[o->count++] = (uint32_t)p->out->count;
    return true;
}

static void multiply(Parser *p, size_t start, double by) {
    Factor *factors = p->factors;
    uint32_t after = 0; /* the next piece in the list, plus one; 0: none */
    for (uint32_t n = p->last, before; n > start; n = before) {
        Factor *f = &factors[n - 1];
        before = f->before;
        f->weight *= by;
        if (++f->times < PROMPT_DEEPEST) after = n;
        else if (after) factors[after - 1].before = before;
        else p->last = before;
    }
}

/* Unclosed brackets: a piece is multiplied once for each that opened before it. Neighbours mostly start with the same
 * weight, so each continues from the previous one's result. */
static void multiply_unclosed(Parser *p, const Opens *o, double by) {
    double from = 1, to = 1;
    int done = 0;
    size_t opened = 0;
    for (size_t i = 0; i < p->out->count; i++) {
        Factor *f = &p->factors[i];
        while (opened < o->count && o->at[opened] <= i) opened++;
        int left = PROMPT_DEEPEST - f->times, times = opened < (size_t)left ? (int)opened : left;
        if (f->weight != from || times < done) from = to = f->weight, done = 0;
        while (done < times) to *= by, done++;
        f->times += times;
        f->weight = to;
    }
}

/* Text without brackets, cut at BREAK, which takes the white space around it. */
static bool add_text(Parser *p, size_t from, size_t to) {
    const char *text = p->text;
    size_t start = from;
    for (size_t i = from; i < to; i++) {
        const char *b = memchr(text + i, 'B', to - i);
        if (!b) break;
        i = (size_t)(b - text);
        if (!prompt_word_at(text, from, to, i, "BREAK")) continue;
        if (!add(p, text + start, prompt_trim(text, start, i) - start, 1) || !add(p, "BREAK", 5, -1)) return false;
        start = prompt_skip_space(text, to, i + 5);
        i = start - 1;
    }
    return add(p, text + start, to - start, 1);
}

/* ": 1.3 )" at text[at]: the index after it, and the number at *from..*to; 0: it is something else. */
static size_t weight_end(const Parser *p, size_t at, size_t *from, size_t *to) {
    size_t i = prompt_skip_space(p->text, p->size, at + 1);
    *from = i;
    if (i < p->size && (p->text[i] == '+' || p->text[i] == '-')) i++;
    size_t digits = i;
    while (i < p->size) {
        unsigned flags;
        size_t next = prompt_next(p->text, p->size, i, &flags);
        if (p->text[i] != '.' && !(flags & UNICODE_DECIMAL)) break;
        i = next;
    }
    *to = i;
    if (i == digits) return 0;
    i = prompt_skip_space(p->text, p->size, i);
    return i < p->size && p->text[i] == ')' ? i + 1 : 0;
}

static bool close_weighted(Parser *p, size_t from, size_t to) {
    double weight;
    if (!prompt_number(p->text + from, to - from, false, &weight))
        return error_set(p->e, ERR_ARGUMENT,
                         "prompt: (...:%.*s): is not a number; write (...:1.2), or \\( for a bracket",
                         (int)(to - from < 40 ? to - from : 40), p->text + from);
    multiply(p, p->round.at[--p->round.count], weight);
    return true;
}

static bool parse(Parser *p) {
    static const double MORE = 1.1, LESS = 1 / 1.1;
    const char *text = p->text;
    bool ok = true;
    for (size_t i = 0, end; i < p->size && ok; i = end) {
        size_t from, to;
        end = i + 1;
        switch (text[i]) {
        case '\\': /* dropped; only a bracket or backslash is escaped by it */
            if (end < p->size && strchr("()[]\\", text[end])) end++;
            ok = add(p, text + i + 1, end - i - 1, 1);
            break;
        case '(': ok = open_bracket(p, &p->round); break;
        case '[': ok = open_bracket(p, &p->square); break;
        case ':': {
            size_t closed = weight_end(p, i, &from, &to);
            if (closed) end = closed;
            if (closed && p->round.count) ok = close_weighted(p, from, to);
            else ok = add_text(p, i, end);
            break;
        }
        case ')':
            if (p->round.count) multiply(p, p->round.at[--p->round.count], MORE);
            else ok = add_text(p, i, end);
            break;
        case ']':
            if (p->square.count) multiply(p, p->square.at[--p->square.count], LESS);
            else ok = add_text(p, i, end);
            break;
        default:
            while (end < p->size && !strchr("\\()[]:", text[end])) end++;
            ok = add_text(p, i, end);
        }
    }
    if (!ok) return false;
    multiply_unclosed(p, &p->round, MORE);
    multiply_unclosed(p, &p->square, LESS);
    for (size_t i = 0; i < p->out->count; i++) p->out->at[i].weight = p->factors[i].weight;
    return p->out->count || add(p, "", 0, 1);
}

static void join_equal(PromptPieces *o) {
    size_t kept = 0;
    for (size_t i = 1; i < o->count; i++)
        if (o->at[i].weight == o->at[kept].weight) o->at[kept].size += o->at[i].size; /* their texts are adjacent */
        else o->at[++kept] = o->at[i];
    o->count = kept + 1;
}

bool prompt_attention(PromptPieces *out, const char *text, size_t size, Error *e) {
    Parser p = {.text = text, .size = size, .out = out, .e = e};
    out->count = out->text.size = 0;
    bool ok = parse(&p);
    free(p.factors);
    free(p.round.at);
    free(p.square.at);
    if (!ok) return false;
    join_equal(out);
    if (out->count > out->capacity / 64) return true;
    PromptPiece *fewer = realloc(out->at, out->count * sizeof *fewer); /* before the words take memory in their turn */
    if (!fewer) return prompt_no_memory(e);
    out->at = fewer, out->capacity = out->count;
    return true;
}

void prompt_pieces_free(PromptPieces *p) {
    free(p->at);
    free(p->text.at);
    *p = (PromptPieces){0};
}
