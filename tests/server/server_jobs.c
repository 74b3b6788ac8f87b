/* server_jobs.c: jobs that outlive their calls, and the server. */
#define _XOPEN_SOURCE 700
#include "server.h"

#include "tests/harness/cli.h"
#include "tests/harness/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JOBS "/v1/jobs"

/* The picture of a job that is kept in --outputs: named by when it was accepted, so that drawing it again replaces it.
 */
static void is_kept(const Reply *job, const char *id, int seed) {
    const char *at = reply_get(job, "created");
    char digits[16] = "", path[200];
    for (size_t n = 0; at && *at && n < 14; at++)
        if (*at >= '0' && *at <= '9') digits[n++] = *at;
    snprintf(path, sizeof path, "kept/%.4s-%.2s-%.2s/%s-%.20s-0-%d.png", digits, digits + 4, digits + 6, digits, id,
             seed);
    char *png = test_read(cli_path(path), NULL);
    test_check(png && !memcmp(png, "\x89PNG", 4), "is kept: %s", path);
    free(png);
}

static Reply of_job(const Served *s, const char *method, const char *id, const char *rest) {
    char path[200];
    snprintf(path, sizeof path, JOBS "/%s%s", id, rest);
    return call(s, method, path, "", !strcmp(method, "POST") ? "" : NULL);
}

/* Waits until a job is in that state; "ended": in any that is the last. */
static Reply wait_state(const Served *s, const char *id, const char *state) {
    Reply r = {0};
    for (int k = 0; k < 2000; k++) {
        reply_free(&r);
        r = of_job(s, "GET", id, "");
        const char *is = reply_get(&r, "state");
        if (!is || !strcmp(is, state)) break;
        if (!strcmp(state, "ended") && strcmp(is, "queued") != 0 && strcmp(is, "generating") != 0) break;
        server_nap();
    }
    return r;
}

static void submit(const Served *s, const char *headers, const char *body, char id[64]) {
    Reply r = call(s, "POST", JOBS, headers, body);
    reply_check(&r, 202, "state=queued", "a job is accepted");
    snprintf(id, 64, "%s", reply_get(&r, "id") ? reply_get(&r, "id") : "none");
    const char *where = reply_header(&r, "Location");
    test_check(where && strstr(where, id), "and says where");
    reply_free(&r);
}

static void one_job(const Served *s) {
    char id[64], again[64], body[] = "{\"prompt\":\"a cat\",\"steps\":3,\"seed\":11}";
    submit(s, "Idempotency-Key: k1\r\n", body, id);
    Reply r = wait_state(s, id, "ended");
    reply_check(&r, 200, "state=completed|pictures.#=1|pictures.0.seed=11|pictures.0.infotext~Seed: 11|seconds!|error-",
                "a job that is done");
    reply_free(&r);
    Reply png = of_job(s, "GET", id, "/pictures/0"), t = call(s, "POST", T, "", body);
    const char *picture = reply_get(&t, "images.0");
    test_check(png.status == 200 && png.size > 100 && !memcmp(png.body, "\x89PNG", 4), "its picture");
    test_check(picture && strlen(picture) / 4 == (png.size + 2) / 3, "as large as txt2img's");
    reply_free(&png), reply_free(&t);
    r = call(s, "POST", JOBS, "Idempotency-Key: k1\r\n", body);
    snprintf(again, sizeof again, "%s", reply_get(&r, "id") ? reply_get(&r, "id") : "none");
    reply_check(&r, 200, "state=completed|pictures.#=1", "the same key again");
    test_check(!strcmp(id, again), "is the same job");
    reply_free(&r);
    r = call(s, "GET", JOBS, "", NULL);
    reply_check(&r, 200, "jobs.#=1|jobs.0.state=completed", "the list");
    reply_free(&r);
    static const char *const NONE[] = {"/pictures/1", "/pictures/-1", "/pictures/x", "/pictures/99999999999",
                                       "/nothing"};
    for (size_t i = 0; i < sizeof NONE / sizeof *NONE; i++) {
        r = of_job(s, "GET", id, NONE[i]);
        reply_check(&r, 404, "detail=Not Found", "no %s", NONE[i]);
        reply_free(&r);
    }
    r = of_job(s, "GET", "' or '1'='1", "");
    test_check(r.status >= 400, "no SQL: %d", r.status);
    reply_free(&r);
    r = of_job(s, "DELETE", id, "");
    reply_check(&r, 409, "detail~completed", "what is done cannot be cancelled");
    reply_free(&r);
    r = call(s, "POST", JOBS, "",
             "{\"steps\":1,\"frobnicate\":3,\"enable_hr\":true,\"width\":64,\"height\":64,\"prompt\":\"x\"}");
    reply_check(&r, 202, "state=queued|warnings.0^frobnicate", "what has no effect is told at once");
    snprintf(again, sizeof again, "%s", reply_get(&r, "id") ? reply_get(&r, "id") : "none");
    reply_free(&r);
    r = wait_state(s, again, "ended");
    reply_check(&r, 200, "state=completed|pictures.0.infotext~Hires upscale: 2|pictures.0.width=128",
                "a job of hires fix");
    reply_free(&r);
    r = call(s, "POST", JOBS, "", "{\"steps\":1,\"sampler_name\":\"foo\"}");
    reply_check(&r, 404, "detail=Sampler not found", "a job that cannot be");
    reply_free(&r);
}

