/* cli_train.c: `sdc train` learns, and resumes after kill -9 to the same bytes. */
#include "tests/harness/cli.h"
#include "tests/harness/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VAE                                                                                                            \
    "train --data shapes --train vae --steps 50 --batch-size 4 --whole-batch 4 --lr 5e-3 --warmup 5 --save-every 10 "  \
    "-q"
#define UNET                                                                                                           \
    "train --data pictures -m micro.safetensors --train unet+text --steps 50 --batch-size 4 --lr 2e-3 --warmup 5 "     \
    "--clip 0 "                                                                                                        \
    "--save-every 10 -q"

/* Mean losses of the first and the last ten lines of a log of `lines` steps. */
static bool falls(const char *log, int lines) {
    char *text = test_read(cli_path(log), NULL), *p = text;
    double first = 0, last = 0;
    int n = 0;
    for (; p && (p = strchr(p, '\n')); n++) {
        double loss = 0;
        if (sscanf(++p, "%*d,%lf", &loss) != 1) break;
        if (n < 10) first += loss;
        if (n >= lines - 10) last += loss;
    }
    free(text);
    test_note("%d steps, %g to %g", n, first / 10, last / 10);
    return n == lines && last < 0.9 * first;
}

/* Loss and gradient's length of the first step. */
static void first_step(const char *log, double out[2]) {
    char *text = test_read(cli_path(log), NULL), *line = text ? strchr(text, '\n') : NULL;
    if (!line || sscanf(line + 1, "%*d,%lf,%*f,%lf", &out[0], &out[1]) != 2) out[0] = out[1] = 0;
    free(text);
}

/* A step in one piece and in four: sums in another order. */
static void check_parts(const char *whole, const char *parts) {
    double a[2], b[2];
    first_step(whole, a);
    first_step(parts, b);
    test_check(a[0] > 0 && fabs(a[0] / b[0] - 1) < 1e-5 && fabs(a[1] / b[1] - 1) < 1e-4,
               "a step of 1 x 4 is one of 4 x 1");
    test_note("loss %g and %g, gradient %g and %g", a[0], b[0], a[1], b[1]);
}

static void shell(const char *what, const char *command) {
    CliRun r = cli_shell(command, false);
    test_check(r.code == 0, "%s", what);
    test_note("exit %d; %s %s", r.code, r.out, r.err);
    cli_free(&r);
}

static void check_resume(const char *what, const char *run, const char *name) {
    char command[2000], label[200];
    snprintf(
        command, sizeof command,
        "\"$SDC\" %s --out k.%s.safetensors --log k.csv & p=$!; "
        "until [ \"$(wc -l < k.csv 2>/dev/null || echo 0)\" -gt 27 ]; do sleep 0.02; done; kill -9 $p; wait $p "
        "2>/dev/null; "
        "\"$SDC\" %s --out k.%s.safetensors --log k.csv --resume --threads 1 && cmp %s.safetensors k.%s.safetensors && "
        "cmp %s.safetensors.state k.%s.safetensors.state && cut -d, -f1-4 k.csv > k && cut -d, -f1-4 %s.csv | cmp - k; "
        "code=$?; rm -f k.csv; exit $code",
        run, name, run, name, name, name, name, name, name);
    snprintf(label, sizeof label, "%s: killed, resumed on one thread, the same bytes and the same log", what);
    shell(label, command);
}

/* One check: the command, with its code and words, leaves lost.safetensors as old.safetensors is. */
static void keeps(int code, const char *words, const char *command) {
    cli_fails(code, words, "%s", command);
    shell("the model stays as it was", "cmp lost.safetensors old.safetensors");
}

/* A model is replaced only by its own training, or on request. After a training of the VAE. */
static void check_overwriting(void) {
#define LOST VAE " --out lost.safetensors"
    static const char *const STATES[] = {
        "mkdir lost.safetensors.state", "mkfifo lost.safetensors.state", "ln -s gone lost.safetensors.state",
        "ln -s lost.safetensors.state lost.safetensors.state", "echo x > lost.safetensors.state"};
    shell("a trained model", "cp vae.safetensors lost.safetensors && cp vae.safetensors old.safetensors");
    keeps(1, "lost.safetensors.state: does not exist|leave out --resume", LOST " --resume");
    keeps(1, "lost.safetensors.state: does not exist", LOST " --resume -m vae.safetensors --steps 1");
    keeps(2, "lost.safetensors: already exists|--resume|--overwrite", LOST);
    keeps(2, "lost.safetensors: already exists", LOST " -m vae.safetensors --steps 1");
    keeps(2, "--resume and --overwrite", LOST " --resume --overwrite");
    for (size_t i = 0; i < sizeof STATES / sizeof *STATES; i++) {
        shell(STATES[i], STATES[i]);
        keeps(1, "lost.safetensors.state: ", LOST " --resume");
        shell("removed", "rm -r lost.safetensors.state");
    }
    /* with 20 it works: a training at its end writes its files once more */
    shell("few open files: refused, or done, with the same bytes",
          "cp vae.safetensors.state lost.safetensors.state && for n in 3 4 5 6 7 8 20; do "
          "(ulimit -n $n; \"$SDC\" " LOST " --resume 2>/dev/null); code=$?; "
          "cmp lost.safetensors old.safetensors && cmp lost.safetensors.state vae.safetensors.state || exit 1; done; "
          "exit $code");
    shell("a state alone", "rm lost.safetensors");
    cli_fails(2, "lost.safetensors.state: already exists", LOST);
    test_check(access(cli_path("lost.safetensors"), F_OK), "and nothing is begun");
    shell("the model again", "rm lost.safetensors.state; cp old.safetensors lost.safetensors");
    cli_works("", LOST " --steps 1 --overwrite");
    shell("--overwrite begins anew", "! cmp -s lost.safetensors old.safetensors");
    cli_fails(1, "new.safetensors.state: does not exist", VAE " --out new.safetensors --resume");
    test_check(access(cli_path("new.safetensors"), F_OK), "nothing to resume: nothing is begun");
}

