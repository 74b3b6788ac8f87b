#include "server_options.h"
#include "tools/cli/commands.h"

bool server_rows(int i, Option *o) {
    static const Option ROWS[] = {
        OPTION_OF(ServerOptions, STRING, models_dir, 0, "models", "DIR",
                  "a folder of models that clients may choose from"),
        OPTION_OF(ServerOptions, STRING, vae_dir, 0, "vae-dir", "DIR", "likewise of VAEs"),
        OPTION_OF(ServerOptions, STRING, lora_dir, 0, "lora-dir", "DIR", "of LoRAs"),
        OPTION_OF(ServerOptions, STRING, upscaler_dir, 0, "upscaler-dir", "DIR", "of upscalers"),
        OPTION_OF(ServerOptions, STRING, controlnet_dir, 0, "controlnet-dir", "DIR", "of ControlNets and IP-Adapters"),
        OPTION_OF(ServerOptions, STRING, image_encoder, 0, "image-encoder", "FILE",
                  "the vision encoder of those IP-Adapters, a file or folder"),
        OPTION_IN_OF(ServerOptions, INT, workers, 0, "workers", "N", 0, 64,
                     "pictures drawn at a time (0: one for each GPU of --device)"),
        OPTION_IN_OF(ServerOptions, INT, drain_seconds, 0, "drain", "N", 0, 100000,
                     "seconds (60) that jobs may take after SIGTERM"),
    };
    if (i >= (int)(sizeof ROWS / sizeof *ROWS)) return false;
    *o = ROWS[i];
    return true;
}

int server_options_parse(const Command *c, Arguments *a, int argc, char **argv) {
    int rest = 0, code = options_parse(c, a, argc, argv, &rest);
    if (code == GO_ON && rest) code = usage_error(c, "unexpected argument '%.60s'", argv[0]);
    if (code == GO_ON) code = model_options_check(c, &a->open);
    a->server.quiet = a->open.quiet;
    a->server.open_as = model_options_how(&a->open);
    return code;
}
