/* test_cli.c: the program from outside: wrong usage, help, prompts from files, names of outputs, hostile model files.
 * What needs a model is in cli_pictures.c. */
#define _XOPEN_SOURCE 700
#include "tests/harness/cli.h"
#include "tests/weights/hostile.h"
#include "tests/harness/test.h"
#include "sd/sd.h"
#include "tools/cli/commands.h"
#include "tools/cli/output.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void usage_errors(void) {
    static const struct {
        int code;
        const char *words, *line;
    } CASES[] = {
        {2, "txt2imk|no such command|did you mean txt2img", "txt2imk"},
        {2, "no such command", "frobnicate"},
        {2, "no such command", "''"},
        {2, "no such command|did you mean convert", "help konvert"},
        {2, "--stepz|did you mean --steps|see sdc help txt2img", "txt2img --stepz 3"},
        {2, "--prompd|did you mean --prompt", "txt2img --prompd=x"},
        {2, "--sampling_method|it is --sampler here", "txt2img --sampling_method euler_a"},
        {2, "--Negative-Prompt|it is --negative here", "txt2img --Negative-Prompt=x"},
        {2, "--scale|it is --cfg here", "txt2img --scale 7"},
        {2, "--upscaler|it is --model here", "upscale --upscaler x.pth"},
        {2, "--frobnicate: no such option", "txt2img --frobnicate"},
        {2, "-z: no such option", "txt2img -z"},
        {2, "-mx: no such option", "txt2img -mx"},
        {2, "-W=64: no such option", "txt2img -W=64"},
        {2, "?: no such option", "txt2img '--\n'"},
        {2, "a cat|after -p", "txt2img 'a cat'"},
        {2, "--steps: needs a value", "txt2img --steps"},
        {2, "-p: needs a value", "txt2img -p"},
        {2, "--exact: takes no value", "txt2img --exact=1"},
        {2, "--steps: its value is empty", "txt2img --steps ''"},
        {2, "--steps: its value is empty", "txt2img --steps="},
        {2, "--steps: 0 is not in 1..1000", "txt2img --steps 0"},
        {2, "--steps: 1001 is not in", "txt2img --steps 1001"},
        {2, "--steps: -3 is not in", "txt2img --steps -3"},
        {2, "--steps: '2.5' is not a whole number", "txt2img --steps 2.5"},
        {2, "--steps: '1e2' is not a whole number", "txt2img --steps 1e2"},
        {2, "--steps: '0x10' is not a whole number", "txt2img --steps 0x10"},
        {2, "--steps: ' 5' is not a whole number", "txt2img --steps ' 5'"},
        {2, "--steps: '5 ' is not a whole number", "txt2img --steps '5 '"},
        {2, "--steps: '-' is not a whole number", "txt2img --steps -"},
        {2, "--steps: 99999999999999999999 is not in", "txt2img --steps 99999999999999999999"},
        {2, "--seed: 9223372036854775808 is not in", "txt2img --seed 9223372036854775808"},
        {2, "--seed: -2 is not in -1..", "txt2img --seed -2"},
        {2, "--seed|leaves no room", "txt2img --seed 9223372036854775807 --batch-size 2"},
        {2, "--variation-seed|leaves no room", "txt2img --variation-seed 9223372036854775807 --batch-count 2"},
        {2, "--cfg: 'nan' is not a number", "txt2img --cfg nan"},
        {2, "--cfg: 'inf' is not a number", "txt2img --cfg inf"},
        {2, "--cfg: '7,5' is not a number", "txt2img --cfg 7,5"},
        {2, "--cfg: '7e' is not a number", "txt2img --cfg 7e"},
        {2, "--cfg: '.' is not a number", "txt2img --cfg ."},
        {2, "--cfg: 1e999 is not in", "txt2img --cfg 1e999"},
        {2, "--cfg: -1 is not in", "txt2img --cfg -1"},
        {2, "--width: 100 is not a multiple of 8", "txt2img --width 100"},
        {2, "-W: 0 is not in 8..", "txt2img -W 0"},
        {2, "-W: -64 is not in 8..", "txt2img -W -64"},
        {2, "-W: 7 is not in 8..", "txt2img -W 7"},
        {2, "-H: 1000000 is not in", "txt2img -H 1000000"},
        {2, "size: 8192x8192 is more than 16777216 pixels", "txt2img -W 8192 -H 8192"},
        {2, "--batch-size: 0 is not in", "txt2img --batch-size 0"},
        {2, "--batch-size: 1025 is not in", "txt2img --batch-size 1025"},
        {2, "--batch-count: 0 is not in", "txt2img --batch-count 0"},
        {2, "--clip-skip: 0 is not in", "txt2img --clip-skip 0"},
        {2, "--threads: 5000 is not in", "txt2img --threads 5000"},
        {2, "--memory-limit: '4X' is not a size", "txt2img --memory-limit 4X"},
        {2, "--memory-limit: 'G' is not a size", "txt2img --memory-limit G"},
        {2, "--memory-limit: '-4G' is not a size", "txt2img --memory-limit -4G"},
        {2, "--memory-limit: 1e30G is not in", "txt2img --memory-limit 1e30G"},
        {2, "--memory-limit: 0 is not in", "txt2img --memory-limit 0"},
        {2, "--rng: 'gpu' must be one of nv|cuda", "txt2img --rng gpu"},
        {2, "--device: 'gpu' must be one of auto, cpu", "txt2img --device gpu"},
        {2, "--device: 'cuda:x' must be one of", "txt2img --device cuda:x"},
        {2, "--device: 'cuda:' must be one of", "txt2img --device cuda:"},
        {2, "--device: 'cuda:0,' must be one of", "txt2img --device cuda:0,"},
        {2, "--device: 'cuda:1,1' must be one of", "txt2img --device cuda:1,1"},
        {2, "--device: 'cuda:0x' must be one of", "txt2img --device cuda:0x"},
        {1, "--device cuda|no CUDA in this build|use --device cpu", "txt2img --device cuda"},
        {1, "--device cuda:1|no CUDA in this build|use --device cpu", "txt2img --device cuda:1"},
        {2, "--precision: 'f64' must be one of f32|", "txt2img --precision f64"},
        {2, "--precision: f16 is for GPUs", "txt2img --precision f16"},
        {2, "exact: only f32 and f32-direct", "txt2img -p x --exact --precision mixed"},
        {2, "--scheduler: no 'Karas'|'Karras'|sdc schedulers lists them", "txt2img --scheduler Karas"},
        {2, "--sampler: no 'Eulr'|did you mean 'Euler'|'Euler a'|sdc samplers lists them", "txt2img --sampler Eulr"},
        {2, "--tap: needs --taps", "txt2img --tap 'x*'"},
        {2, "--taps|--batch-count", "txt2img --taps t --batch-count 2"},
        {2, "-p", "txt2img -m none.safetensors"},
        {2, "two names", "convert"},
        {2, "two names", "convert a"},
        {2, "two names", "convert a b c"},
        {2, "--layout: 'zip' must be one of", "convert a b --layout zip"},
        {2, "one to three models", "merge -o x"},
        {2, "needs -o FILE", "merge a b"},
        {2, "add-difference takes 3 models, not 2", "merge a b -o x --mode add-difference"},
        {2, "--ratio: ", "merge a b -o x --ratio 1.5"},
        {2, "nothing to do", "merge a -o x"},
        {2, "--dtype: 'f8' must be one of", "convert a b --dtype f8"},
        {2, "the same file", "convert notes.txt ./notes.txt"},
        {2, "no file", "info"},
        {2, "--jsn|did you mean --json", "info x --jsn"},
        {2, "--width: 65 is not a multiple of 8", "bench -m x -W 65"},
        {2, "--runs: 0 is not in", "bench -m x --runs 0"},
        {2, "takes one command", "help a b"},
        {2, "takes one command or option", "help --man txt2img"},
        {2, "--completion|bash", "help --completion ksh"},
        {2, "takes no arguments", "version x"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++)
        cli_fails(CASES[i].code, CASES[i].words, "%s", CASES[i].line);
}

