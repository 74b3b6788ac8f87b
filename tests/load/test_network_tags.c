/* test_network_tags.c: networks by the names that prompts give them: which file is meant; pictures and what they say of
 * their networks; made again after the files' names have changed. */
#include "made_network.h"

#include "sd/load/networks/network_files.h"
#include "tensor/os.h"
#include "tests/harness/cli.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"
#include "weights/formats/safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *in_folder(const char *folder, const char *name) {
    static char path[2][1200];
    static int turn;
    turn ^= 1;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

/* --- which file --- */

static bool write_network(const char *path, const char *alias) {
    static const float ONE[4] = {1};
    FileTensor t = {.name = "lora_unet_x.lora_up.weight", .dtype = F32, .nd = 1, .n = {4}};
    FileMeta meta = {"ss_output_name", alias};
    Error e = {0};
    StWriter *w = st_write_begin(path, &t, 1, &meta, alias != NULL, &e);
    return w && st_write_data(w, ONE, sizeof ONE, &e) && st_write_end(w, &e);
}

static void check_find(NetworkFiles *f, const char *name, const char *ends, const char *words) {
    Error e = {0};
    const NetworkFile *n = network_files_find(f, name, "prompt: <lora:x>", &e);
    size_t size = n ? strlen(n->path) : 0, end = ends ? strlen(ends) : 0;
    bool ok = ends ? n && size >= end && !strcmp(n->path + size - end, ends) : !n && cli_holds(e.text, words);
    test_check(ok, "<lora:%s> is %s", name, ends ? ends : words);
    test_note("%s%s", n ? n->path : "", e.text);
}

static void network_names(void) {
    static const char *const FOLDERS[] = {"more", "s1", "s-1"};
    char folder[512];
    NetworkFiles f;
    Error e = {0};
    snprintf(folder, sizeof folder, "%s", test_path("networks"));
    bool ok = os_make_directory(folder, false);
    for (int i = 0; ok && i < 3; i++) ok = os_make_directory(in_folder(folder, FOLDERS[i]), false);
    ok = ok && write_network(in_folder(folder, "film.safetensors"), "grain") &&
         write_network(in_folder(folder, "grain2.safetensors"), "film") &&
         write_network(in_folder(folder, "a.safetensors"), "both") &&
         write_network(in_folder(folder, "b.safetensors"), "both") &&
         write_network(in_folder(folder, "more/v1.5.safetensors"), NULL) &&
         write_network(in_folder(folder, "same.safetensors"), NULL) &&
         write_network(in_folder(folder, "more/same.safetensors"), NULL) &&
         write_network(in_folder(folder, "s1/twin.safetensors"), NULL) &&
         write_network(in_folder(folder, "s-1/twin.safetensors"), NULL);
    test_check(ok && network_files_open(&f, folder, "model", &e) && f.count == 9, "networks are listed: %s", e.text);
    check_find(&f, "film", "/film.safetensors", NULL);
    check_find(&f, "grain", "/film.safetensors", NULL);
    check_find(&f, "v1.5", "/more/v1.5.safetensors", NULL);
    check_find(&f, "same", "/more/same.safetensors", NULL);
    check_find(&f, "twin", "/s-1/twin.safetensors", NULL); /* s1 comes before s-1 */
    check_find(&f, "both", NULL, "prompt: <lora:x>|a.safetensors|b.safetensors");
    check_find(&f, "Film", NULL, "no such file|'film'");
    char hash[13];
    ok = network_file_hash(in_folder(folder, "film.safetensors"), hash, &e);
    const NetworkFile *n = ok ? network_files_with_hash(&f, NULL, hash, &e) : NULL;
    test_check(n != NULL && strlen(hash) == 12, "a file is found by its hash %s", hash);
    network_files_free(&f);
}

/* --- pictures --- */

#define UNET_KEY "lora_unet_" LINEAR
#define TEXT_KEY "lora_te_text_model_encoder_layers_0_self_attn_k_proj"

/* A network of the micro model: of the U-Net, and of its text encoder; a factor makes two differ. stray: a module that
 * no model has. */
static const char *make_one(const char *name, const char *alias, float factor, bool stray) {
    MadeNetwork n = {.count = 0};
    MadeWeight none = {32, 32, 1, calloc(32 * 32, sizeof(double))};
    made_lora(&n, UNET_KEY, none);
    made_lora(&n, TEXT_KEY, none);
    if (stray) made_lora(&n, "lora_unet_no_such_module", none);
    for (int i = 0; i < n.count; i++)
        for (int64_t k = 0; n.at[i].nd == 2 && k < n.at[i].n[0] * n.at[i].n[1]; k++) n.at[i].values[k] *= factor;
    const char *path = made_save(&n, name, &(FileMeta){"ss_output_name", alias}, alias != NULL);
    made_free(&n);
    free(none.w);
    return path;
}

