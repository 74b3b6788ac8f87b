/* prompt_schedule.c: [from:to:when] and [a|b|c]: which text holds at which step.
 *
 * The original gives its grammar to a general parser (lark's Earley), which takes stray brackets and colons as text and
 * picks one of many derivations. Comparing thousands of texts shows these rules:
 *  - A bracket opens a group only if everything up to its closing bracket is well-formed. A closing bracket of the
 *    wrong kind, too many colons, or a [a:b] without a number spoils every group open at that point; groups inside
 *    spoiled ones still count.
 *  - ( ) groups hold at most one colon and are text, which the attention parser reads later; so are [x].
 *  - A '|' outside [a|b], a backslash at the end and one before a newline are not in the language; then the whole text
 *    is literal.
 *  - Groups are preferred to stray characters, except (settle, below) where a run of stray brackets follows one.
 * So a stack of open brackets suffices. Texts are made by walking along the bracket, colon and bar characters. */
#include "prompt_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef enum { GROUP_OPEN, GROUP_TEXT, GROUP_SCHEDULED, GROUP_ALTERNATE } GroupKind;

/* Small, as a megabyte of brackets has a million of them: a text is shorter than PROMPT_MOST_TEXT. */
typedef struct {
    uint8_t kind; /* a GroupKind */
    char bracket;
    bool chosen;           /* outermost, and not stray */
    bool outer_shown;      /* while a text is made: whether the text around it is shown, */
    uint32_t option;       /* and which option the walk has reached */
    uint32_t open, close;  /* indices of its brackets */
    uint32_t last_colon;   /* its index */
    uint32_t colons, bars; /* its own, not those of inner groups */
    int when;              /* the last step before the switch */
} Group;

/* A bracket, colon or bar of a scheduled or alternating group; all others are plain text. */
typedef struct {
    uint32_t at, group;
} Mark;

struct PromptSchedule {
    const char *text;
    size_t size;
    Group *groups;
    size_t group_count, group_capacity;
    Mark *marks;
    size_t mark_count, mark_capacity;
    uint32_t *stack; /* open groups; [group_capacity] */
    int *ends, count;
};

enum { ENDLESS = -1 }; /* a step beyond any number: an error, unless its group is just text */

/* Python's int(v) limited to `steps`. */
static int whole_step(double v, int steps) {
    if (v >= steps) return steps;
    return v >= 1 ? (int)v : 0; /* all below 1 are equivalent */
}

/* The number between the last colon and the closing bracket, as a step. */
static bool read_when(const PromptSchedule *s, Group *g, size_t close, const PromptOptions *o) {
    size_t from = prompt_skip_space(s->text, close, g->last_colon + 1), to = prompt_trim(s->text, from, close);
    const char *text = s->text + from;
    double v = 0;
    for (size_t i = from; i < to; i++) /* the grammar's digits are ASCII only, float()'s are not */
        if ((unsigned char)s->text[i] >= 0x80) return false;
    if (!prompt_number(text, to - from, true, &v)) return false;
    bool hires = o->hires_steps && !o->old_schedules;
    int steps = hires ? o->hires_steps : o->steps;
    if (o->old_schedules) v = v < 1 ? v * steps : v;
    else if (memchr(text, '.', to - from)) v = (v - (hires ? 1 : 0)) * steps;
    else v -= hires ? o->steps : 0;
    g->when = isfinite(v) ? whole_step(v, steps) : ENDLESS;
    return true;
}

/* The kind of the group that text[close] closes; GROUP_OPEN: it is none. */
static GroupKind classify(const PromptSchedule *s, Group *g, size_t close, const PromptOptions *o) {
    if (g->bracket == '(') return !g->bars && g->colons <= 1 ? GROUP_TEXT : GROUP_OPEN;
    if (!g->colons) return g->bars ? GROUP_ALTERNATE : GROUP_TEXT;
    return !g->bars && g->colons <= 2 && read_when(s, g, close, o) ? GROUP_SCHEDULED : GROUP_OPEN;
}