static void no_model(void) {
    if (sd_builtin()) return;
    cli_fails(2, "no model is built in|-m takes|.safetensors", "txt2img -p 'a red circle'");
    cli_fails(2, "no model is built in", "bench");
    cli_fails(2, "no model is built in", "sheet");
    cli_fails(2, "no model is built in", "judge --built-in");
}

static size_t longest_line(const char *text) {
    size_t longest = 0;
    for (size_t n; *text; text += n + (text[n] == '\n')) {
        n = strcspn(text, "\n");
        if (n > longest) longest = n;
    }
    return longest;
}

static void help(void) {
    CliRun r = cli("%s", "");
    bool all = r.code == 2 && !*r.out;
    for (const Command *const *c = COMMANDS; *c; c++)
        all = all && strstr(r.err, (*c)->name) && strstr(r.err, (*c)->summary);
    test_check(longest_line(r.err) <= 80, "in lines of 80 columns");
    test_check(all, "sdc alone lists the commands on standard error, exit 2");
    cli_free(&r);
    cli_works("txt2img|convert|Exit codes", "help");
    cli_works("txt2img|convert", "--help");
    cli_works("sdc 0", "version");
    cli_works("sdc 0", "--version");
    cli_works("usage: sdc help", "help help");
    cli_works("usage: sdc version", "help version");
    for (const Command *const *all_of = COMMANDS; *all_of; all_of++) {
        const Command *c = *all_of;
        char words[64];
        snprintf(words, sizeof words, "usage: sdc %s", c->name);
        cli_works(words, "help %s", c->name);
        cli_works(words, "%s --help", c->name);
        CliRun h = cli("help %s", c->name);
        Option o;
        bool told = true, once = true;
        for (OptionCursor k = {.next = c->options}; option_next(&k, &o);) {
            snprintf(words, sizeof words, "--%s", o.name);
            told = told && strstr(h.out, words) && o.help && *o.help;
            Option later;
            for (OptionCursor l = k; option_next(&l, &later);) once = once && strcmp(o.name, later.name);
        }
        test_check(told, "help %s tells every option", c->name);
        test_check(longest_line(h.out) <= 80, "help %s has lines of 80 columns", c->name);
        test_check(once, "%s has every option once: a second is never set", c->name);
        cli_free(&h);
    }
    cli_works("sampling steps (20, or the model's own)|up to this sigma (0: no end)|scales new noise (1)",
              "help txt2img");
    cli_works("usage: sdc txt2img", "txt2img --steps 3 --help");
    r = cli_shell("exec \"$SDC\" help >/dev/full", false);
    if (access("/dev/full", W_OK)) test_skip("help to a full disk: no /dev/full");
    else test_check(r.code == 1 && strstr(r.err, "standard output"), "help to a full disk is an error");
    cli_free(&r);
}

