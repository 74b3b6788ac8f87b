/* commands.c: the table of subcommands, their help, and the commands that only talk about it. Not in main.c, so that
 * the test program can hold the rest of sdc beside a main of its own. */
#include "commands.h"

#include <stdio.h>
#include <string.h>

const Command COMMANDS[] = {
    {"txt2img", cmd_txt2img, "-m MODEL -p PROMPT [options]", "make pictures from a prompt", TXT2IMG_OPTIONS,
     "MODEL is a .safetensors file of Stable Diffusion 1.x, as people share them or made by `sdc convert`, or a\n"
     "diffusers folder. One picture goes to OUT; several go to OUT-SEED.png, the seed counting up. Without -o the "
     "name\n"
     "is SEED-first-words.png. No file is overwritten unless -o named it.\n"
     "auto takes the first NVIDIA GPU where this build and the machine have one; cuda:0,1 shares a batch out. f16 "
     "and\n"
     "bf16 are for GPUs; mixed is for processors with AVX-512 BF16, is f32 on others, and f16 on a GPU. --exact is "
     "not\n"
     "in this version.\n"},
    {"img2img", cmd_img2img, "-m MODEL -i IMAGE -p PROMPT [options]", "make pictures from a picture and a prompt",
     IMG2IMG_OPTIONS,
     "IMAGE is turned as its EXIF says and laid on white where it is transparent. The new picture has its size, cut "
     "to\n"
     "multiples of 8, unless -W and -H say otherwise. Everything else is as in txt2img.\n"},
    {"sheet", cmd_sheet, "[PROMPT...] [options]", "several prompts, a picture each, on one sheet", SHEET_OPTIONS,
     "Without prompts: a dozen things that the built-in model has learned.\n"},
    {"convert", cmd_convert, "IN OUT [options]", "write a model as one file that opens faster", CONVERT_OPTIONS, ""},
    {"info", cmd_info, "FILE... [options]", "say what a model file is", INFO_OPTIONS,
     "The hash is the SHA-256 of the whole file; the webui shows its first 10 digits. It is remembered in the user's\n"
     "cache directory.\n"},
    {"tokens", cmd_tokens, "-p PROMPT [options]", "show what a prompt becomes: texts, tokens, weights", TOKENS_OPTIONS,
     "Tokens are shown as CLIP spells them, \"_\" before one that goes on with a word. A count such as 12/75 is the\n"
     "webui's. Switching texts: the text of steps 1-10 is also the one of the first call of the model after them.\n"},
    {"png-info", cmd_png_info, "FILE... [options]", "show what pictures say about how they were made", PNG_INFO_OPTIONS,
     "PNG files of the webui and its kin, and ours; JPEG and WebP files whose EXIF holds the text. The exit code is 1\n"
     "when a picture says nothing.\n"},
    {"replay", cmd_replay, "FILE -m MODEL [options]", "make a picture again from what it says, and compare",
     REPLAY_OPTIONS,
     "Prints \"equal\" when every pixel is the same, else how much differs, and the exit code is 1. A field of the "
     "text\n"
     "that this version does not know, such as hires fix or LoRA, is an error.\n"},
    {"train", cmd_train, "--data DIR --out FILE [-m MODEL] [options]", "train a model on captioned pictures",
     TRAIN_OPTIONS,
     "Without -m a small new model begins: train its VAE first (--train vae), then go on with -m.\n"
     "FILE and FILE.state are written whole or not at all; the same command with --resume goes on after any\n"
     "interruption, to the same bytes. Where one of them is there, a training begins anew only with --overwrite.\n"
     "--data shapes draws captioned pictures without end.\n"},
    {"bench", cmd_bench, "-m MODEL [options]", "measure this machine, and what a picture takes on it", BENCH_OPTIONS,
     "Prints the machine's peaks (multiply-adds in registers, copying), every distinct op of the runs where it was,\n"
     "with its share of the stage's time and of the peak (convolutions by Winograd's method may exceed it), and the\n"
     "stages: text encoder, one step, decoding of one picture, in seconds of wall time. A first run counts for\n"
     "memory alone, a second, of one step, only warms memory up. --kernels measures in a thread's own time, which\n"
     "others on the machine disturb less.\n"
     "--device cuda measures a GPU: its peaks by instruction, every op by the GPU's own clock in a run of its own,\n"
     "a step as it is repeated from a recording, what is taken of the GPU's memory.\n"},
    {"diff", cmd_diff, "A B [options]", "show where two files of activations begin to differ", NULL,
     "      --bound X              the largest relative RMS difference that counts as equal (1e-4)\n"
     "      --names FILE           lines NAME_IN_A NAME_IN_B, where * in both stands for the same text\n"
     "      --json                 print JSON\n"
     "A and B are safetensors files, as `sdc txt2img --taps` writes them. The exit code is 1 when they differ.\n"},
    {"make-data", cmd_make_data, "-o DIR | --sheet FILE [options]", "draw captioned pictures to train on",
     MAKE_DATA_OPTIONS,
     "Shapes in colours, two in a relation, several alike, digits, small landscapes: the same numbers and seed give\n"
     "the same pictures everywhere. 8 pairs of a colour and a shape, such as a purple star, are kept for testing.\n"},
    {"judge", cmd_judge, "[-m MODEL | --built-in] [options]", "count how many pictures show what their captions say",
     JUDGE_OPTIONS,
     "In percent; nothing in it is learned. Without -m freshly drawn pictures are judged, which should give 100.\n"
     "Colours and shapes are counted by object, a shape only where the colour is right. \"Shuffled\" is each picture\n"
     "with the next one's caption: what chance gives.\n"},
    {"samplers", cmd_samplers, "[options]", "list the samplers", SAMPLERS_OPTIONS, ""},
    {"schedulers", cmd_schedulers, "[options]", "list the schedule types", SAMPLERS_OPTIONS, ""},
    {"help", cmd_help, "[COMMAND]", "explain a command", NULL, ""},
    {"version", cmd_version, "", "print the version", NULL, ""},
    {0}};