static bool mark(PromptSchedule *s, size_t at, size_t group) {
    if (!prompt_grow(&s->marks, &s->mark_capacity, s->mark_count, 1, sizeof *s->marks)) return false;
    s->marks[s->mark_count++] = (Mark){(uint32_t)at, (uint32_t)group};
    return true;
}

static bool open_group(PromptSchedule *s, size_t at, size_t *depth) {
    size_t before = s->group_capacity;
    if (!prompt_grow(&s->groups, &s->group_capacity, s->group_count, 1, sizeof *s->groups)) return false;
    if (s->group_capacity != before) {
        uint32_t *stack = realloc(s->stack, s->group_capacity * sizeof *stack);
        if (!stack) return false;
        s->stack = stack;
    }
    s->groups[s->group_count] = (Group){.bracket = s->text[at], .open = (uint32_t)at};
    s->stack[(*depth)++] = (uint32_t)s->group_count;
    return mark(s, at, s->group_count++);
}

/* Parses the text. *literal: it is not in the language. */
static bool parse(PromptSchedule *s, const PromptOptions *o, bool *literal, Error *e) {
    size_t depth = 0, unplaced = 0; /* open groups; bars outside valid groups */
    *literal = true;
    for (size_t i = 0; i < s->size; i++) {
        char c = s->text[i];
        Group *top = depth ? &s->groups[s->stack[depth - 1]] : NULL;
        if (c == '\\') {
            if (++i == s->size || s->text[i] == '\n') return true;
        } else if (c == '(' || c == '[') {
            if (!open_group(s, i, &depth)) return prompt_no_memory(e);
        } else if (c == '|' || (c == ':' && top)) {
            if (!top) return true;
            if (c == '|') top->bars++;
            else top->colons++, top->last_colon = (uint32_t)i;
            if (!mark(s, i, s->stack[depth - 1])) return prompt_no_memory(e);
        } else if ((c == ')' || c == ']') && top) {
            if (top->bracket == (c == ')' ? '(' : '[')) top->kind = (uint8_t)classify(s, top, i, o);
            if (top->kind != GROUP_OPEN) {
                top->close = (uint32_t)i;
                if (!mark(s, i, s->stack[--depth])) return prompt_no_memory(e);
            } else
                while (depth) unplaced += s->groups[s->stack[--depth]].bars;
        }
    }
    while (depth) unplaced += s->groups[s->stack[--depth]].bars;
    *literal = unplaced != 0;
    return true;
}

/* Which groups the original's parser takes, from the end of the text backwards. Where a group or plain text ends, it
 * takes that. A run of brackets and colons (of groups or stray) from s to e it takes as stray from s on if its length
 * is odd, else from s + 1 on. So in "[a:b:3][:" the run "][:" takes away the group's bracket. An alternating group
 * cannot be text, as its bars cannot, so a run begins after it. Runs with several groups follow further rules: of
 * generated texts made almost only of brackets, four in a thousand switch differently in the original. */
static bool settle(PromptSchedule *s) {
    uint32_t *ending =
        calloc(s->size + 1, sizeof *ending); /* what ends before an index: PLAIN, STRAY, or a group's number */
    enum { PLAIN, STRAY, FIRST };
    if (!ending) return false;
    for (size_t i = 0; i < s->size; i++) {
        if (s->text[i] == '\\') i++;
        else if (strchr("()[]:", s->text[i])) ending[i + 1] = STRAY;
    }
    for (size_t i = 0; i < s->group_count; i++)
        if (s->groups[i].kind != GROUP_OPEN) ending[s->groups[i].close + 1] = (uint32_t)i + FIRST;
    for (size_t at = s->size; at > 0;) {
        if (ending[at] == PLAIN) at--;
        else if (ending[at] >= FIRST) {
            Group *g = &s->groups[ending[at] - FIRST];
            g->chosen = true;
            at = g->open;
        } else {
            size_t from = at;
            while (ending[from] == STRAY ||
                   (ending[from] >= FIRST && s->groups[ending[from] - FIRST].kind != GROUP_ALTERNATE))
                from--;
            at = (at - from) % 2 ? from : from + 1;
        }
    }
    free(ending);
    size_t end = 0; /* of the last chosen group */
    for (size_t i = 0; i < s->group_count; i++) {
        Group *g = &s->groups[i];
        if (g->chosen) end = g->close;
        else if (g->open >= end) g->kind = GROUP_OPEN;
    }
    return true;
}