/* Outputs are looked at before the model: each line names the output, not the model that is missing as well. */
static void output_paths(void) {
    mkdir(cli_path("folder"), 0777);
    mkdir(cli_path("locked"), 0555);
    cli_fails(1, "gone/o.png|directory", "txt2img -m none -p x -o gone/o.png");
    cli_fails(1, "folder|directory", "txt2img -m none -p x -o folder");
    cli_fails(1, "folder|directory", "txt2img -m none -p x -o folder --batch-size 2");
    cli_fails(1, "folder/", "txt2img -m none -p x -o folder/");
    cli_fails(1, "/dev/null|device", "txt2img -m none -p x -o /dev/null");
    cli_fails(1, "notes.txt/o.png", "txt2img -m none -p x -o notes.txt/o.png");
    cli_fails(1, "gone/t", "txt2img -m none -p x --taps gone/t");
    cli_fails(1, "folder|directory", "txt2img -m none -p x --taps folder");
    cli_fails(1, "gone/m", "convert none gone/m");
    cli_fails(2, "--out|o.tiff|pictures are written as PNG, JPEG or WebP; name it .png",
              "txt2img -m none -p x -o o.tiff");
    cli_fails(2, "--out|o.Bmp|name it .png", "txt2img -m none -p x -o o.Bmp");
    cli_fails(2, "--steps-sheet|s.gif|name it .png", "txt2img -m none -p x --steps-sheet s.gif");
    cli_fails(2, "--out|o.avif|name it .png", "replay none -m none -o o.avif");
    cli_fails(2, "--out|o.safetensors|is a model's name", "txt2img -m none -p x -o o.safetensors");
    cli_fails(2, "is also an input file", "txt2img -m notes.txt -p x -o notes.txt");
    cli_fails(2, "is also an input file", "txt2img -m none -p x --noise notes.txt --taps notes.txt");
    cli_fails(2, "a prompt is read from it", "txt2img -m none -p @notes.txt -o notes.txt");
    cli_fails(2, "a prompt is read from it", "txt2img -m none -p x -n @notes.txt --taps notes.txt");
    cli_fails(2, "is also that of --out", "txt2img -m none -p x -o same --taps same");
    if (geteuid()) cli_fails(1, "locked/o.png", "txt2img -m none -p x -o locked/o.png");
    else test_skip("a folder without write permission: root may write anywhere");
}

