/* server.c: `sdc serve` from its beginning to its end. */
#include "server.h"

#include "tools/server/api/dispatch.h"
#include "tools/server/jobs/workers.h"
#include "tensor/os.h"
#include "tools/server/http/http.h"
#include "tools/server/api/native.h"
#include "weights/files/text_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK 0.03
enum { CLEAN_EVERY = 60 }; /* seconds */

typedef struct {
    Serve serve;
    char host[256];
    char *cert, *key;
    LinkAddress redis;
} Running;

/* --- where it listens --- */

static bool split(const char *listen, char host[256], char port[16], Error *e) {
    const char *colon = strrchr(listen, ':'), *begin = listen, *end = colon;
    if (!colon || !colon[1] || strlen(colon + 1) > 5 || colon[1 + strspn(colon + 1, "0123456789")] ||
        colon - listen > 200)
        return error_set(e, ERR_ARGUMENT, "--listen: '%.100s' is no HOST:PORT; write 127.0.0.1:7860", listen);
    if (*begin == '[' && end > begin + 1 && end[-1] == ']') begin++, end--;
    snprintf(host, 256, "%.*s", (int)(end - begin), begin);
    snprintf(port, 16, "%s", colon + 1);
    return true;
}

static bool listen_on(Running *x, OsListener *at, Error *e) {
    const ServerOptions *o = x->serve.o;
    const char *why = NULL;
    char port[16];
    if (!split(o->listen, x->host, port, e)) return false;
    if (os_listen(*x->host ? x->host : NULL, port, !x->serve.keys.count && !o->open, at, &why)) return true;
    if (!why)
        return error_set(
            e, ERR_ARGUMENT,
            "--listen: %.100s lets other machines in without a key; name a file with --keys, or say --open", o->listen);
    return error_set(e, ERR_FILE, "%.100s: cannot listen there: %s; choose another with --listen", o->listen, why);
}

static char *read_pem(const char *path, Error *e) {
    FileWanted wanted = {1 << 20, "name a PEM file", NULL};
    return path ? text_file_read(path, &wanted, NULL, e) : NULL;
}

/* --- the end --- */

static void wait_for(Running *x, double seconds, bool calls) {
    double until = os_clock() + seconds;
    for (;;) {
        int waiting, working, connections, open = 0;
        jobs_count(x->serve.jobs, &waiting, &working);
        if (calls) http_count(x->serve.http, &connections, &open);
        if (!waiting + !working == 2 && !open) return;
        if (os_clock() > until) return;
        http_watch(x->serve.http);
        os_sleep(TICK);
    }
}

static void stop(Running *x) {
    x->serve.ready = false;
    if (x->serve.jobs) jobs_close(x->serve.jobs);
    if (x->serve.http) wait_for(x, x->serve.o->drain_seconds, false);
    if (x->serve.jobs) jobs_cancel_all(x->serve.jobs), jobs_end(x->serve.jobs);
    workers_join(&x->serve);
    publisher_free(x->serve.publisher);
    if (x->serve.http) wait_for(x, 2, true); /* until the last answers are sent */
    http_stop(x->serve.http);
    jobs_free(x->serve.jobs);
    bucket_close(x->serve.bucket);
    store_close(x->serve.store);
    settings_free(x->serve.settings);
    os_lock_free(x->serve.styles);
    tokenizer_free(x->serve.tokenizer);
    catalog_free(x->serve.catalog);
    free(x->cert), free(x->key);
    free(x);
}

/* --- the beginning --- */

static bool begin(Running *x, const ServerOptions *o, OsListener *at, Error *e) {
    Serve *s = &x->serve;
    *at = (OsListener){.socket = OS_NO_FILE};
    s->o = o, s->began = os_clock(), s->routes = ROUTES;
    if (o->keys_file && !keys_read(&s->keys, o->keys_file, e)) return false;
    if (o->api_auth && !keys_add(&s->keys, o->api_auth, "--api-auth", e)) return false;
    if (!o->tls_cert != !o->tls_key)
        return error_set(e, ERR_ARGUMENT, "--tls-cert: needs --tls-key, and that needs it");
    if (o->outputs_dir && os_kind(o->outputs_dir) != OS_DIRECTORY && !os_make_directory(o->outputs_dir, false))
        return error_set(e, ERR_FILE, "%s: cannot be made; name a folder for pictures with --outputs", o->outputs_dir);
    x->cert = read_pem(o->tls_cert, e), x->key = read_pem(o->tls_key, e);
    if (e->code || !listen_on(x, at, e)) return false;
    s->guard = (Guard){.keys = &s->keys,
                       .listen = x->host,
                       .hosts = o->hosts,
                       .origins = o->origins,
                       .any_host = !at->loopback && s->keys.count && !o->hosts};
    if (!(s->styles = os_lock_new()) || !(s->tokenizer = tokenizer_new()))
        return error_set(e, ERR_MEMORY, "out of memory for the tokenizer");
    if (!(s->catalog = catalog_new(o, e)) || !(s->settings = settings_new(o, s->catalog, e)) ||
        !(s->jobs = jobs_new(o->queue, 4 * o->most_body, o->quota, o->redis != NULL, e)) ||
        !(s->store = store_open(o->jobs_file, e)))
        return false;
    if (o->redis) {
        if (!link_address(&x->redis, o->redis, e)) return false;
        s->redis = &x->redis;
    }
    if (o->bucket.where &&
        (!(s->bucket = bucket_open(&o->bucket, e)) || !(s->publisher = publisher_new(s->bucket, s->jobs, s, e))))
        return false;
    native_resume(s);
    return workers_start(s, e);
}

bool server_run(const ServerOptions *o, char **argv, Error *e) {
    OsListener at;
    (void)argv;
    os_ignore_sigpipe();
    Running *x = calloc(1, sizeof *x);
    if (!x) return error_set(e, ERR_MEMORY, "out of memory for the server");
    if (!begin(x, o, &at, e)) {
        os_socket_close(at.socket);
        return stop(x), false;
    }
    HttpOptions http = {.at = at,
                        .cert = x->cert,
                        .key = x->key,
                        .connections = o->connections,
                        .most_body = o->most_body,
                        .spaces_after = o->spaces_after,
                        .user = &x->serve,
                        .begin = dispatch_begin,
                        .handle = dispatch_handle,
                        .ended = dispatch_ended};
    x->serve.http = http_start(&http, e);
    if (!x->serve.http) return stop(x), false;
    x->serve.ready = true;
    bool brackets = strchr(x->host, ':') != NULL;
    printf("serving on %s://%s%s%s:%d/\n", o->tls_key ? "https" : "http", brackets ? "[" : "",
           *x->host ? x->host : "localhost", brackets ? "]" : "", at.port);
    fflush(stdout);
    for (double cleaned = 0; !os_stop_signal(); os_sleep(TICK)) {
        http_watch(x->serve.http);
        if (os_clock() - cleaned < CLEAN_EVERY) continue;
        store_clean(x->serve.store);
        cleaned = os_clock();
    }
    stop(x);
    return true;
}