/* What is finished is saved, and the exit code names the signal. */
static void check_signals(void) {
#define STOPPED "train --data shapes --train vae --steps 100000 --batch-size 1 --whole-batch 1 --log-every 1 --out "
    static const char SAID[] = "sdc: stopped after step ";
    CliRun r = cli_shell("exec \"$SDC\" " STOPPED "int.safetensors", true);
    test_check(r.code == 130 && strstr(r.err, SAID) && strstr(r.err, "--resume") && !*r.out,
               "Ctrl-C: exit 130, a line");
    test_note("exit %d: %s", r.code, r.err);
    cli_free(&r);
    cli_works("parameters", "info int.safetensors");
    test_check(!access(cli_path("int.safetensors.state"), F_OK), "Ctrl-C: the state is saved");
    r = cli_shell("\"$SDC\" " STOPPED "hup.safetensors 2> hup.err & p=$!; "
                  "until grep -q ^step hup.err; do sleep 0.02; done; kill -s HUP $p; wait $p; code=$?; "
                  "test -e hup.safetensors.state && cat hup.err >&2; exit $code",
                  false);
    test_check(r.code == 129 && strstr(r.err, SAID), "a terminal that closes: exit 129, a line, and the state");
    test_note("exit %d: %s", r.code, r.err);
    cli_free(&r);
}

void cli_train(void) {
    cli_works("", VAE " --out vae.safetensors --log vae.csv");
    test_check(falls("vae.csv", 50), "the VAE's loss falls");
    check_resume("the VAE", VAE, "vae");
    check_overwriting();
    check_signals();
    cli_works("", "train --data shapes --train vae -m vae.safetensors --out crops.safetensors --steps 1 --batch-size 1 "
                  "--crop 8 --crop-share 1 -q"); /* its latents are measured on whole pictures in the end */
    cli_works("parameters", "info vae.safetensors");
    cli_works("", "convert vae.safetensors converted.safetensors --dtype f16 -q"); /* with its list of tokens */
    cli_works("small.png", "txt2img -m converted.safetensors -p 'a red circle' --steps 1 -o small.png");
    shell("a folder of pictures with captions",
          "mkdir -p pictures && for i in 1 2 3; do \"$SDC\" txt2img -m micro.safetensors -p cat -W 64 -H 64 --steps 1 "
          "--seed $i "
          "-q -o pictures/$i.png && echo \"a cat number $i\" > pictures/$i.txt || exit 1; done");
    cli_works("", UNET " --out unet.safetensors --log unet.csv");
    test_check(falls("unet.csv", 50), "the U-Net's loss falls");
    check_resume("the U-Net and the text encoder", UNET, "unet");
    shell("blocks computed again: the same bytes",
          "\"$SDC\" " UNET " --out again.safetensors --recompute --steps 5 && "
          "\"$SDC\" " UNET " --out kept.safetensors --steps 5 && cmp again.safetensors kept.safetensors");
    cli_works("",
              UNET " --out parts.safetensors --log parts.csv --accumulate 4 --steps 2 --dtype f16 --sample 'a cat'");
    check_parts("unet.csv", "parts.csv");
    test_check(!access(cli_path("parts.safetensors.2.png"), F_OK), "a sample next to the model");
    cli_works("picture.png", "txt2img -m unet.safetensors -p 'a cat' --steps 2 -W 64 -H 64 -o picture.png");
    cli_fails(2, "--data and --out", "train --out x.safetensors");
    cli_fails(2, "above 0", "train --data shapes --out x.safetensors --shift 0");
    cli_fails(1, "nowhere", "train --data nowhere -m micro.safetensors --out x.safetensors");
    cli_fails(2, "are for --data shapes", "train --data pictures --easy 1 -m micro.safetensors --out x.safetensors");
    cli_fails(2, "are for --data shapes",
              "train --data pictures --kinds 1,0,0,0,0 -m micro.safetensors --out x.safetensors");
    cli_fails(2, "multiple",
              "train --data pictures -m micro.safetensors --out x.safetensors --batch-size 3 --accumulate 2");
}
