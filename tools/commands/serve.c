/* serve.c: `sdc serve`: pictures over HTTP. The server is tools/server. */
#include "server_options.h"
#include "tools/cli/commands.h"
#include "tensor/os.h"

static const Option OPTIONS[] = {
    OPTION(STRING, server.listen, 0, "listen", "HOST:PORT", "where to listen (127.0.0.1:7860); :7860 is every address"),
    OPTION(STRING, server.model, 'm', "model", "MODEL",
           "the model to begin with (the built-in one, or the first of --models)"),
    OPTION_ROWS(server, server_rows),
    OPTION(STRING, server.outputs_dir, 0, "outputs", "DIR", "where pictures go that a client wants saved"),
    OPTION(STRING, server.jobs_file, 0, "jobs", "FILE",
           "where jobs of /v1/jobs are kept, so that a restart loses none (memory)"),
    OPTION(STRING, server.redis, 0, "redis", "URL",
           "let workers elsewhere draw (sdc worker): redis://[[USER]:PASSWORD@]HOST[:PORT][/DB]"),
    OPTION(STRING, server.bucket.where, 0, "bucket", "s3://NAME[/PREFIX]",
           "send every picture that is drawn to this bucket, and tell its address"),
    OPTION(STRING, server.bucket.endpoint, 0, "endpoint", "URL", "of the bucket's service (Amazon's of the region)"),
    OPTION(STRING, server.bucket.region, 0, "region", "NAME", "of the bucket (us-east-1)"),
    OPTION(STRING, server.bucket.keys, 0, "bucket-keys", "FILE",
           "a line ID:SECRET or ID:SECRET:TOKEN (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN)"),
    OPTION(STRING, server.bucket.spool, 0, "spool", "DIR", "where pictures wait until the bucket has them"),
    OPTION(STRING, server.bucket.address, 0, "bucket-url", "URL",
           "how addresses read, {key} being the picture's: https://pictures.example.com/{key} (signed ones)"),
    OPTION_IN(INT, server.bucket.expires, 0, "bucket-expires", "N", 1, 604800,
              "seconds for which a signed address is good (86400)"),
    OPTION(FLAG, server.bucket.by_host, 0, "bucket-host", NULL,
           "the bucket's name is part of the host's: NAME.HOST/KEY"),
    OPTION(STRING, server.settings_file, 0, "settings", "FILE",
           "a file that keeps the settings, and the page's fields"),
    OPTION(STRING, server.styles_file, 0, "styles", "FILE", "prompts by name: the webui's styles.csv, or a new file"),
    OPTION(STRING, server.keys_file, 0, "keys", "FILE",
           "who may call: lines NAME:SECRET, for Basic, Bearer and api-key"),
    OPTION(STRING, server.api_auth, 0, "api-auth", "NAME:SECRET", "one such key (others on this machine can see it)"),
    OPTION(STRING, server.hosts, 0, "hosts", "NAME,...", "names of this machine that the Host header may have"),
    OPTION(STRING, server.origins, 0, "origins", "URL,...", "web pages elsewhere that may call: https://example.com"),
    OPTION(STRING, server.tls_cert, 0, "tls-cert", "FILE", "a certificate, PEM: serve HTTPS"),
    OPTION(STRING, server.tls_key, 0, "tls-key", "FILE", "and its key"),
    OPTION(FLAG, server.open, 0, "open", NULL, "let other machines in without keys"),
    OPTION_IN(INT, server.queue, 0, "queue", "N", 1, 100000, "jobs that may wait (64); more get 503"),
    OPTION_IN(INT, server.quota, 0, "quota", "N", 0, 100000,
              "jobs that a key may have at a time (0: any number); more get 429"),
    OPTION_IN(INT, server.most_pictures, 0, "most-pictures", "N", 1, 100000, "pictures of one request (64)"),
    OPTION(SIZE, server.most_body, 0, "most-body", "SIZE", "of one request (64M)"),
    OPTION_IN(INT, server.connections, 0, "connections", "N", 1, 100000, "connections at a time (1000)"),
    OPTION(FLAG, server.keep_orphans, 0, "keep-orphans", NULL, "a client that goes away does not cancel its pictures"),
    OPTION_IN(INT, server.spaces_after, 0, "spaces-after", "N", 1, 100000,
              "seconds (60) until a reply that takes long begins, with spaces"),
    OPTION(FLAG, server.log_prompts, 0, "log-prompts", NULL, "prompts in the log, which has a line for each request"),
    OPTION_ROWS(open, model_rows),
    OPTION_END};

static int check_bucket(const Command *c, const BucketOptions *b) {
    bool has = b->endpoint || b->region || b->keys || b->address || b->spool || b->by_host || b->expires;
    if (b->where && !b->spool) return usage_error(c, "--bucket: needs --spool DIR, where pictures wait for it");
    if (has && !b->where) return usage_error(c, "--endpoint, --region, --spool, --bucket-...: need --bucket");
    if (b->expires && b->address)
        return usage_error(c, "--bucket-expires: is of signed addresses; leave it or --bucket-url out");
    return GO_ON;
}

static int serve(const Command *c, int argc, char **argv) {
    char **given = argv; /* all of it: parsing moves what is no option, and then it is refused */
    Arguments a = {.server = {.listen = "127.0.0.1:7860",
                              .queue = 64,
                              .most_pictures = 64,
                              .connections = 1000,
                              .drain_seconds = 60,
                              .spaces_after = 60,
                              .most_body = 64 << 20}};
    ServerOptions *o = &a.server;
    int code = server_options_parse(c, &a, argc, argv);
    if (code == GO_ON) code = check_bucket(c, &o->bucket);
    if (code != GO_ON) return code;
    if (!o->bucket.expires) o->bucket.expires = 86400;
    Error e = {0};
    os_catch_stop();
    return server_run(o, given, &e) ? finish_output() : report(c, &e);
}

const Command SERVE = {
    "serve",
    serve,
    "[options]",
    "draw pictures for programs and people, over HTTP",
    "Programs that know the webui's API (/sdapi/v1/txt2img and so on) work with it; /openapi.json lists what it takes. "
    "Without options it serves the built-in model to this machine alone. Other machines are let in with --listen :7860 "
    "and --keys FILE.\n"
    "A reply's `warnings` name what of a request has no effect. SIGTERM lets what was accepted finish; a second signal "
    "ends at once.",
    OPTIONS};
