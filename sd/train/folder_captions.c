/* folder_captions.c: captions in files beside the pictures, and what is worth saying of captions. */
#include "folder_parts.h"

#include "sd/text/tokenizer.h"
#include "weights/files/text_file.h"

#include <stdlib.h>
#include <string.h>

enum { CAPTION_MOST = 1 << 16, CHUNK = 75 };

/* A caption's file, without the white space at its end. UTF-8 only: so a folder means the same to other trainers. */
static char *read_caption(const Folder *f, const char *name, Error *e) {
    static const FileWanted WANTED = {.most = CAPTION_MOST, .advice = "a picture needs a short caption"};
    size_t size;
    char *path = folder_path(f, name, e), *bytes = path ? file_read(path, &WANTED, &size, e) : NULL;
    char *text = bytes ? text_decode(bytes, size, path, true, &size, e) : NULL;
    while (text && size && strchr(" \t\r\n", text[size - 1])) size--;
    if (text) text[size] = 0;
    free(bytes);
    free(path);
    return text;
}

/* The caption of a picture in the list of names, or count: the first of these endings. */
static size_t find_caption(const FolderNames *names, char *stem, char *end, const char *const *endings) {
    size_t found = names->count;
    for (; *endings && found == names->count; endings++) {
        strcpy(end, *endings);
        found = folder_find_name(names, stem);
    }
    return found;
}

bool folder_captions(Folder *f, FolderNames *names, size_t *missing, Error *e) {
    static const char *const TXT[] = {".txt", ".TXT", ".Txt", NULL}, *const CAPTION[] = {".caption", ".CAPTION", NULL};
    for (size_t i = 0; i < f->count; i++) {
        FolderPicture *p = &f->at[i];
        size_t length = strlen(p->name);
        char *stem = malloc(length + sizeof ".caption");
        if (!stem) return folder_no_memory(f, e);
        strcpy(stem, p->name);
        char *end = strrchr(stem, '.');
        size_t txt = find_caption(names, stem, end, TXT), other = find_caption(names, stem, end, CAPTION);
        free(stem);
        size_t at = txt < names->count ? txt : other;
        if (at == names->count) {
            ++*missing;
            continue;
        }
        if (at != other && other < names->count && !names->used[other] &&
            !folder_note(f, false, names->at[other], "captions beside a .txt, which counts", e))
            return false;
        if (names->used[at] && !folder_note(f, false, names->at[at], "captions of more than one picture", e))
            return false;
        names->used[at] = true;
        if (other < names->count) names->used[other] = true;
        if (!(p->caption = read_caption(f, names->at[at], e))) return false;
    }
    return true;
}

/* Whether a caption has more tokens than a chunk holds; -1: out of memory. */
static int is_long(const Tokenizer *t, const char *caption) {
    size_t size = strlen(caption);
    if (size <= CHUNK) return 0;
    int32_t *ids;
    int64_t n = tokenizer_encode(t, TOKENS_OPENAI, caption, size, &ids);
    free(ids);
    return n < 0 ? -1 : n > CHUNK;
}

bool folder_captions_note(Folder *f, Error *e) {
    Tokenizer *t = tokenizer_new();
    bool ok = t || folder_no_memory(f, e);
    for (size_t i = 0; ok && i < f->checked; i++) {
        const FolderPicture *p = &f->at[i];
        int is = is_long(t, p->caption);
        if (is < 0) ok = folder_no_memory(f, e);
        if (ok && is) ok = folder_note(f, false, p->name, "captions of more than 75 tokens, which are cut", e);
        if (ok && !*p->caption) ok = folder_note(f, false, p->name, "empty captions", e);
        if (ok && strchr(p->caption, '\n'))
            ok = folder_note(f, false, p->name, "captions of several lines, all of which count", e);
    }
    tokenizer_free(t);
    return ok;
}