typedef struct {
    const SdNetwork *networks;
    int count;
    const char *prompt, *hashes;
} Asked;

static SdResult draw(SdModel *m, const char *folder, Asked a, Error *e) {
    SdResult result = {0};
    SdRequest r = sd_request(m);
    r.prompt = a.prompt, r.width = r.height = 64, r.steps = 2, r.seed = 5;
    r.networks = a.networks, r.network_count = a.count, r.lora_dir = folder, r.network_hashes = a.hashes;
    if (!sd_txt2img(m, &r, &result, e)) result = (SdResult){0};
    return result;
}

static bool same(const SdResult *a, const SdResult *b) {
    return a->count && b->count && !memcmp(a->pictures[0].rgb, b->pictures[0].rgb, 64 * 64 * 3);
}

/* What a picture's text says after "Lora hashes", without quotes; "": nothing. */
static const char *hashes_of(const SdResult *r) {
    static char out[300];
    const char *at = r->count ? strstr(r->pictures[0].parameters, "Lora hashes: \"") : NULL;
    snprintf(out, sizeof out, "%.*s", at ? (int)strcspn(at + 14, "\"") : 0, at ? at + 14 : "");
    return out;
}

/* Ways to name the same networks draw the same picture. */
static void check_ways(SdModel *m, const char *folder, const char *one, const char *two) {
    const SdNetwork a = {one, 0.5, 0.8, 0}, b[] = {{two, 1, 1, 0}, {one, 0.5, 0.25, 2}},
                    twice[] = {{one, 1, 0.5, 0}, {one, 1, 0.2, 0}};
    const struct {
        Asked given;
        const char *tags, *text;
    } ROWS[] = {
        {{&a, 1, "a cat", NULL}, "a <lora:one:0.5:0.8>cat", "<lora:one:0.5:0.8>a cat\n"},
        {{&a, 1, "a cat", NULL}, "<lora:grain:unet=0.8:te=.5>a cat", "<lora:one:0.5:0.8>a cat\n"},
        {{b, 2, "a cat", NULL}, "<lora:two>a cat<lora:one:0.5:0.25:2>", "<lora:two:1><lora:one:0.5:0.25:2>a cat\n"},
        {{b, 1, "a cat", NULL}, "<lora:two:0.1>a <lora:two:1>cat<foo:bar>", NULL},
        {{twice, 2, "a cat", NULL}, NULL, "<lora:one:1:0.5><lora:one_2:1:0.2>a cat\n"},
    };
    Error e = {0};
    SdResult plain = draw(m, folder, (Asked){.prompt = "a cat"}, &e);
    test_check(plain.count && !*hashes_of(&plain), "no network, no hashes");
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        SdResult x = draw(m, folder, ROWS[i].given, &e), y = {0};
        char hashes[300];
        snprintf(hashes, sizeof hashes, "%s", hashes_of(&x));
        const char *text = x.count ? x.pictures[0].parameters : "";
        test_check(x.count && !same(&x, &plain) && strstr(hashes, ": "), "networks change the picture: %s", e.text);
        if (ROWS[i].tags && i != 3) {
            y = draw(m, folder, (Asked){.prompt = ROWS[i].tags}, &e);
            test_check(same(&x, &y), "%s draws what --lora does: %s", ROWS[i].tags, e.text);
            sd_free(&y);
        } else if (ROWS[i].tags) { /* both of a name have the last one's */
            const SdNetwork both[] = {b[0], b[0]};
            x = (sd_free(&x), draw(m, folder, (Asked){both, 2, "a cat", NULL}, &e));
            y = draw(m, folder, (Asked){.prompt = ROWS[i].tags}, &e);
            test_check(same(&x, &y), "two tags of a name count as the last: %s", e.text);
            test_check(!strncmp(hashes_of(&y), "two: ", 5) && !strchr(hashes_of(&y), ','), "and have one hash");
            sd_free(&y);
        }
        test_check(!ROWS[i].text || !strncmp(text, ROWS[i].text, strlen(ROWS[i].text)), "the text has %.40s",
                   ROWS[i].text ? ROWS[i].text : "tags");
        if (ROWS[i].text) { /* the text alone draws it again, by hash */
            char prompt[200];
            snprintf(prompt, sizeof prompt, "%.*s", (int)strcspn(text, "\n"), text);
            y = draw(m, folder, (Asked){.prompt = prompt, .hashes = hashes}, &e);
            test_check(same(&x, &y), "%s and its hashes draw it again: %s", prompt, e.text);
            sd_free(&y);
        }
        sd_free(&x);
        e = (Error){0};
    }
    sd_free(&plain);
}

