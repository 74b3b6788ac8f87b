/* prompt.c: runs the stages of prompt_internal.h, and keeps the table of distinct texts. */
#include "prompt.h"
#include "prompt_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    Prompt *p;
    const Tokenizer *t;
    const PromptOptions *o;
    size_t branch_capacity, text_capacity, bytes;
    int64_t chunks; /* of all texts */
    int *slots;     /* texts by hash, -1: free; [a power of two] */
    size_t slot_count;
    PromptBuffer text;
    PromptPieces pieces;
    Error *e;
} Compiler;

static size_t hash(const char *text, size_t size) {
    uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */
    for (size_t i = 0; i < size; i++) h = (h ^ (unsigned char)text[i]) * 0x100000001b3u;
    return (size_t)(h ^ h >> 32);
}

static size_t slot_of(const Compiler *c, const char *text, size_t size) {
    size_t i = hash(text, size) & (c->slot_count - 1);
    for (; c->slots[i] >= 0; i = (i + 1) & (c->slot_count - 1)) {
        const char *known = c->p->texts[c->slots[i]].text;
        if (!strncmp(known, text, size) && !known[size]) break;
    }
    return i;
}

static bool more_slots(Compiler *c) {
    size_t wanted = c->slot_count ? c->slot_count * 2 : 16;
    int *slots = malloc(wanted * sizeof *slots);
    if (!slots) return prompt_no_memory(c->e);
    for (size_t i = 0; i < wanted; i++) slots[i] = -1;
    free(c->slots);
    c->slots = slots;
    c->slot_count = wanted;
    for (int i = 0; i < c->p->text_count; i++) {
        const char *text = c->p->texts[i].text;
        c->slots[slot_of(c, text, strlen(text))] = i;
    }
    return true;
}

/* The whole text as one piece of weight 1. */
static bool one_piece(Compiler *c, const char *text, size_t size) {
    PromptPieces *p = &c->pieces;
    p->text.size = 0;
    if (!prompt_grow(&p->at, &p->capacity, 0, 1, sizeof *p->at) || !prompt_append(&p->text, text, size))
        return prompt_no_memory(c->e);
    p->at[0] = (PromptPiece){0, (uint32_t)size, 1};
    p->count = 1;
    return true;
}

/* The number of c->text in the table; a new text is added with its chunks. */
static bool intern(Compiler *c, int *number) {
    Prompt *p = c->p;
    size_t size = c->text.size;
    const char *text = size ? c->text.at : "";
    if ((size_t)p->text_count * 2 >= c->slot_count && !more_slots(c)) return false;
    size_t slot = slot_of(c, text, size);
    if ((*number = c->slots[slot]) >= 0) return true;
    if (size + 1 > PROMPT_MOST_TEXT - c->bytes)
        return error_set(c->e, ERR_ARGUMENT,
                         "prompt: its schedule makes more than %d MiB of text; shorten it or let it switch less often",
                         PROMPT_MOST_TEXT >> 20);
    c->bytes += size + 1;
    if (!prompt_grow(&p->texts, &c->text_capacity, (size_t)p->text_count, 1, sizeof *p->texts))
        return prompt_no_memory(c->e);
    PromptText *new = &p->texts[p->text_count];
    *new = (PromptText){.text = malloc(size + 1)};
    if (!new->text) return prompt_no_memory(c->e);
    memcpy(new->text, text, size);
    new->text[size] = 0;
    c->slots[slot] = *number = p->text_count++;
    bool literal = c->o->emphasis == SD_EMPHASIS_NONE;
    if (!(literal ? one_piece(c, text, size) : prompt_attention(&c->pieces, text, size, c->e))) return false;
    bool ok = prompt_chunks(new, c->t, &c->pieces, c->o, PROMPT_MOST_CHUNKS - c->chunks, &p->heaviest, c->e);
    c->chunks += new->count;
    return ok;
}

static bool add_branch(Compiler *c, const char *text, size_t size, double weight) {
    Prompt *p = c->p;
    if (!prompt_grow(&p->branches, &c->branch_capacity, (size_t)p->branch_count, 1, sizeof *p->branches))
        return prompt_no_memory(c->e);
    PromptBranch *branch = &p->branches[p->branch_count++];
    *branch = (PromptBranch){.weight = weight};
    PromptSchedule *s = prompt_schedule_new(text, size, c->o, c->e);
    if (!s) return false;
    int count;
    const int *ends = prompt_schedule_ends(s, &count);
    branch->spans = malloc((size_t)count * sizeof *branch->spans);
    bool ok = branch->spans || prompt_no_memory(c->e);
    for (int i = 0; i < count && ok; i++) {
        PromptSpan *span = &branch->spans[branch->count++];
        span->until = ends[i];
        ok = prompt_schedule_text(s, ends[i], &c->text) || prompt_no_memory(c->e);
        ok = ok && intern(c, &span->text);
    }
    prompt_schedule_free(s);
    return ok;
}

