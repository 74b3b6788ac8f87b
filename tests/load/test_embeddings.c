/* test_embeddings.c: files of embeddings as the webui, diffusers and kohya write them (tools/goldens/embeddings.py made
 * tests/golden/embeddings); which of a folder count; and pictures: vectors that are those of a word draw that word. */
#include "sd/load/networks/embedding_file.h"
#include "sd/load/model.h"
#include "tests/harness/cli.h"
#include "tests/harness/make_model.h"
#include "tests/harness/test.h"
#include "tensor/os.h"
#include "weights/formats/safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *golden_path(const char *name) {
    static char path[512];
    const char *dir = getenv("SDC_GOLDEN");
    snprintf(path, sizeof path, "%s/embeddings%s%s", dir && *dir ? dir : "tests/golden", *name ? "/" : "", name);
    return path;
}

/* --- files --- */

static float vector(int part, int64_t row, int64_t column) {
    return (float)((part * 131 + row * 37 + column * 11) % 64 - 32) / 64;
}

static bool holds_vectors(const EmbeddingFile *f, int parts, int64_t vectors) {
    static const int64_t WIDTHS[] = {32, 48};
    bool ok = f->parts == parts && (!parts || f->vectors == vectors);
    for (int p = 0; ok && p < parts; p++) {
        ok = f->width[p] == WIDTHS[p];
        for (int64_t i = 0; ok && i < vectors * WIDTHS[p]; i++)
            ok = f->numbers[p][i] == vector(p, i / WIDTHS[p], i % WIDTHS[p]);
    }
    return ok;
}

static void files(void) {
    static const struct {
        const char *file, *name;
        int parts, vectors, step;
    } FILES[] = {
        {"webui.pt", "inner", 1, 3, 7},  {"parameters.pt", NULL, 1, 3, 0},     {"concept.bin", NULL, 1, 1, 0},
        {"legacy.pt", "old", 1, 3, 9},   {"kohya.safetensors", NULL, 1, 3, 0}, {"sdxl.safetensors", NULL, 2, 3, 0},
        {"chunk.png", "inner", 1, 3, 7}, {"pixels.png", "hidden", 1, 3, 7},    {"picture.png", NULL, 0, 0, 0}};
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++) {
        Error e = {0};
        EmbeddingFile f;
        bool ok = embedding_file_read(golden_path(FILES[i].file), &f, &e);
        bool named = FILES[i].name ? f.name && !strcmp(f.name, FILES[i].name) : !f.name;
        test_check(ok && named && f.step == FILES[i].step && holds_vectors(&f, FILES[i].parts, FILES[i].vectors),
                   "%s is read", FILES[i].file);
        test_note("%s", e.text);
        embedding_file_free(&f);
    }
    SdInfo info;
    Error e = {0};
    bool ok = sd_info(golden_path("legacy.pt"), false, &info, &e);
    test_check(ok && !strcmp(info.embedding, "3 vectors of 32, \"old\", step 9"), "sdc info of legacy.pt: %s", e.text);
    ok = ok && sd_info(golden_path("sdxl.safetensors"), false, &info, &e);
    test_check(ok && !strcmp(info.embedding, "3 vectors of 32 and 48"), "sdc info of sdxl.safetensors: %s", e.text);
}

/* --- folders --- */

typedef struct {
    const char *name; /* of the tensor */
    int64_t n[2];     /* n[1] 0: one dimension */
    const float *numbers;
} Made;

static bool write_tensors(const char *path, const Made *made, size_t count) {
    FileTensor list[4] = {{0}};
    Error e = {0};
    for (size_t i = 0; i < count; i++)
        list[i] = (FileTensor){
            .name = made[i].name, .dtype = F32, .nd = made[i].n[1] ? 2 : 1, .n = {made[i].n[0], made[i].n[1]}};
    StWriter *w = st_write_begin(path, list, count, NULL, 0, &e);
    for (size_t i = 0; w && i < count; i++)
        st_write_data(w, made[i].numbers, (size_t)(made[i].n[0] * (made[i].n[1] ? made[i].n[1] : 1)) * sizeof(float),
                      &e);
    return w && st_write_end(w, &e);
}