/* A network that is called otherwise now is found by its hash, also where another has its name. */
static void check_hash(SdModel *m, const char *folder, const char *one) {
    Error e = {0};
    char hashes[300], renamed[600];
    const char *two = in_folder(folder, "two.safetensors");
    SdResult x = draw(m, folder, (Asked){.prompt = "a cat<lora:one:0.7>"}, &e), y;
    snprintf(hashes, sizeof hashes, "%s", hashes_of(&x));
    snprintf(renamed, sizeof renamed, "%s", in_folder(folder, "other.safetensors"));
    bool ok = !rename(one, renamed) && !rename(two, one);
    y = draw(m, folder, (Asked){.prompt = "a cat<lora:one:0.7>", .hashes = hashes}, &e);
    test_check(ok && same(&x, &y), "a file of another name is found by its hash: %s", e.text);
    sd_free(&y);
    y = draw(m, folder, (Asked){.prompt = "a cat<lora:one:0.7>"}, &e);
    test_check(y.count && !same(&x, &y), "without the hash the name counts");
    sd_free(&x), sd_free(&y);
    ok = !rename(one, two) && !rename(renamed, one);
    test_check(ok, "names are as they were");
}

enum { CAT = 2368, DOG = 1929, WIDTH = 32 };

/* The model's vector of a token. */
static bool read_word(const char *model, int64_t token, float *out) {
    static const char TABLE[] = "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight";
    WeightFile *f = weight_file_open(model, NULL);
    const FileTensor *t = f ? weight_file_find(f, TABLE) : NULL;
    bool ok = t && file_tensor_read(f, t, token * WIDTH, WIDTH, F32, out);
    weight_file_close(f);
    return ok;
}

/* The folder's embedding of that name counts, here one of another word. other: [WIDTH], the network's. */
static void check_own_counts(const char *model, const char *folder, const float *other) {
    MadeNetwork own = {.count = 0};
    Error e = {0};
    char path[600];
    float *vector = made_part(&own, "emb_params", "", 2, (int64_t[]){1, WIDTH}, 0);
    bool ok = read_word(model, DOG, vector) && memcmp(vector, other, WIDTH * sizeof *vector);
    snprintf(path, sizeof path, "%s", made_save(&own, "zq-cat.safetensors", NULL, 0));
    SdModel *m = sd_open(model, &(SdOptions){.threads = 2, .embedding_dir = path}, &e);
    SdResult a = draw(m, folder, (Asked){.prompt = "a zq-cat<lora:brings:0.5>"}, &e);
    SdResult b = draw(m, folder, (Asked){.prompt = "a dog<lora:brings:0.5>"}, &e);
    test_check(ok && same(&a, &b), "a folder's embedding counts before a network's: %s", e.text);
    sd_free(&a), sd_free(&b);
    sd_close(m);
    made_free(&own);
}

/* An embedding that a network brings along, here the model's vector of "cat", can be named while the network is there.
 */
static void check_bundled(SdModel *m, const char *model, const char *folder) {
    MadeNetwork n = {.count = 0};
    MadeWeight none = {32, 32, 1, calloc(32 * 32, sizeof(double))};
    Error e = {0};
    made_lora(&n, UNET_KEY, none);
    float *vector = made_part(&n, "bundle_emb.zq-cat", ".string_to_param.*", 2, (int64_t[]){1, WIDTH}, 0);
    made_part(&n, "bundle_emb.zq-wide", ".clip_l", 2, (int64_t[]){1, WIDTH + 1}, 0);
    test_check(read_word(model, CAT, vector), "the model's vector of a word");
    made_save(&n, "loras/brings.safetensors", NULL, 0);
    SdResult a = draw(m, folder, (Asked){.prompt = "a (zq-cat:1.2) zq-wide<lora:brings:0.5>"}, &e);
    SdResult b = draw(m, folder, (Asked){.prompt = "a (cat:1.2) zq-wide<lora:brings:0.5>"}, &e);
    test_check(same(&a, &b), "a network's embedding is named in the prompt: %s", e.text);
    test_check(a.count && !strstr(a.pictures[0].parameters, "TI hashes"), "and is not listed: its network is");
    sd_free(&a), sd_free(&b);
    a = draw(m, folder, (Asked){.prompt = "a zq-cat"}, &e);
    b = draw(m, folder, (Asked){.prompt = "a cat"}, &e);
    test_check(a.count && b.count && !same(&a, &b), "without the network the name is words: %s", e.text);
    sd_free(&a), sd_free(&b);
    check_own_counts(model, folder, vector);
    made_free(&n);
    free(none.w);
}

