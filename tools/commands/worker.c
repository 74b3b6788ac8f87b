/* worker.c: `sdc worker`: draws for servers elsewhere. The rest is tools/server/redis. */
#include "server_options.h"
#include "tools/cli/commands.h"
#include "tensor/os.h"

static const Option OPTIONS[] = {
    OPTION(STRING, server.redis, 0, "redis", "URL", "where jobs are: redis://[[USER]:PASSWORD@]HOST[:PORT][/DB]"),
    OPTION(STRING, server.model, 'm', "model", "MODEL", "a model beside those of --models (the built-in one)"),
    OPTION_ROWS(server, server_rows),
    OPTION_IN(INT, server.claim_after, 0, "claim-after", "N", 1, 100000,
              "seconds (30) after which a job is taken from a worker that is not heard of"),
    OPTION_IN(INT, server.most_deliveries, 0, "deliveries", "N", 1, 1000,
              "workers (3) that a job may bring down, one after the other, before it fails"),
    OPTION_ROWS(open, model_rows),
    OPTION_END};

static int worker(const Command *c, int argc, char **argv) {
    char **given = argv; /* all of it: parsing moves what is no option, and then it is refused */
    Arguments a = {
        .server = {
            .queue = 1000, .most_pictures = 100000, .drain_seconds = 60, .claim_after = 30, .most_deliveries = 3}};
    int code = server_options_parse(c, &a, argc, argv);
    if (code == GO_ON && !a.server.redis) code = usage_error(c, "--redis: is needed: redis://HOST");
    if (code != GO_ON) return code;
    Error e = {0};
    os_catch_stop();
    return server_work(&a.server, given, &e) ? finish_output() : report(c, &e);
}

const Command WORKER = {"worker",
                        worker,
                        "--redis URL [options]",
                        "draw for servers that run `sdc serve --redis URL`",
                        "Start one on every machine, and stop any of them at any time: what it had begun is drawn by "
                        "another. It takes jobs "
                        "of the models that it has, first those of the model that it has open. Models, LoRAs and so "
                        "on are called as in the server's folders.\n"
                        "SDC_REDIS_PASSWORD is the password where the address has none.",
                        OPTIONS};