static bool is_choice(const Group *g) { return g->kind == GROUP_SCHEDULED || g->kind == GROUP_ALTERNATE; }

static bool collect_ends(PromptSchedule *s, int steps) {
    bool *ends = calloc((size_t)steps + 1, sizeof *ends), all = false;
    s->ends = malloc((size_t)steps * sizeof *s->ends);
    if (!ends || !s->ends) return free(ends), false;
    for (size_t i = 0; i < s->group_count; i++) {
        const Group *g = &s->groups[i];
        if (g->kind == GROUP_ALTERNATE) all = true;
        if (g->kind == GROUP_SCHEDULED && g->when >= 1) ends[g->when] = true;
    }
    for (int i = 1; i <= steps; i++)
        if (all || ends[i] || i == steps) s->ends[s->count++] = i;
    free(ends);
    return true;
}

PromptSchedule *prompt_schedule_new(const char *text, size_t size, const PromptOptions *o, Error *e) {
    PromptSchedule *s = calloc(1, sizeof *s);
    bool literal = false;
    if (!s) return prompt_no_memory(e), NULL;
    s->text = text;
    s->size = size;
    if (!parse(s, o, &literal, e)) return prompt_schedule_free(s), NULL;
    if (literal) s->group_count = s->mark_count = 0;
    else if (s->group_count && !settle(s)) return prompt_no_memory(e), prompt_schedule_free(s), NULL;
    for (size_t i = 0; i < s->group_count; i++) {
        const Group *g = &s->groups[i];
        size_t length = g->close - g->last_colon;
        if (g->kind != GROUP_SCHEDULED || g->when != ENDLESS) continue;
        error_set(e, ERR_ARGUMENT, "prompt: [...%.*s: the step is too large; write a fraction or a step",
                  (int)(length < 40 ? length + 1 : 40), text + g->last_colon);
        return prompt_schedule_free(s), NULL;
    }
    size_t kept = 0;
    for (size_t i = 0; i < s->mark_count; i++)
        if (is_choice(&s->groups[s->marks[i].group])) s->marks[kept++] = s->marks[i];
    s->mark_count = kept;
    if (!collect_ends(s, o->hires_steps && !o->old_schedules ? o->hires_steps : o->steps)) {
        prompt_no_memory(e);
        return prompt_schedule_free(s), NULL;
    }
    return s;
}

void prompt_schedule_free(PromptSchedule *s) {
    if (!s) return;
    free(s->groups);
    free(s->marks);
    free(s->stack);
    free(s->ends);
    free(s);
}

const int *prompt_schedule_ends(const PromptSchedule *s, int *count) {
    *count = s->count;
    return s->ends;
}

/* Whether the option that the walk has reached is shown at this step. */
static bool shows(const Group *g, int step) {
    if (g->kind == GROUP_ALTERNATE) return ((size_t)step - 1) % (g->bars + 1) == g->option;
    /* options: [before : after : when], or [after : when] */
    if (g->colons == 1) return step > g->when && g->option == 0;
    return g->option == (step <= g->when ? 0 : 1);
}

bool prompt_schedule_text(const PromptSchedule *s, int step, PromptBuffer *out) {
    size_t at = 0, depth = 0;
    bool shown = true;
    out->size = 0;
    for (size_t i = 0; i < s->mark_count; i++) {
        const Mark *m = &s->marks[i];
        Group *g = &s->groups[m->group];
        if (shown && !prompt_append(out, s->text + at, m->at - at)) return false;
        at = m->at + 1;
        char c = s->text[m->at];
        if (c == '[') {
            g->outer_shown = shown;
            g->option = 0;
            s->stack[depth++] = m->group;
        } else if (c != ']') g->option++;
        if (c == ']') {
            depth--;
            shown = g->outer_shown;
        } else shown = g->outer_shown && shows(g, step);
    }
    return !shown || prompt_append(out, s->text + at, s->size - at);
}