/* --- the program --- */

/* The webui says of an embedding that a network brings along which network that is. */
static void replay_brought(const char *model, const char *folder) {
    char text[1000];
    Error e = {0};
    SdModel *m = sd_open(model, &(SdOptions){.threads = 2}, &e);
    SdResult a = draw(m, folder, (Asked){.prompt = "a zq-cat<lora:brings:0.5>"}, &e);
    snprintf(text, sizeof text, "%s, TI hashes: \"zq-cat: brings\"", a.count ? a.pictures[0].parameters : "");
    SdPicture p = a.count ? a.pictures[0] : (SdPicture){0};
    p.parameters = text;
    test_check(sd_save_png(&p, cli_path("brought.png"), &e), "a picture is written: %s", e.text);
    cli_works("equal", "replay brought.png -m %s -q", model);
    snprintf(text, sizeof text, "%s, TI hashes: \"zq-cat: 0123456789ab\"", a.count ? a.pictures[0].parameters : "");
    test_check(sd_save_png(&p, cli_path("other.png"), &e), "a picture is written: %s", e.text);
    cli_fails(1, "TI hashes: needs zq-cat", "replay other.png -m %s", model);
    sd_free(&a);
    sd_close(m);
}

static void program(const char *model, const char *folder) {
    if (!cli_begin()) {
        test_skip("sdc with networks: no program");
        return;
    }
    char one[600], hidden[600];
    snprintf(one, sizeof one, "%s", in_folder(folder, "one.safetensors"));
    snprintf(hidden, sizeof hidden, "%s", in_folder(folder, "hidden.safetensors"));
#define SMALL " -W 64 -H 64 --steps 2 --seed 3 "
    cli_works("seed 3", "txt2img -m %s --lora %s:0.5 -p 'a cat'" SMALL "-o given.png", model, one);
    cli_works("seed 3", "txt2img -m %s --lora-dir %s -p '<lora:one:0.5>a cat'" SMALL "-o tag.png", model, folder);
    cli_works("", "txt2img -m %s -p '<lora:one:0.5>a cat'" SMALL "-o beside.png", model); /* loras beside the model */
    cli_works("seed 3",
              "txt2img -m %s --lora %s:0.5 -p 'a cat' --hires-scale 1.5 --hires-prompt 'a dog<lora:two:0.3>'" SMALL
              "-o twice.png",
              model, one);
    cli_works("<lora:one:0.5>a cat|<lora:one:0.5>a dog<lora:two:0.3>|one: |, two: ", "png-info twice.png");
    cli_works("equal", "replay twice.png -m %s", model);
    cli_works("Lora hashes|one: ", "png-info given.png");
    char hash[13], words[40];
    network_file_hash(one, hash, NULL);
    snprintf(words, sizeof words, "hash        %s", hash);
    cli_works(words, "info %s", one);
    cli_works("\"hash\":\"\"", "info --json --no-hash %s", one);
    test_check(!rename(one, hidden), "the file has another name");
    cli_works("equal", "replay given.png -m %s --lora-dir %s", model, folder);
    cli_works("equal", "replay tag.png -m %s", model);
    cli_works("", "record -m %s --lora-dir %s -p 'a <lora:hidden>'" SMALL "-o r.record", model, folder);
    test_check(!rename(hidden, one), "and its own again");
    cli_works("", "check r.record -m %s --lora-dir %s", model, folder);
    CliRun r = cli("replay given.png -m %s --lora-dir %s", model, in_folder(folder, "empty"));
    test_check(r.code == 2 && cli_holds(r.err, "<lora:one:0.5>: no such file|its hash is "),
               "a replay without the file");
    cli_tell(&r), cli_free(&r);
    cli_fails(2, "<lora:ona>: no such file in |'one'", "txt2img -m %s -p '<lora:ona>' -o n.png", model);
    cli_fails(2, "<hypernet:x:1>: hypernetworks are not supported", "txt2img -m %s -p '<hypernet:x:1>' -o n.png",
              model);
    cli_fails(1, "nan.safetensors: |lora_down.weight has numbers that are not finite",
              "txt2img -m %s -p 'a <lora:nan>'" SMALL "-o n.png", model);
    cli_fails(1, "none.safetensors: |none of its 1 modules", "txt2img -m %s -p '<lora:none>' -o n.png", model);
    cli_fails(1, "stray.safetensors: |no_such_module", "txt2img -m %s --strict -p '<lora:stray>' -o n.png", model);
    r = cli("txt2img -m %s -p 'a <lora:one:0.5:lbw=NONE>'" SMALL "-o n.png", model);
    test_check(!r.code &&
                   cli_holds(r.err, "sdc: note: <lora:one:0.5:lbw=NONE>: 'lbw=NONE' has no effect; te=, unet= and "),
               "a tag's argument that is not known is told");
    cli_free(&r);
    r = cli("txt2img -m %s -p '<lora:stray>'" SMALL "-o n.png", model);
    bool ok = r.code == 0 && cli_holds(r.err, "stray.safetensors: 1 of its parts|2 have|no_such_module");
    test_check(ok, "a part without its place is told");
    cli_tell(&r), cli_free(&r);
    r = cli("txt2img -m %s -p a --hires-scale 1.5 --hires-prompt '<lora:stray>' --strict" SMALL "-o n.png", model);
    ok = r.code == 1 && cli_holds(r.err, "stray.safetensors: |no_such_module") && !strstr(r.err, "counts with");
    test_check(ok, "so is one of the second pass");
    cli_tell(&r), cli_free(&r);
    r = cli("txt2img -m %s -p '<lora:brings>'" SMALL "-o n.png", model);
    ok = r.code == 0 &&
         cli_holds(r.err, "brings.safetensors: 1 of its parts|bundle_emb.zq-wide (its vectors are 33 wide");
    test_check(ok, "and an embedding of another width that a network brings along");
    cli_tell(&r), cli_free(&r);
    r = cli("merge %s --lora %s --lora %s -o merged.safetensors", model, in_folder(folder, "stray.safetensors"),
            in_folder(folder, "brings.safetensors"));
    ok = r.code == 0 &&
         cli_holds(r.err, "2 of the networks' parts have no place in it: |no_such_module|2 tensors of emb");
    test_check(ok, "merged, too");
    cli_tell(&r), cli_free(&r);
    r = cli("txt2img -m %s --strict -p 'a lora'" SMALL "-o n.png", model);
    test_check(r.code == 0 && cli_holds(r.err, "strict: counts with LoRAs"), "--strict without a network is told");
    cli_tell(&r), cli_free(&r);
    r = cli("txt2img -m %s --lora-apply webui -p '<lora:one>'" SMALL "-o w.png", model);
    test_check(r.code == 0 && !strstr(r.err, "counts with"), "with a tag, --lora-apply counts");
    cli_tell(&r), cli_free(&r);
    cli_works("Lora apply|webui", "png-info w.png");
    replay_brought(model, folder);
}