static const char *in_folder(const char *folder, const char *name) {
    static char path[2][600];
    static int turn;
    turn ^= 1;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

/* The words that the first encoder's prompts may name, and the reasons of the others. */
static void check_list(const Embeddings *s, const char *name, int vectors, const char *skipped) {
    bool ok = false;
    for (int i = 0; i < s->count; i++) {
        const Embedding *x = &s->at[i];
        const char *slash = strrchr(x->path, '/');
        if (strcmp(slash + 1, name)) continue;
        ok = skipped ? x->skipped && strstr(x->skipped, skipped)
                     : !x->skipped && x->vectors == vectors && i < s->word_count;
        test_check(ok, "%s: %s", name, skipped ? skipped : "counts");
        test_note("%d vectors, %s", x->vectors, x->skipped ? x->skipped : "not skipped");
        return;
    }
    test_check(false, "%s is in the list", name);
}

static void folders(const Tokenizer *t) {
    SdConfig k = micro_config();
    static const float NUMBERS[80 * 32];
    float wrong[32] = {0};
    Embeddings s;
    Error e = {0};
    bool ok = embeddings_open(&s, golden_path(""), &k, t, &e);
    test_check(ok && s.word_count == 7 && s.count == 8, "the golden folder is read: %s", e.text);
    check_list(&s, "webui.pt", 3, NULL);
    check_list(&s, "concept.bin", 1, NULL);
    check_list(&s, "sdxl.safetensors", 0, "32 and 48 wide");
    embeddings_free(&s);
    char folder[512];
    snprintf(folder, sizeof folder, "%s", test_path("folder"));
    wrong[3] = HUGE_VALF;
    ok = os_make_directory(folder, false) && os_make_directory(in_folder(folder, "below"), false);
    ok = ok && write_tensors(in_folder(folder, "Style.safetensors"), &(Made){"x", {2, 32}, NUMBERS}, 1) &&
         write_tensors(in_folder(folder, "style.safetensors"), &(Made){"x", {3, 32}, NUMBERS}, 1) &&
         write_tensors(in_folder(folder, "below/flat.safetensors"), &(Made){"x", {32, 0}, NUMBERS}, 1) &&
         write_tensors(in_folder(folder, "below/twice.safetensors"), &(Made){"x", {2, 32}, NUMBERS}, 1) &&
         write_tensors(in_folder(folder, "twice.safetensors"), &(Made){"x", {3, 32}, NUMBERS}, 1) &&
         write_tensors(in_folder(folder, "long.safetensors"), &(Made){"x", {76, 32}, NUMBERS}, 1) &&
         write_tensors(in_folder(folder, "full.safetensors"), &(Made){"x", {75, 32}, NUMBERS}, 1) &&
         write_tensors(in_folder(folder, "nan.safetensors"), &(Made){"x", {1, 32}, wrong}, 1) &&
         write_tensors(in_folder(folder, "wide.safetensors"), &(Made){"x", {2, 48}, NUMBERS}, 1) &&
         write_tensors(in_folder(folder, "two.safetensors"), (Made[]){{"x", {1, 32}, NUMBERS}, {"y", {1, 32}, NUMBERS}},
                       2) &&
         test_write(in_folder(folder, "cut.pt"), "PK\3\4", 4) && test_write(in_folder(folder, "x.webp"), "RIFF", 4) &&
         test_write(in_folder(folder, "x.preview.webp"), "RIFF", 4) &&
         test_write(in_folder(folder, "notes.txt"), "a", 1);
    test_check(ok && embeddings_open(&s, folder, &k, t, &e), "a folder is read: %s", e.text);
    check_list(&s, "Style.safetensors", 2, NULL);
    check_list(&s, "style.safetensors", 0, "Style.safetensors, which counts");
    check_list(&s, "flat.safetensors", 1, NULL);
    check_list(&s, "full.safetensors", 75, NULL);
    check_list(&s, "long.safetensors", 0, "76 vectors are more than the 75");
    check_list(&s, "nan.safetensors", 0, "not finite");
    check_list(&s, "wide.safetensors", 0, "48 wide");
    check_list(&s, "two.safetensors", 0, "2 tensors");
    check_list(&s, "cut.pt", 0, "");
    check_list(&s, "x.webp", 0, "save it as PNG");
    test_check(s.count == 12 && s.word_count == 4, "%d files, %d that count", s.count, s.word_count);
    embeddings_free(&s);
    e = (Error){0};
    test_check(!embeddings_open(&s, test_path("nowhere"), &k, t, &e) && e.code == ERR_FILE, "no folder: %s", e.text);
    embeddings_free(&s);
}

/* --- pictures --- */

/* The rows of a token in a model's table, `key`. */
static bool read_row(const char *model, const char *key, int64_t id, int64_t width, float *out) {
    WeightFile *f = weight_file_open(model, NULL);
    const FileTensor *t = f ? weight_file_find(f, key) : NULL;
    bool ok = t && file_tensor_read(f, t, id * width, width, F32, out);
    weight_file_close(f);
    return ok;
}

static SdResult draw(const char *model, const char *folder, const char *prompt, const char *negative, Error *e) {
    SdResult result = {0};
    SdModel *m = sd_open(model, &(SdOptions){.threads = 1, .embedding_dir = folder}, e);
    SdRequest r = sd_request(m);
    r.prompt = prompt, r.negative = negative, r.width = r.height = 64, r.steps = 2, r.seed = 5;
    if (m) sd_txt2img(m, &r, &result, e);
    sd_close(m);
    return result;
}

#define W "w w w w w w w w w w w w w w w w w w w w w w w w w w w w w w w w w w w " /* 35 */

/* Names that are the words "cat" and "red" draw what these do. */
static void check_pictures(const char *what, const char *model, const char *folder) {
    static const struct {
        const char *named, *plain;
    } PROMPTS[] = {{"a zq-one", "a cat"},
                   {"(zq-two:1.3), zq-one", "(cat red:1.3), cat"},
                   {"[zq-one:zq-two:1] sky AND zq-two :0.5", "[cat:cat red:1] sky AND cat red :0.5"},
                   {W W "w w w w zq-two", W W "w w w w BREAK cat red"}};
    for (size_t i = 0; i < sizeof PROMPTS / sizeof *PROMPTS; i++) {
        Error e = {0};
        SdResult a = draw(model, folder, PROMPTS[i].named, "zq-one", &e),
                 b = draw(model, NULL, PROMPTS[i].plain, "cat", &e);
        bool ok = a.count == 1 && b.count == 1;
        ok = ok && !memcmp(a.pictures[0].rgb, b.pictures[0].rgb, 64 * 64 * 3);
        test_check(ok, "%s: %.40s draws %.40s", what, PROMPTS[i].named, PROMPTS[i].plain);
        test_note("%s", e.text);
        const char *said = a.count ? strstr(a.pictures[0].parameters, "TI hashes: ") : NULL;
        bool two = strstr(PROMPTS[i].named, "zq-two") != NULL;
        ok = said && strstr(said, "zq-one: ") && (!two || strstr(said, "zq-two: "));
        test_check(ok && b.count && !strstr(b.pictures[0].parameters, "TI hashes"), "%s: the text says so", what);
        sd_free(&a), sd_free(&b);
    }
}

/* The token of a word. */
static int64_t token_of(const Tokenizer *t, const char *word) {
    int32_t *ids = NULL;
    int64_t id = tokenizer_encode(t, TOKENS_OPENAI, word, strlen(word), &ids) == 1 ? ids[0] : 0;
    free(ids);
    return id;
}

/* By the program: made, and made again. */
static void program(const char *model, const char *folder) {
    if (!cli_begin()) {
        test_skip("sdc with embeddings: no program");
        return;
    }
    static const float NUMBERS[2 * 768];
    const char *wide = test_path("wide.safetensors");
    bool ok = write_tensors(wide, &(Made){"emb_params", {2, 768}, NUMBERS}, 1);
    if (test_check(ok, "an embedding for SD 1.x"))
        cli_works("embedding, SD 1.x|2 vectors|parameters  1536", "info %s", wide);
    CliRun r =
        cli("txt2img -m %s --embedding-dir %s -p 'a (WIDE:1.2)' -n b -W 64 -H 64 --steps 1 -o w.png", model, wide);
    ok = r.code == 0 &&
         cli_holds(r.err, "warning: prompt: wide is read as words: |wide.safetensors: its vectors are 768") &&
         !strstr(r.err, "negative") && !strstr(r.err, "not used");
    test_check(ok, "a prompt that names a skipped embedding is warned of, once");
    cli_tell(&r);
    cli_free(&r);
    cli_works("seed 3", "txt2img -m %s --embedding-dir %s -p 'a (zq-one:1.2)' -W 64 -H 64 --steps 2 --seed 3 -o zq.png",
              model, folder);
    cli_works("TI hashes|zq-one: ", "png-info zq.png");
    cli_works("equal", "replay zq.png -m %s --embedding-dir %s", model, folder);
    cli_works("seed 3",
              "txt2img -m %s --embedding-dir %s -p 'a zq-one' --hires-scale 1.5 --hires-prompt 'a zq-two' -W 64 -H 64 "
              "--steps 2 --seed 3 -o hires.png",
              model, folder);
    cli_works("TI hashes|zq-one: |zq-two: ", "png-info hires.png");
    cli_works("equal", "replay hires.png -m %s --embedding-dir %s", model, folder);
    cli_fails(1, "zq.png: TI hashes: needs zq-one|--embedding-dir", "replay zq.png -m %s", model);
    cli_works("(a|{zq-two} :1.2)|cat", "tokens -m %s --embedding-dir %s -p '(a zq-two:1.2) cat'", model, folder);
    cli_works("\"embeddings\":[{\"at\":1,\"vectors\":2,\"name\":\"zq-two\"}]",
              "tokens --json -m %s --embedding-dir %s -p 'a zq-two'", model, folder);
    cli_fails(2, "--embedding-dir: needs the model", "tokens --embedding-dir %s -p a", folder);
    cli_works("", "record -m %s --embedding-dir %s -p 'a zq-one' -W 64 -H 64 --steps 2 --seed 3 -o zq.record", model,
              folder);
    cli_works("", "check zq.record -m %s --embedding-dir %s", model, folder);
    cli_fails(1, "needs the file zq-one.safetensors (SHA-256 |--embedding-dir", "check zq.record -m %s", model);
    cli_fails(1, "nowhere: cannot be opened as a folder", "txt2img -m %s --embedding-dir nowhere -p a -o n.png", model);
}

static void pictures(const Tokenizer *t) {
    const int64_t ids[2] = {token_of(t, "cat"), token_of(t, "red")};
    static const char *const KEYS[] = {
        "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight",
        "conditioner.embedders.0.transformer.text_model.embeddings.token_embedding.weight",
        "conditioner.embedders.1.model.token_embedding.weight"};
    float rows[3][2][48];
    char folders[2][512], models[2][512];
    const char *const names[] = {"sd1", "sdxl"};
    bool ok = true;
    for (int k = 0; k < 2; k++) {
        snprintf(models[k], sizeof models[k], "%s", test_path(k ? "sdxl.safetensors" : "sd1.safetensors"));
        snprintf(folders[k], sizeof folders[k], "%s", test_path(names[k]));
        ok = ok && make_model_of(models[k], (MakeModel){.dtype = F32}, k ? micro_sdxl_config() : micro_config());
        ok = ok && os_make_directory(folders[k], false);
        for (int i = k; ok && i <= 2 * k; i++)
            for (int w = 0; ok && w < 2; w++)
                ok = read_row(models[k], KEYS[i], ids[w], i == 2 ? 48 : 32, &rows[i][0][0] + w * (i == 2 ? 48 : 32));
    }
    if (!test_check(ok, "models are written")) return;
    for (int w = 1; w <= 2; w++) {
        const char *file = w == 1 ? "zq-one.safetensors" : "zq-two.safetensors";
        ok = ok && write_tensors(in_folder(folders[0], file), &(Made){"emb_params", {w, 32}, rows[0][0]}, 1);
        ok = ok && write_tensors(in_folder(folders[1], file),
                                 (Made[]){{w == 1 ? "clip_g" : "text_encoders_1", {w, 48}, rows[2][0]},
                                          {w == 1 ? "clip_l" : "text_encoders_0", {w, 32}, rows[1][0]}},
                                 2);
    }
    test_check(ok, "embeddings are written");
    for (int k = 0; k < 2; k++) check_pictures(names[k], models[k], folders[k]);
    program(models[0], folders[0]);
}

SUITE(embeddings, .seconds = 3) {
    Tokenizer *t = tokenizer_new();
    files();
    if (test_check(t != NULL, "a tokenizer")) folders(t), pictures(t);
    tokenizer_free(t);
}
