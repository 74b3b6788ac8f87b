/* server.h: `sdc serve`: pictures over HTTP, for the webui's clients and others. */
#ifndef SD_TOOLS_SERVER_SERVER_H
#define SD_TOOLS_SERVER_SERVER_H

#include "sd/sd.h"

#include "tools/server/bucket/bucket.h"

typedef struct {
    const char *listen;     /* "127.0.0.1:7860", "[::1]:7860", ":7860" (all addresses), "localhost:0" (any port) */
    const char *model;      /* that is loaded first, a name of the list or a path; NULL: the first there is */
    const char *models_dir; /* folders whose files clients may name; NULL: none */
    const char *vae_dir, *lora_dir, *upscaler_dir, *controlnet_dir;
    const char *outputs_dir;   /* where pictures are kept that a client wants saved; NULL: nowhere */
    const char *jobs_file;     /* jobs that outlive their calls; NULL: in memory */
    const char *styles_file;   /* prompts by name, the webui's styles.csv; NULL: none */
    const char *image_encoder; /* CLIP's vision encoder, for IP-Adapters of controlnet_dir; NULL: none */
    const char *settings_file; /* where POST options persists; NULL: nowhere */
    const char *keys_file;     /* lines NAME:SECRET; NULL: none */
    const char *api_auth;      /* one more such key, "NAME:SECRET", or NULL */
    const char *hosts;         /* names that the Host header may have besides the address listened on, by commas */
    const char *origins;       /* web pages that may call: "https://example.com", by commas */
    const char *tls_cert, *tls_key;
    BucketOptions bucket;             /* where NULL: none */
    const char *redis;                /* "redis://HOST": workers elsewhere draw; NULL: this process does */
    int claim_after, most_deliveries; /* of a worker */
    bool open;                        /* listen for other machines without keys */
    bool keep_orphans;                /* a client that goes away does not cancel its job */
    bool log_prompts;                 /* in the log's lines */
    bool quiet;                       /* no log */
    int workers;                      /* pictures drawn at the same time */
    int queue;                        /* jobs that may wait */
    int quota;                        /* jobs that a key may have waiting or at work; 0: as many as fit */
    int most_pictures;                /* of one request */
    int connections;                  /* open at once */
    int drain_seconds;                /* that work may take once the server is told to stop */
    int spaces_after;                 /* seconds after which an answer that takes long is begun, by spaces */
    size_t most_body;                 /* bytes of a request */
    SdOptions open_as;                /* how models are opened; its memory limit is of the whole process */
} ServerOptions;

/* Serves until os_stop_signal, having printed a line with its address. False: it could not begin. argv: the command
 * line, NULL after the last, for sdc, which hands it to sdc-serve (absent.c). */
bool server_run(const ServerOptions *o, char **argv, Error *e);

/* Draws what servers put into Redis, until os_stop_signal. As server_run. */
bool server_work(const ServerOptions *o, char **argv, Error *e);

#endif