SUITE(network_tags, .seconds = 3) {
    char model[600], folder[600], one[600], two[600];
    Error e = {0};
    network_names();
    snprintf(model, sizeof model, "%s", test_path("tagged.safetensors"));
    snprintf(folder, sizeof folder, "%s", test_path("loras"));
    bool ok = os_make_directory(folder, false) && os_make_directory(in_folder(folder, "empty"), false);
    test_check(ok, "a folder of networks");
    make_micro_model(model, F32);
    snprintf(one, sizeof one, "%s", make_one("loras/one.safetensors", "grain", 1, false));
    snprintf(two, sizeof two, "%s", make_one("loras/two.safetensors", NULL, 0.5f, false));
    make_one("loras/stray.safetensors", NULL, 1, true);
    make_one("loras/nan.safetensors", NULL, NAN, false);
    MadeNetwork none = {.count = 0};
    MadeWeight w = {32, 32, 1, calloc(32 * 32, sizeof(double))};
    made_lora(&none, "lora_unet_no_such_module", w);
    made_save(&none, "loras/none.safetensors", NULL, 0);
    made_free(&none), free(w.w);
    SdModel *m = sd_open(model, &(SdOptions){.threads = 2}, &e);
    if (test_check(m != NULL, "a model is opened: %s", e.text)) {
        check_ways(m, folder, one, two);
        check_hash(m, folder, one);
        check_bundled(m, model, folder);
    }
    sd_close(m);
    program(model, folder);
}
