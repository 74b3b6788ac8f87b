/* catalog.h: the files that clients may name: models, VAEs and so on, as they lie in the server's folders. A name that
 * is not in the lists opens nothing. */
#ifndef SD_TOOLS_SERVER_CATALOG_H
#define SD_TOOLS_SERVER_CATALOG_H

#include "server.h"
#include "tensor/os.h"

typedef enum {
    LIST_MODELS,
    LIST_VAES,
    LIST_LORAS,
    LIST_EMBEDDINGS,
    LIST_UPSCALERS,
    LIST_CONTROLNETS,
    LIST_COUNT
} ListKind;

#define BUILTIN_NAME "built-in"

typedef struct {
    char *path;         /* NULL: the built-in model */
    char *file;         /* below its folder: "people/x.safetensors"; a folder's name */
    char *name;         /* the file's, without folders and ending */
    char hash[65];      /* SHA-256, as far as a picture has told it; "": unknown */
    int vectors, width; /* an embedding's; 0: it is none that can be read */
} CatalogEntry;

typedef struct Catalog Catalog;

/* Looks through the folders. The model that the command line names is in the list wherever it lies. */
Catalog *catalog_new(const ServerOptions *o, Error *e);
void catalog_free(Catalog *c);
/* Looks again; what cannot be read now keeps its place. */
void catalog_refresh(Catalog *c);

/* Calls `each` for every entry, with the lists locked. */
void catalog_each(Catalog *c, ListKind kind, void (*each)(void *user, const CatalogEntry *entry), void *user);
/* What a client means by a name: the title, with or without "[HASH]", the file's name with or without folders and
 * ending, or the hash (8 digits or more), in any case of letters. True: *builtin, or path. title may be NULL. */
bool catalog_find(Catalog *c, ListKind kind, const char *name, char path[OS_PATH_SIZE], char title[OS_PATH_SIZE],
                  bool *builtin);
/* "people/x.safetensors [0123456789]", or without a hash while it is unknown. */
void catalog_title(const CatalogEntry *entry, char out[OS_PATH_SIZE]);
/* A model's hash, of which the first digits are known, from now on. path NULL: the built-in one. */
void catalog_learn(Catalog *c, const char *path, const char *hash);
int catalog_count(Catalog *c, ListKind kind);

#endif
