/* serve.c: `sdc serve`: pictures over HTTP. The server is tools/server. */
#include "tools/server/server.h"
#include "tools/cli/commands.h"
#include "tools/cli/model_options.h"
#include "tensor/os.h"

typedef struct {
    ModelOptions open;
    const char *listen, *model, *models, *vaes, *loras, *upscalers, *controlnets, *outputs, *jobs, *settings, *styles;
    const char *image_encoder, *keys, *auth, *hosts, *origins, *cert, *key;
    const char *redis, *bucket, *endpoint, *region, *bucket_keys, *bucket_url, *spool;
    bool let_in, keep_orphans, log_prompts;
    bool by_host;
    int expires;
    int workers, queue, quota, pictures, connections, drain, spaces;
    size_t body;
} Arguments;

static const Option OPTIONS[] = {
    OPTION(STRING, listen, 0, "listen", "HOST:PORT", "where to listen (127.0.0.1:7860); :7860 is every address"),
    OPTION(STRING, model, 'm', "model", "MODEL",
           "the model to begin with (the built-in one, or the first of --models)"),
    OPTION(STRING, models, 0, "models", "DIR", "a folder of models that clients may choose from"),
    OPTION(STRING, vaes, 0, "vae-dir", "DIR", "likewise of VAEs"),
    OPTION(STRING, loras, 0, "lora-dir", "DIR", "of LoRAs"),
    OPTION(STRING, upscalers, 0, "upscaler-dir", "DIR", "of upscalers"),
    OPTION(STRING, controlnets, 0, "controlnet-dir", "DIR", "of ControlNets and IP-Adapters"),
    OPTION(STRING, image_encoder, 0, "image-encoder", "FILE",
           "the vision encoder of those IP-Adapters, a file or folder"),
    OPTION(STRING, outputs, 0, "outputs", "DIR", "where pictures go that a client wants saved"),
    OPTION(STRING, jobs, 0, "jobs", "FILE", "where jobs of /v1/jobs are kept, so that a restart loses none (memory)"),
    OPTION(STRING, redis, 0, "redis", "URL",
           "let workers elsewhere draw (sdc worker): redis://[[USER]:PASSWORD@]HOST[:PORT][/DB]"),
    OPTION(STRING, bucket, 0, "bucket", "s3://NAME[/PREFIX]",
           "send every picture that is drawn to this bucket, and tell its address"),
    OPTION(STRING, endpoint, 0, "endpoint", "URL", "of the bucket's service (Amazon's of the region)"),
    OPTION(STRING, region, 0, "region", "NAME", "of the bucket (us-east-1)"),
    OPTION(STRING, bucket_keys, 0, "bucket-keys", "FILE",
           "a line ID:SECRET or ID:SECRET:TOKEN (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN)"),
    OPTION(STRING, spool, 0, "spool", "DIR", "where pictures wait until the bucket has them"),
    OPTION(STRING, bucket_url, 0, "bucket-url", "URL",
           "how addresses read, {key} being the picture's: https://pictures.example.com/{key} (signed ones)"),
    OPTION_IN(INT, expires, 0, "bucket-expires", "N", 1, 604800, "seconds for which a signed address is good (86400)"),
    OPTION(FLAG, by_host, 0, "bucket-host", NULL, "the bucket's name is part of the host's: NAME.HOST/KEY"),
    OPTION(STRING, settings, 0, "settings", "FILE", "a file that keeps the settings, and the page's fields"),
    OPTION(STRING, styles, 0, "styles", "FILE", "prompts by name: the webui's styles.csv, or a new file"),
    OPTION(STRING, keys, 0, "keys", "FILE", "who may call: lines NAME:SECRET, for Basic, Bearer and api-key"),
    OPTION(STRING, auth, 0, "api-auth", "NAME:SECRET", "one such key (others on this machine can see it)"),
    OPTION(STRING, hosts, 0, "hosts", "NAME,...", "names of this machine that the Host header may have"),
    OPTION(STRING, origins, 0, "origins", "URL,...", "web pages elsewhere that may call: https://example.com"),
    OPTION(STRING, cert, 0, "tls-cert", "FILE", "a certificate, PEM: serve HTTPS"),
    OPTION(STRING, key, 0, "tls-key", "FILE", "and its key"),
    OPTION(FLAG, let_in, 0, "open", NULL, "let other machines in without keys"),
    OPTION_IN(INT, workers, 0, "workers", "N", 0, 64, "pictures drawn at a time (0: one for each GPU of --device)"),
    OPTION_IN(INT, queue, 0, "queue", "N", 1, 100000, "jobs that may wait (64); more get 503"),
    OPTION_IN(INT, quota, 0, "quota", "N", 0, 100000,
              "jobs that a key may have at a time (0: any number); more get 429"),
    OPTION_IN(INT, pictures, 0, "most-pictures", "N", 1, 100000, "pictures of one request (64)"),
    OPTION(SIZE, body, 0, "most-body", "SIZE", "of one request (64M)"),
    OPTION_IN(INT, connections, 0, "connections", "N", 1, 100000, "connections at a time (1000)"),
    OPTION(FLAG, keep_orphans, 0, "keep-orphans", NULL, "a client that goes away does not cancel its pictures"),
    OPTION_IN(INT, spaces, 0, "spaces-after", "N", 1, 100000,
              "seconds (60) until a reply that takes long begins, with spaces"),
    OPTION_IN(INT, drain, 0, "drain", "N", 0, 100000, "seconds (60) that jobs may take after SIGTERM"),
    OPTION(FLAG, log_prompts, 0, "log-prompts", NULL, "prompts in the log, which has a line for each request"),
    OPTION_ROWS(open, model_rows),
    OPTION_END};