static void prompts(void) {
    static char large[(1 << 20) + 1];
    memset(large, 'a', sizeof large);
    test_write(cli_path("large.txt"), large, sizeof large);
    /* The prompt was read and found good when the next thing that is wrong is the model. */
    cli_fails(1, "none.safetensors", "txt2img -m none.safetensors -p --help");
    cli_fails(1, "none.safetensors", "txt2img -m none.safetensors -p '(a:1.2)' -n -q");
    cli_fails(1, "none.safetensors", "txt2img -m none.safetensors --prompt=--steps");
    cli_fails(1, "none.safetensors", "txt2img -m none.safetensors -p @notes.txt");
    cli_fails(1, "none.safetensors", "txt2img -m none.safetensors -p - <notes.txt");
    cli_fails(1, "gone.txt|after @", "txt2img -m none.safetensors -p @gone.txt");
    cli_fails(1, "folder", "txt2img -m none.safetensors -p @folder");
    cli_fails(1, "large.txt|1 MiB", "txt2img -m none.safetensors -p @large.txt");
    cli_fails(1, "standard input|1 MiB", "txt2img -m none.safetensors -p - </dev/zero");
    cli_fails(1, "large.txt|1 MiB", "txt2img -m none.safetensors -p x -n @large.txt");
}

static void words(void) {
    static const struct {
        const char *prompt, *words;
    } CASES[] = {{"a lovely cat", "a-lovely-cat"},
                 {"  A (Lovely:1.3), cat!  ", "a-lovely-1-3-cat"},
                 {"", ""},
                 {"../../etc/passwd", "etc-passwd"},
                 {"-rf ~", "rf"},
                 {"Größe 猫", "größe-猫"},
                 {"a\xFF\nb", "a-b"},
                 {"one two three four five six seven eight nine", "one-two-three-four-five-six-seven-eight"},
                 {"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeee", "aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd"}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char got[256];
        output_words(got, sizeof got, CASES[i].prompt);
        test_check(!strcmp(got, CASES[i].words), "name of \"%s\"", CASES[i].prompt);
        test_note("%s", got);
    }
}

static void models(void) {
    cli_fails(1, "none.safetensors", "info none.safetensors");
    cli_fails(1, "none.safetensors", "convert none.safetensors new.safetensors");
    cli_fails(1, "folder", "txt2img -m folder -p x");
    cli_fails(1, "folder", "info folder");
    cli_fails(1, "folder", "convert folder new.safetensors");
    cli_fails(1, "notes.txt", "txt2img -m notes.txt -p x");
    cli_fails(1, "notes.txt", "info notes.txt");
    cli_fails(1, "notes.txt", "bench -m notes.txt");
    cli_fails(1, "/dev/zero", "info /dev/zero");
    mkdir(cli_path("hostile"), 0777);
    if (!test_check(hostile_write(cli_path("hostile")), "hostile files are written")) return;
    DIR *d = opendir(cli_path("hostile"));
    for (struct dirent *f; d && (f = readdir(d));) {
        if (f->d_name[0] == '.') continue;
        cli_fails(1, "hostile/", "txt2img -m 'hostile/%s' -p x", f->d_name);
        cli_fails(1, "hostile/", "info 'hostile/%s'", f->d_name);
        cli_fails(1, "hostile/", "convert 'hostile/%s' new.safetensors", f->d_name);
    }
    if (d) closedir(d);
    test_check(access(cli_path("new.safetensors"), F_OK) != 0, "failed conversions leave no file");
}

static void house(void) {
    if (access("tools/dev/check_includes.sh", R_OK)) test_skip("includes: the tests run outside the repository");
    else
        test_check(!system("sh tools/dev/check_includes.sh"),
                   "includes run one way, no backend in nn/ and sd/, short files");
}

SUITE(cli, .seconds = 48) {
    house();
    if (!test_check(cli_begin(), "the program sdc exists (SDC_BIN, else ./sdc)")) return;
    test_write(cli_path("notes.txt"), "a lovely cat\n", 13);
    usage_errors();
    no_model();
    help();
    output_paths();
    prompts();
    words();
    models();
    cli_pictures();
    cli_shapes();
    cli_train();
}
