/* checkpoint.c: a checkpoint that is one file in memory, in place of weights/checkpoint.c: no folders, no parts from
 * files of their own, no other spellings of names, none of which `sdc convert` leaves. */
#include "weights/checkpoint.h"

#include <stdlib.h>
#include <string.h>

Checkpoint *checkpoint_open_memory(const char *name, const void *bytes, size_t size, Error *e) {
    Checkpoint *c = calloc(1, sizeof *c);
    if (c && (c->path = malloc(strlen(name) + 1))) {
        strcpy(c->path, name);
        c->file = weight_file_open_memory(name, bytes, size, e);
    } else error_set(e, ERR_MEMORY, "%s: out of memory", name);
    if (c && c->file) return c;
    checkpoint_close(c);
    return NULL;
}

Checkpoint *checkpoint_open(const char *path, Error *e) {
    error_set(e, ERR_FILE, "%s: sd_core opens no files; call sd_open_memory", path);
    return NULL;
}

void checkpoint_close(Checkpoint *c) {
    if (!c) return;
    weight_file_close(c->file);
    free(c->path);
    free(c);
}

Found checkpoint_find(const Checkpoint *c, const char *key) {
    const FileTensor *t = weight_file_find(c->file, key);
    return (Found){t ? c->file : NULL, t};
}

int64_t checkpoint_tensors(const Checkpoint *c) { return (int64_t)c->file->count; }
const char *checkpoint_path(const Checkpoint *c, GivenPart part) { return (void)part, c->path; }
bool checkpoint_is_given(const Checkpoint *c, GivenPart part) { return (void)c, (void)part, false; }
void checkpoint_give_own(Checkpoint *c) { (void)c; }
bool checkpoint_give_tiny_vae(Checkpoint *c, Error *e) { return (void)c, (void)e, true; }

/* A TAESD is asked for as its decoder and its encoder. */
bool checkpoint_give(Checkpoint *c, GivenPart part, const char *path, Error *e) {
    (void)c;
    return !path || error_set(e, ERR_FILE, "%s: sd_core takes no %s from a file of its own; leave it out", path,
                              given_name(part));
}

const char *given_name(GivenPart part) {
    return part == GIVEN_UNET            ? "U-Net"
           : part == GIVEN_VAE           ? "VAE"
           : part >= GIVEN_TAESD_DECODER ? "TAESD"
                                         : "text encoder";
}
