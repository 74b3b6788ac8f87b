/* worker.c: `sdc worker`: draws for servers elsewhere. The rest is tools/server/redis. */
#include "tools/server/server.h"
#include "tools/cli/commands.h"
#include "tools/cli/model_options.h"
#include "tensor/os.h"

typedef struct {
    ModelOptions open;
    const char *redis, *model, *models, *vaes, *loras, *upscalers, *controlnets, *image_encoder;
    int workers, drain, claim, deliveries;
} Arguments;

static const Option OPTIONS[] = {
    OPTION(STRING, redis, 0, "redis", "URL", "where jobs are: redis://[[USER]:PASSWORD@]HOST[:PORT][/DB]"),
    OPTION(STRING, model, 'm', "model", "MODEL", "a model beside those of --models (the built-in one)"),
    OPTION(STRING, models, 0, "models", "DIR", "models, called as in the server's folder"),
    OPTION(STRING, vaes, 0, "vae-dir", "DIR", "likewise VAEs"),
    OPTION(STRING, loras, 0, "lora-dir", "DIR", "LoRAs"),
    OPTION(STRING, upscalers, 0, "upscaler-dir", "DIR", "upscalers"),
    OPTION(STRING, controlnets, 0, "controlnet-dir", "DIR", "ControlNets"),
    OPTION(STRING, image_encoder, 0, "image-encoder", "FILE", "the vision encoder of IP-Adapters"),
    OPTION_IN(INT, workers, 0, "workers", "N", 0, 64, "pictures drawn at a time (0: one for each GPU of --device)"),
    OPTION_IN(INT, claim, 0, "claim-after", "N", 1, 100000,
              "seconds (30) after which a job is taken from a worker that is not heard of"),
    OPTION_IN(INT, deliveries, 0, "deliveries", "N", 1, 1000,
              "workers (3) that a job may bring down, one after the other, before it fails"),
    OPTION_IN(INT, drain, 0, "drain", "N", 0, 100000, "seconds (60) that jobs may take after SIGTERM"),
    OPTION_ROWS(open, model_rows),
    OPTION_END};

static int worker(const Command *c, int argc, char **argv) {
    char **given = argv; /* all of it: parsing moves what is no option, and then it is refused */
    Arguments a = {.drain = 60, .claim = 30, .deliveries = 3};
    int rest = 0, code = options_parse(c, &a, argc, argv, &rest);
    if (code == GO_ON && rest) code = usage_error(c, "unexpected argument '%.60s'", argv[0]);
    if (code == GO_ON && !a.redis) code = usage_error(c, "--redis: is needed: redis://HOST");
    if (code == GO_ON) code = model_options_check(c, &a.open);
    if (code != GO_ON) return code;
    ServerOptions o = {.redis = a.redis,
                       .model = a.model,
                       .models_dir = a.models,
                       .vae_dir = a.vaes,
                       .lora_dir = a.loras,
                       .upscaler_dir = a.upscalers,
                       .controlnet_dir = a.controlnets,
                       .image_encoder = a.image_encoder,
                       .quiet = a.open.quiet,
                       .workers = a.workers,
                       .queue = 1000,
                       .most_pictures = 100000,
                       .drain_seconds = a.drain,
                       .claim_after = a.claim,
                       .most_deliveries = a.deliveries,
                       .open_as = model_options_how(&a.open)};
    Error e = {0};
    os_catch_stop();
    return server_work(&o, given, &e) ? finish_output() : report(c, &e);
}

const Command WORKER = {"worker",
                        worker,
                        "--redis URL [options]",
                        "draw for servers that run `sdc serve --redis URL`",
                        "Start one on every machine, and stop any of them at any time: what it had begun is drawn by "
                        "another. It takes jobs "
                        "of the models that it has, first those of the model that it has open.\n"
                        "SDC_REDIS_PASSWORD is the password where the address has none.",
                        OPTIONS};