static void events(const Served *s) {
    char id[64], path[100];
    submit(s, "", "{\"prompt\":\"x\",\"steps\":60,\"seed\":5}", id);
    snprintf(path, sizeof path, JOBS "/%s/events", id);
    Reply r = call(s, "GET", path, "", NULL);
    const char *type = reply_header(&r, "Content-Type");
    test_check(r.status == 200 && type && !strcmp(type, "text/event-stream"), "events");
    test_check(
        r.body && cli_holds(r.body, "event: progress\ndata: {|event: preview\ndata: {|iVBOR|event: completed\ndata: {"),
        "progress, previews, the end");
    test_note("%.300s", r.body ? r.body : "");
    reply_free(&r);
    r = call(s, "GET", path, "", NULL);
    test_check(r.body && !strncmp(r.body, "event: completed\n", 17), "of a job that is done: the end");
    reply_free(&r);
}

static void cancelling(const Served *s) {
    char first[64], second[64];
    submit(s, "", "{\"steps\":1000,\"seed\":5}", first);
    Reply r = wait_state(s, first, "generating");
    reply_check(&r, 200, "position=0|progress!|stage!", "a job at work");
    reply_free(&r);
    submit(s, "", "{\"steps\":1000,\"seed\":6}", second);
    r = wait_state(s, second, "queued");
    reply_check(&r, 200, "position=1", "one that waits");
    reply_free(&r);
    r = of_job(s, "DELETE", second, "");
    reply_check(&r, 202, "state=cancelled", "cancelled while it waits");
    reply_free(&r);
    r = of_job(s, "POST", first, "/cancel");
    reply_check(&r, 202, "state=cancelled", "cancelled at work");
    reply_free(&r);
    Reply a = wait_state(s, first, "ended"), b = wait_state(s, second, "ended");
    reply_check(&a, 200, "state=cancelled|pictures.#=0", "the first ends");
    reply_check(&b, 200, "state=cancelled|pictures.#=0", "and the second");
    reply_free(&a), reply_free(&b);
}

/* A call that bears the id of somebody's job is not that job: cancelling leaves it alone. */
static void ids_are_ours(const Served *s) {
    char done[64], first[64], body[200];
    submit(s, "", "{\"steps\":1,\"seed\":5}", done);
    Reply r = wait_state(s, done, "ended");
    reply_free(&r);
    submit(s, "", "{\"steps\":1000,\"seed\":5}", first);
    r = wait_state(s, first, "generating");
    reply_free(&r);
    snprintf(body, sizeof body, "{" SMALL ",\"force_task_id\":\"%s\"}", done);
    int fd = call_open(s);
    call_send(fd, "POST", T, "", body);
    bool waits = false;
    for (int k = 0; !waits && k < 500; k++) {
        r = call(s, "GET", "/queue/status", "", NULL);
        const char *count = reply_get(&r, "queue_size");
        waits = count && !strcmp(count, "2");
        reply_free(&r);
        if (!waits) server_nap();
    }
    r = of_job(s, "DELETE", done, "");
    reply_check(&r, 409, "detail~completed", "a job that is done, beside a call of its name");
    reply_free(&r);
    r = of_job(s, "DELETE", first, "");
    reply_check(&r, 202, "state=cancelled", "the one at work");
    reply_free(&r);
    r = call_read(fd);
    reply_check(&r, 200, "images.#=1", "the call is answered");
    reply_free(&r);
    call_close(fd);
    r = wait_state(s, first, "ended");
    reply_check(&r, 200, "state=cancelled", "and the other has ended");
    reply_free(&r);
}

/* kill -9 in the midst of one, with another waiting: both are drawn after the next start, as they would have been,
 * though only one may wait. */
