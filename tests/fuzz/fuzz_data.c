/* fuzz_data.c: a folder of pictures to learn from: metadata.jsonl, a caption, a picture. What is used has a caption
 * that is text, lies in the folder, and can be read again. */
#define _XOPEN_SOURCE 700
#include "fuzz.h"

#include "sd/image/codecs/codecs.h"
#include "sd/train/folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SIDE = 8 };

/* A file of the folder, or none. */
static void set(const char *name, FuzzBytes content) {
    if (content.size) fuzz_file(name, content);
    else fuzz_remove(name);
}

static FuzzBytes good_picture(void) {
    static const uint8_t RGB[4 * 4 * 3];
    static uint8_t *bytes; /* made once: it does not change */
    static size_t size;
    Error e = {0};
    if (!bytes && !png_write(RGB, 4, 4, NULL, 80, &bytes, &size, &e)) abort();
    return (FuzzBytes){bytes, size};
}

static void look(const Folder *f, bool captions) {
    uint8_t rgb[SIDE * SIDE * 3];
    for (size_t i = 0; i < f->count; i++) {
        const FolderPicture *p = &f->at[i];
        Error e = {0};
        fuzz_require(*p->name != '/' && strcmp(p->name, "..") && strncmp(p->name, "../", 3) &&
                     !strstr(p->name, "/../"));
        fuzz_require(p->caption || !captions);
        if (p->caption) fuzz_utf8(p->caption);
        if (p->checked) fuzz_require(!p->reason && folder_picture(f, i, SIDE, rgb, &e));
    }
    for (int i = 0; i < f->note_count; i++)
        fuzz_require(*f->notes[i].what && f->notes[i].count > 0 && f->notes[i].names[0]);
}

FUZZ(data) {
    FuzzBytes rest = {data, size}, lines = fuzz_part(&rest), caption = fuzz_part(&rest), picture = fuzz_part(&rest);
    char path[1024];
    snprintf(path, sizeof path, "%s/data", fuzz_folder());
    mkdir(path, 0700);
    set("data/metadata.jsonl", lines);
    set("data/a.txt", caption);
    set("data/a.png", picture.size ? picture : good_picture());
    set("data/b.png", good_picture());
    set("data/b.caption", (FuzzBytes){(const uint8_t *)"b", 1});
    for (int captions = 0; captions < 2; captions++) {
        FolderOptions o = {.captions = captions, .size = SIDE, .most = 16, .threads = 1};
        Error e = {0};
        Folder *f = folder_open(path, &o, &e);
        if (fuzz_verdict(f != NULL, &e)) look(f, captions);
        folder_close(f);
    }
}
