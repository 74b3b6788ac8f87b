#include "prompt_lines.h"

#include "axis.h"
#include "tools/cli/options/option_value.h"
#include "tools/cli/options/text_option.h"
#include "sd/info/params.h"
#include "weights/files/files_below.h"
#include "weights/files/file_open.h"
#include "weights/files/text_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* The word at *p as a POSIX shell reads it, into out, which has room for it; false: a quote is not closed. */
static bool take_word(const char **p, const char *end, char *out) {
    char quote = 0;
    const char *s = *p;
    for (; s < end && (quote || !is_space(*s)); s++) {
        if (quote && *s == quote) quote = 0;
        else if (!quote && (*s == '"' || *s == '\'')) quote = *s;
        else if (*s == '\\' && quote != '\'' && s + 1 < end && (!quote || s[1] == '"' || s[1] == '\\')) *out++ = *++s;
        else *out++ = *s;
    }
    *out = 0;
    *p = s;
    return !quote;
}

static bool no_memory(Error *e) { return error_set(e, ERR_MEMORY, "out of memory for a file of prompts"); }

static bool add_word(PromptLine *l, const char *text, size_t n) {
    char **words = realloc(l->words, (size_t)(l->count + 1) * sizeof *words);
    if (words) l->words = words;
    return words && (l->words[l->count] = text_copy(text, n)) && ++l->count;
}

/* line[0..n) without spaces around it. */
static bool add_line(PromptLines *all, const char *path, int number, const char *line, size_t n, Error *e) {
    if (!list_grow(&all->at, &all->capacity, all->count, sizeof *all->at)) return no_memory(e);
    PromptLine *l = &all->at[all->count++];
    *l = (PromptLine){.number = number, .options = n > 1 && line[0] == '-' && line[1] == '-'};
    if (!l->options) return add_word(l, line, n) || no_memory(e);
    char *work = malloc(n + 1);
    bool ok = work || no_memory(e);
    for (const char *p = line, *end = line + n; ok && p < end;) {
        while (p < end && is_space(*p)) p++;
        if (p == end) break;
        if (!take_word(&p, end, work))
            ok = error_set(e, ERR_FORMAT, "%s: line %d: a quote is not closed", file_shown(path), number);
        ok = ok && (add_word(l, work, strlen(work)) || no_memory(e));
    }
    free(work);
    return ok;
}

bool prompt_lines_read(const char *path, PromptLines *out, Error *e) {
    const FileWanted wanted = {.most = TEXT_OPTION_MOST, .advice = "name a text file with a prompt on each line"};
    size_t size;
    *out = (PromptLines){0};
    char *text = text_file_read(path, &wanted, &size, e);
    bool ok = text != NULL;
    int number = 0;
    if (ok) text_newlines(text, size);
    for (const char *p = text; ok && *p;) {
        size_t n = strcspn(p, "\n"), whole = n;
        const char *line = p;
        number++;
        while (n && is_space(line[n - 1])) n--;
        while (n && is_space(*line)) line++, n--;
        if (out->count == PROMPT_LINES_MOST)
            ok =
                error_set(e, ERR_FORMAT, "%s: has more than %d prompts; split it", file_shown(path), PROMPT_LINES_MOST);
        ok = ok && (!n || add_line(out, path, number, line, n, e));
        p += whole + (p[whole] == '\n');
    }
    free(text);
    return ok &&
           (out->count || error_set(e, ERR_FORMAT, "%s: has no prompt; write one on each line", file_shown(path)));
}

void prompt_lines_free(PromptLines *l) {
    for (size_t i = 0; i < l->count; i++) {
        for (int k = 0; k < l->at[i].count; k++) free(l->at[i].words[k]);
        free(l->at[i].words);
    }
    free(l->at);
    *l = (PromptLines){0};
}

/* A prompt as it stands, whatever it begins with. */
static int set_text(const Command *c, const char *where, const Option *o, const char *text, PictureArguments *a) {
    Error e = {0};
    char *copy = text_check(text, where, &e) ? text_copy(text, strlen(text)) : NULL,
         **at = (char **)(void *)((char *)a + o->at);
    if (!copy && !e.code) no_memory(&e);
    if (!copy) return report(c, &e);
    free(*at);
    *at = copy;
    return GO_ON;
}

/* The words up to the next option, joined by spaces, as the webui takes a prompt. */
static char *join(const PromptLine *l, int *i) {
    size_t size = 1, n = 0;
    int end = *i;
    for (int k = end; k < l->count && (k == *i || strncmp(l->words[k], "--", 2)); k++)
        size += strlen(l->words[k]) + 1, end++;
    char *text = malloc(size);
    for (int k = *i; text && k < end; k++) n += (size_t)sprintf(text + n, "%s%s", k > *i ? " " : "", l->words[k]);
    *i = end;
    return text;
}

static int set_words(const Command *c, const char *path, const PromptLine *l, PictureArguments *a) {
    char where[300];
    for (int i = 0; i < l->count;) {
        const char *name = l->words[i];
        char shown[64];
        Option o;
        snprintf(shown, sizeof shown, "%.60s", name);
        snprintf(where, sizeof where, "%.150s: line %d: %s", file_shown(path), l->number, shown);
        if (strncmp(name, "--", 2))
            return usage_error(c, "%s: is no option; write --NAME VALUE, or quote a value", where);
        if (!axis_option(c, name + 2, strlen(name + 2), &o))
            return usage_error(c, "%s: no such option for a line", where);
        if (++i == l->count) return usage_error(c, "%s: needs a value", where);
        int code;
        if (o.kind == OPT_TEXT) {
            char *text = join(l, &i);
            Error e = {0};
            if (!text) return no_memory(&e), report(c, &e);
            code = set_text(c, where, &o, text, a);
            free(text);
        } else {
            where[strlen(where) - strlen(shown) - 2] = 0;
            code = axis_set_option(c, where, &o, l->words[i++], a);
        }
        if (code != GO_ON) return code;
    }
    return GO_ON;
}

int prompt_lines_set(const Command *c, const char *path, const PromptLines *l, size_t i, PictureArguments *a) {
    const PromptLine *line = &l->at[i];
    char where[300];
    Option o;
    if (line->options) return set_words(c, path, line, a);
    snprintf(where, sizeof where, "%.150s: line %d", file_shown(path), line->number);
    return axis_option(c, "prompt", 6, &o) ? set_text(c, where, &o, line->words[0], a) : GO_ON;
}
