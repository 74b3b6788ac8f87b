#include "ask_model.h"

#include <stdlib.h>
#include <string.h>

static bool keep(char **at, const char *name, Fault *f) {
    char *copy = malloc(strlen(name) + 1);
    if (!copy) return fault(f, 500, "", "out of memory");
    strcpy(copy, name);
    free(*at);
    *at = copy;
    return true;
}

bool ask_model(Serve *s, Job *j, const char *key, const char *name, Fault *f) {
    char path[OS_PATH_SIZE], title[OS_PATH_SIZE];
    bool builtin, vae = !strcmp(key, "sd_vae"), refiner = !strcmp(key, "refiner_checkpoint");
    if (!*name || (!vae && !refiner && !strcmp(name, "None"))) return true;
    if (!strcmp(name, "None") || !strcmp(name, "Automatic")) {
        free(vae ? j->vae : j->refiner);
        if (vae) j->vae = NULL;
        else j->refiner = NULL;
        return true;
    }
    if (!catalog_find(s->catalog, vae ? LIST_VAES : LIST_MODELS, name, path, title, &builtin))
        return fault(f, 404, key, "%s '%.200s' not found", vae ? "VAE" : "model", name);
    if (vae) return keep(&j->vae, path, f);
    if (refiner && builtin) return fault(f, 422, key, "the built-in model refines nothing");
    if (refiner) return keep(&j->refiner, path, f);
    free(j->model);
    j->model = NULL;
    return keep(&j->title, title, f) && (builtin || keep(&j->model, path, f));
}
