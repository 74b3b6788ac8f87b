/* server_openai.c: what clients of OpenAI's routes send and read. */
#include "server.h"

#include "tests/harness/cli.h"
#include "tests/harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define G "/v1/images/generations"
#define EXTRA "\"prompt\":\"a cat\",\"steps\":1,\"seed\":5"

static void generations(const Served *s) {
    static const struct {
        const char *name, *body;
        int status;
        const char *wanted;
    } CASES[] = {
        {"gpt-image-1: base64", "{\"model\":\"gpt-image-1\"," EXTRA "}", 200,
         "data.#=1|data.0.b64_json^iVBOR|data.0.seed=5|data.0.url-|created!"},
        {"two of them", "{\"n\":2,\"size\":\"auto\",\"quality\":\"auto\",\"response_format\":\"b64_json\"," EXTRA "}",
         200, "data.#=2|data.1.seed=6"},
        {"a size", "{\"size\":\"72x64\",\"response_format\":\"b64_json\"," EXTRA "}", 200, "data.#=1"},
        {"no size", "{\"size\":\"big\"," EXTRA "}", 400,
         "error.param=size|error.type=invalid_request_error|error.message~big"},
        {"a vast size", "{\"size\":\"99999x99999\"," EXTRA "}", 400, "error.message!"},
        {"a model of the list", "{\"model\":\"b.safetensors\",\"response_format\":\"b64_json\"," EXTRA "}", 200,
         "data.#=1"},
        {"an unknown model", "{\"model\":\"midjourney\"," EXTRA "}", 404, "error.message~midjourney"},
        {"no prompt", "{\"n\":1}", 400, "error.param=prompt"},
        {"steps beyond their range", "{\"prompt\":\"x\",\"steps\":100000}", 400, "error.param=steps"},
        {"a form that there is none of", "{\"response_format\":\"webp\"," EXTRA "}", 400,
         "error.param=response_format"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        Reply r = call(s, "POST", G, "", CASES[i].body);
        reply_check(&r, CASES[i].status, CASES[i].wanted, "OpenAI: %s", CASES[i].name);
        reply_free(&r);
    }
    Reply plain = call(s, "POST", T, "", "{" EXTRA "}"),
          r = call(s, "POST", G, "", "{\"model\":\"gpt-image-1\"," EXTRA "}");
    const char *a = reply_get(&plain, "images.0"), *b = reply_get(&r, "data.0.b64_json");
    test_check(a && b && !strcmp(a, b), "OpenAI: the same picture as txt2img's");
    reply_free(&plain), reply_free(&r);
    r = call(s, "POST", G, "Host: localhost:1234\r\n", "{\"model\":\"dall-e-2\"," EXTRA "}");
    reply_check(&r, 200, "data.0.url^http://localhost:1234/v1/pictures/|data.0.b64_json-",
                "OpenAI: dall-e-2 gives an address");
    const char *url = reply_get(&r, "data.0.url");
    char path[300];
    snprintf(path, sizeof path, "%s", url ? url + strlen("http://localhost:1234") : "/none");
    reply_free(&r);
    r = call(s, "GET", path, "", NULL);
    test_check(r.status == 200 && r.size > 8 && !memcmp(r.body, "\x89PNG", 4), "where the picture is");
    reply_free(&r);
    path[20] ^= 1;
    r = call(s, "GET", path, "", NULL);
    reply_check(&r, 404, "detail!", "and at no other");
    reply_free(&r);
    r = call(s, "POST", G, "", "{\"model\":\"gpt-image-1\",\"stream\":true,\"partial_images\":0," EXTRA "}");
    const char *begin = r.body;
    while (begin && !strncmp(begin, ":\n\n", 3)) begin += 3; /* it took long */
    test_check(r.status == 200 && begin && !strncmp(begin, "event: image_generation.completed\ndata: {", 41) &&
                   strstr(r.body, "\"b64_json\":\"iVBOR") && !strcmp(r.body + r.size - 2, "\n\n"),
               "OpenAI: a stream");
    test_note("%.200s", r.body ? r.body : "");
    reply_free(&r);
    r = call(s, "GET", "/v1/models", "", NULL);
    reply_check(&r, 200, "object=list|data.#=3|data.0.object=model|data.0.id^a.safetensors", "OpenAI: models");
    reply_free(&r);
}

/* --- edits --- */

typedef struct {
    char bytes[1 << 18];
    size_t n;
} Body;

static void add(Body *b, const char *head, const void *bytes, size_t size) {
    b->n += (size_t)sprintf(b->bytes + b->n, "--xyz\r\n%s\r\n\r\n", head);
    memcpy(b->bytes + b->n, bytes, size);
    b->n += size;
    b->n += (size_t)sprintf(b->bytes + b->n, "\r\n");
}

static Reply send(const Served *s, Body *b) {
    char head[300];
    b->n += (size_t)sprintf(b->bytes + b->n, "--xyz--\r\n");
    int n = snprintf(head, sizeof head,
                     "POST /v1/images/edits HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; "
                     "boundary=xyz\r\nContent-Length: %zu\r\n\r\n",
                     b->n);
    int fd = call_open(s);
    Reply r = {0};
    if (call_raw(fd, head, (size_t)n) && call_raw(fd, b->bytes, b->n)) r = call_read(fd);
    call_close(fd);
    return r;
}

static void fields(Body *b) {
    b->n = 0;
    add(b, "Content-Disposition: form-data; name=\"prompt\"", "a dog", 5);
    add(b, "Content-Disposition: form-data; name=\"seed\"", "5", 1);
    add(b, "Content-Disposition: form-data; name=\"steps\"", "2", 1);
    add(b, "Content-Disposition: form-data; name=\"model\"", "gpt-image-1", 11);
}

static char *made(size_t *size) {
    CliRun r = cli("txt2img -q -p x --steps 1 --seed 1 -o %s", cli_path("edit.png"));
    cli_free(&r);
    return test_read(cli_path("edit.png"), size);
}

static void edits(const Served *s) {
    size_t size = 0;
    char *png = made(&size);
    Body *b = calloc(1, sizeof *b);
    if (!test_check(png && size < 100000, "a picture to edit")) {
        free(png), free(b);
        return;
    }
    static const char *const HEADS[] = {
        "Content-Disposition: form-data; name=\"image\"; filename=\"a.png\"\r\nContent-Type: image/png",
        ("Content-Type: application/octet-stream\r\nContent-Disposition: form-data; name=\"image[]\"; "
         "filename=\"upload\""),
        "content-disposition: form-data; filename=upload; name=image"};
    for (size_t i = 0; i < 3; i++) {
        fields(b);
        add(b, HEADS[i], png, size);
        Reply r = send(s, b);
        reply_check(&r, 200, "data.0.b64_json^iVBOR|data.0.seed=5|warnings-", "OpenAI: an edit, %.30s", HEADS[i]);
        reply_free(&r);
    }
    fields(b);
    add(b, HEADS[0], png, size);
    add(b, HEADS[0], png, size);
    Reply r = send(s, b);
    reply_check(&r, 200, "data.#=1|warnings.0^further images", "OpenAI: two pictures");
    reply_free(&r);
    fields(b);
    r = send(s, b);
    reply_check(&r, 400, "error.param=image", "OpenAI: an edit of nothing");
    reply_free(&r);
    fields(b);
    add(b, HEADS[0], "GIF89", 5);
    r = send(s, b);
    reply_check(&r, 400, "error.message!", "OpenAI: an edit of no picture");
    reply_free(&r);
    for (int cut = 0; cut < 3; cut++) {
        Body *c = calloc(1, sizeof *c);
        c->n = (size_t)sprintf(c->bytes, "%s", cut ? "--xyz\r\n" : "nothing of the kind\r\n");
        if (cut == 2)
            c->n += (size_t)sprintf(c->bytes + c->n, "Content-Disposition: form-data; name=\"\xff\"\r\n\r\n\xfe\r\n");
        r = send(s, c);
        test_check(r.status == 400, "OpenAI: a broken form: %d", r.status);
        reply_free(&r);
        free(c);
    }
    r = call(s, "POST", "/v1/images/edits", "", "{}");
    reply_check(&r, 400, "error.message!", "OpenAI: an edit in JSON");
    reply_free(&r);
    free(png), free(b);
}

void server_openai(const Served *s) {
    generations(s);
    edits(s);
}