static int check_bucket(const Command *c, const Arguments *a) {
    bool has = a->endpoint || a->region || a->bucket_keys || a->bucket_url || a->spool || a->by_host || a->expires;
    if (a->bucket && !a->spool) return usage_error(c, "--bucket: needs --spool DIR, where pictures wait for it");
    if (has && !a->bucket) return usage_error(c, "--endpoint, --region, --spool, --bucket-...: need --bucket");
    if (a->expires && a->bucket_url)
        return usage_error(c, "--bucket-expires: is of signed addresses; leave it or --bucket-url out");
    return GO_ON;
}

static int serve(const Command *c, int argc, char **argv) {
    char **given = argv; /* all of it: parsing moves what is no option, and then it is refused */
    Arguments a = {.listen = "127.0.0.1:7860",
                   .queue = 64,
                   .pictures = 64,
                   .connections = 1000,
                   .drain = 60,
                   .spaces = 60,
                   .body = 64 << 20};
    int rest = 0, code = options_parse(c, &a, argc, argv, &rest);
    if (code == GO_ON && rest) code = usage_error(c, "unexpected argument '%.60s'", argv[0]);
    if (code == GO_ON) code = check_bucket(c, &a);
    if (code == GO_ON) code = model_options_check(c, &a.open);
    if (code != GO_ON) return code;
    ServerOptions o = {.listen = a.listen,
                       .model = a.model,
                       .models_dir = a.models,
                       .vae_dir = a.vaes,
                       .lora_dir = a.loras,
                       .upscaler_dir = a.upscalers,
                       .controlnet_dir = a.controlnets,
                       .outputs_dir = a.outputs,
                       .jobs_file = a.jobs,
                       .settings_file = a.settings,
                       .styles_file = a.styles,
                       .image_encoder = a.image_encoder,
                       .keys_file = a.keys,
                       .api_auth = a.auth,
                       .hosts = a.hosts,
                       .origins = a.origins,
                       .tls_cert = a.cert,
                       .tls_key = a.key,
                       .redis = a.redis,
                       .bucket = {.where = a.bucket,
                                  .endpoint = a.endpoint,
                                  .region = a.region,
                                  .keys = a.bucket_keys,
                                  .spool = a.spool,
                                  .address = a.bucket_url,
                                  .expires = a.expires ? a.expires : 86400,
                                  .by_host = a.by_host},
                       .open = a.let_in,
                       .keep_orphans = a.keep_orphans,
                       .log_prompts = a.log_prompts,
                       .quiet = a.open.quiet,
                       .workers = a.workers,
                       .queue = a.queue,
                       .quota = a.quota,
                       .most_pictures = a.pictures,
                       .connections = a.connections,
                       .drain_seconds = a.drain,
                       .spaces_after = a.spaces,
                       .most_body = a.body,
                       .open_as = model_options_how(&a.open)};
    Error e = {0};
    os_catch_stop();
    return server_run(&o, given, &e) ? finish_output() : report(c, &e);
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