const Command *command_find(const char *name) {
    for (const Command *c = COMMANDS; c->name; c++)
        if (!strcmp(c->name, name)) return c;
    return NULL;
}

const Command *command_nearest(const char *name) {
    const Command *best = NULL;
    int least = 4;
    for (const Command *c = COMMANDS; c->name; c++) {
        int d = name_distance(name, c->name);
        if (d < least && d < (int)strlen(c->name)) least = d, best = c;
    }
    return best;
}

void print_commands(void) {
    printf("usage: sdc COMMAND [options]\n\n");
    for (const Command *c = COMMANDS; c->name; c++) printf("  %-10s %s\n", c->name, c->summary);
    printf("\nsdc help COMMAND says more. Exit codes: 0 done, 1 a file, memory or device failed, 2 wrong usage.\n");
}

int print_help(const char *command) {
    const Command *c = command_find(command);
    printf("usage: sdc %s%s%s\n\n%s\n\n", c->name, *c->usage ? " " : "", c->usage, c->summary);
    if (c->options) {
        options_print(c->options);
        if (*c->notes) printf("\n");
    }
    fputs(c->notes, stdout);
    return finish_output();
}

int cmd_help(int argc, char **argv) {
    if (argc > 2) return usage_error(NULL, "help: one command at a time");
    if (argc == 2) {
        const Command *near = command_nearest(argv[1]);
        if (command_find(argv[1])) return print_help(argv[1]);
        if (near) return usage_error(NULL, "%.60s: no such command; did you mean %s", argv[1], near->name);
        return usage_error(NULL, "%.60s: no such command", argv[1]);
    }
    print_commands();
    return finish_output();
}

int cmd_version(int argc, char **argv) {
    if (argc > 1) return usage_error("version", "%.60s: version takes nothing", argv[1]);
#ifdef __VERSION__
    printf("sdc %s (%s)\n", SDC_VERSION, __VERSION__);
#else
    printf("sdc %s\n", SDC_VERSION);
#endif
    return finish_output();
}
