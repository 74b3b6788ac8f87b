/* config_folder_words.c: a folder's tokenizer is CLIP's, or refused. */
#include "config_detect.h"
#include "config_keys.h"

#include <string.h>

static const JsonNode *get(const ConfigFile *f, const char *key) { return json_get(f->json, f->root, key); }

/* A token's text: a string, or {"content": ..}; NULL: it has none. */
static const char *token_of(const ConfigFile *f, const char *key) {
    const JsonNode *n = get(f, key);
    if (n && n->type == JSON_OBJECT) n = json_get(f->json, n, "content");
    return n && n->type == JSON_STRING ? n->text : NULL;
}

bool config_tokens(const ConfigFile *f, bool begins, ClipConfig *k) {
    const char *pad = token_of(f, "pad_token"), *bos = token_of(f, "bos_token"), *eos = token_of(f, "eos_token");
    int most;
    if (bos && strcmp(bos, "<|startoftext|>"))
        return config_refuse(f, "bos_token", "where only <|startoftext|> is read; use another model");
    if (eos && strcmp(eos, "<|endoftext|>"))
        return config_refuse(f, "eos_token", "where only <|endoftext|> is read; use another model");
    if (pad && strcmp(pad, "<|endoftext|>") && strcmp(pad, "!"))
        return config_refuse(f, "pad_token", "where only <|endoftext|> or ! is read; use another model");
    if (pad) k->pad = *pad == '!' ? 0 : 49407;
    double wide; /* transformers writes 1e30 for "no limit" */
    JsonNode missing;
    if (!begins || (json_double(config_value(f, "model_max_length", &missing), &wide) && wide > 1 << 30)) return true;
    return config_int(f, "model_max_length", 77, 1 << 30, &most);
}

void config_note_added(const Json *added, const ConfigFile *tokenizer, ConfigNotes *notes) {
    const JsonNode *root = added ? &added->nodes[0] : NULL;
    const JsonNode *decoder = tokenizer ? get(tokenizer, "added_tokens_decoder") : NULL;
    int64_t id;
    int count = 0;
    for (int32_t i = root && root->type == JSON_OBJECT ? root->child : -1; i >= 0; i = added->nodes[i].next)
        if (json_int(&added->nodes[i], &id) && id > 49407 && ++count <= 3)
            config_note(notes->said, "the added token %.40s", added->nodes[i].key);
    for (int32_t i = decoder && decoder->type == JSON_OBJECT ? decoder->child : -1; i >= 0 && !root;
         i = tokenizer->json->nodes[i].next) {
        const JsonNode *n = &tokenizer->json->nodes[i], number = {.type = JSON_NUMBER, .text = n->key};
        const JsonNode *content = json_get(tokenizer->json, n, "content");
        if (json_int(&number, &id) && id > 49407 && ++count <= 3)
            config_note(notes->said, "the added token %.40s",
                        content && content->type == JSON_STRING ? content->text : n->key);
    }
    if (count > 3) config_note(notes->said, "%d more added tokens", count - 3);
}

bool config_words(const Checkpoint *c, int which, Error *e) {
    static const struct {
        const char *word;
        int64_t id;
    } WORDS[] = {{"!", 0}, {"in</w>", 530}, {"cat</w>", 2368}, {"<|startoftext|>", 49406}, {"<|endoftext|>", 49407}};
    const Json *j = c->tokenizers[which].vocabulary;
    int64_t id;
    bool ok = !j || (j->nodes[0].type == JSON_OBJECT && j->nodes[0].count >= 49408);
    for (size_t i = 0; j && ok && i < sizeof WORDS / sizeof *WORDS; i++)
        ok = json_int(json_get(j, &j->nodes[0], WORDS[i].word), &id) && id == WORDS[i].id;
    return ok || error_set(e, ERR_FORMAT, "%s/tokenizer%s/vocab.json: is not CLIP's vocabulary; use another model",
                           c->path, which ? "_2" : "");
}