/* A branch of AND may end in ":WEIGHT", digits with at most one point among or after them. */
static bool add_weighted(Compiler *c, const char *text, size_t size) {
    size_t end = prompt_trim(text, 0, size), from = end;
    double weight = 1;
    while (from > 0 && text[from - 1] != ':' && end - from < 4096) from--; /* nobody writes longer numbers */
    if (from > 0 && text[from - 1] == ':') {
        size_t number = prompt_skip_space(text, end, from), colon = from - 1;
        if (prompt_number(text + number, end - number, false, &weight)) end = prompt_trim(text, 0, colon);
    }
    if (!isfinite(weight))
        return error_set(c->e, ERR_ARGUMENT, "prompt: AND: the weight %.40s... is too large; write one such as :0.5",
                         text + end + 1);
    return add_branch(c, text, end, weight);
}

static bool split_branches(Compiler *c, const char *text, size_t size) {
    size_t start = 0;
    for (size_t i = 0; i < size; i++) {
        const char *a = memchr(text + i, 'A', size - i);
        if (!a) break;
        i = (size_t)(a - text);
        if (!prompt_word_at(text, 0, size, i, "AND")) continue;
        if (!add_weighted(c, text + start, i - start)) return false;
        start = i + 3;
        i = start - 1;
    }
    return add_weighted(c, text + start, size - start);
}

static bool compile(Compiler *c, const char *text) {
    PromptBuffer plain = {0};
    bool ok;
    if (c->o->negative) ok = add_branch(c, text, strlen(text), 1);
    else {
        ok = prompt_networks(c->p, text, strlen(text), &plain, c->e);
        ok = ok && split_branches(c, plain.size ? plain.at : "", plain.size);
    }
    free(plain.at);
    return ok;
}

bool prompt_compile(Prompt *out, const Tokenizer *t, const char *text, const PromptOptions *o, Error *e) {
    *out = (Prompt){0};
    if (o->steps < 1 || o->steps > PROMPT_MOST_STEPS || o->hires_steps < 0 || o->hires_steps > PROMPT_MOST_STEPS)
        return error_set(e, ERR_ARGUMENT, "prompt: steps must be within 1..%d", PROMPT_MOST_STEPS);
    if (strlen(text) >= PROMPT_MOST_TEXT)
        return error_set(e, ERR_ARGUMENT, "prompt: is longer than %d MiB; shorten it", PROMPT_MOST_TEXT >> 20);
    Compiler c = {.p = out, .t = t, .o = o, .e = e};
    bool keep = o->comments == SD_COMMENTS_KEEP;
    char *stripped = keep ? NULL : prompt_strip_comments(text);
    bool ok = keep || stripped || error_set(e, ERR_MEMORY, "out of memory for a prompt");
    ok = ok && compile(&c, keep ? text : stripped);
    free(stripped);
    free(c.slots);
    free(c.text.at);
    prompt_pieces_free(&c.pieces);
    return ok;
}

void prompt_free(Prompt *p) {
    for (int i = 0; i < p->branch_count; i++) free(p->branches[i].spans);
    for (int i = 0; i < p->text_count; i++) {
        free(p->texts[i].text);
        free(p->texts[i].chunks);
        free(p->texts[i].fixes);
    }
    for (int i = 0; i < p->network_count; i++) {
        free(p->networks[i].kind);
        free(p->networks[i].name);
        free(p->networks[i].arguments);
    }
    free(p->branches);
    free(p->texts);
    free(p->networks);
    free(p->ignored);
    *p = (Prompt){0};
}

const PromptText *prompt_at(const Prompt *p, const PromptBranch *branch, int call) {
    int low = 0, high = branch->count; /* spans ascend: the first that ends no earlier than call */
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (call <= branch->spans[middle].until) high = middle;
        else low = middle + 1;
    }
    return &p->texts[branch->spans[low < branch->count ? low : 0].text];
}