void server_restarts(void) {
    char arguments[1000], first[64], second[64], third[64];
    Served s;
    snprintf(arguments, sizeof arguments, "-q --queue 1 --jobs %s --outputs %s", cli_path("jobs.sqlite"),
             cli_path("kept"));
    if (!test_check(serve_start(&s, arguments), "a server with a file of jobs")) return;
    submit(&s, "", "{\"prompt\":\"a\",\"steps\":2,\"seed\":-1}", third);
    Reply r = wait_state(&s, third, "ended");
    reply_check(&r, 200, "state=completed", "one is done");
    reply_free(&r);
    submit(&s, "",
           "{\"prompt\":\"b\",\"steps\":100,\"seed\":21,\"override_settings\":{\"CLIP_stop_at_last_layers\":2}}",
           first);
    r = wait_state(&s, first, "generating");
    reply_free(&r);
    submit(&s, "", "{\"prompt\":\"c\",\"steps\":2,\"seed\":22}", second);
    cli_fails(1, "another server has it", "serve --listen 127.0.0.1:0 --jobs %s", cli_path("jobs.sqlite"));
    serve_signal(&s, SIGKILL);
    serve_wait(&s);
    if (!test_check(serve_start(&s, arguments), "the server starts again")) return;
    r = wait_state(&s, first, "ended");
    reply_check(&r, 200, "state=completed|pictures.#=1|pictures.0.infotext~Clip skip: 2", "what was being drawn");
    is_kept(&r, first, 21);
    reply_free(&r);
    r = wait_state(&s, second, "ended");
    reply_check(&r, 200, "state=completed|pictures.0.seed=22", "what waited");
    reply_free(&r);
    r = of_job(&s, "GET", third, "/pictures/0");
    test_check(r.status == 200, "what was done is there still");
    reply_free(&r);
    test_check(serve_stop(&s) == 0, "it ends with 0");
}

static void page(const Served *s) {
    Reply r = call(s, "GET", "/", "", NULL);
    const char *type = reply_header(&r, "Content-Type"), *policy = reply_header(&r, "Content-Security-Policy");
    test_check(r.status == 200 && type && !strncmp(type, "text/html", 9) &&
                   cli_holds(r.body, "<title>sd.c|page.js|</html>"),
               "the page");
    test_check(policy && strstr(policy, "frame-ancestors 'none'"), "no other page may show it");
    reply_free(&r);
    r = call(s, "GET", "/v1/settings", "", NULL);
    reply_check(&r, 200, "settings.0.json=denoising_strength|settings.0.of_image=true|settings.0.default=0.75",
                "the settings that it shows");
    test_check(r.body && !strstr(r.body, "\"taps\"") && !strstr(r.body, "\"noise\""), "no files among them");
    test_check(r.body && strstr(r.body, "\"Latent (nearest-exact)\""), "and what hires fix enlarges by");
    reply_free(&r);
    r = call(s, "POST", T, "", "{" SMALL ",\"save_images\":true,\"prompt\":\"kept\"}");
    reply_check(&r, 200, "warnings-", "a picture to keep");
    reply_free(&r);
    r = call(s, "GET", "/v1/gallery", "", NULL);
    char url[300] = "";
    for (int i = 0; i < 20; i++) { /* jobs were kept as well */
        char at[40];
        snprintf(at, sizeof at, "pictures.%d.url", i);
        if (reply_get(&r, at) && strstr(reply_get(&r, at), "-5.png"))
            snprintf(url, sizeof url, "%s", reply_get(&r, at));
    }
    reply_free(&r);
    r = call(s, "GET", *url ? url : "/none", "", NULL);
    test_check(r.status == 200 && r.size > 8 && !memcmp(r.body, "\x89PNG", 4), "is in the gallery");
    reply_free(&r);
    static const char *const NONE[] = {"/v1/gallery/../jobs.sqlite",
                                       "/v1/gallery/%2e%2e/settings.json",
                                       "/v1/gallery/2026-11-30/../../a.png",
                                       "/v1/gallery/2026-11-30/%2e%2e%2fa.png",
                                       "/v1/gallery/2026-11-30/a.sqlite",
                                       "/v1/gallery//etc/passwd",
                                       "/v1/gallery/2026-11-30",
                                       "/v1/gallery/2026-11-30/none.png",
                                       "/v1/gallery/./x.png"};
    for (size_t i = 0; i < sizeof NONE / sizeof *NONE; i++) {
        r = call(s, "GET", NONE[i], "", NULL);
        reply_check(&r, 404, "detail=Not Found", "no %s", NONE[i]);
        reply_free(&r);
    }
}

void server_jobs(const Served *s) {
    page(s);
    one_job(s);
    events(s);
    cancelling(s);
    ids_are_ours(s);
}
