/* test_server.c: `sdc serve` from outside. What clients send is in server_webui.c; here are hostile bytes, keys, the
 * beginning and the end. */
#define _XOPEN_SOURCE 700
#include "server.h"

#include "tests/harness/cli.h"
#include "tests/harness/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- bytes that are no requests, or bad ones --- */

static void hostile(const Served *s) {
    static const char *const RAW[] = {
        "\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        "POST " T " HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n{}",
        "POST " T " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n{}",
        "POST " T " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 70000000\r\n\r\n{}",
        "POST " T " HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        "POST " T " HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
        "GET /%00%2e%2e%2f/../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /sdapi/v1/progress?a=1&a=2&&=&%zz=%%% HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /sdapi/v1/options HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic ====\r\nCookie: \xff\xfe\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof RAW / sizeof *RAW; i++) {
        int fd = call_open(s);
        call_raw(fd, RAW[i], strlen(RAW[i]));
        call_close(fd);
    }
    char *deep = malloc(200001), *wide = malloc(100100);
    memset(deep, '[', 200000), deep[200000] = 0;
    Reply r = call(s, "POST", T, "", deep);
    reply_check(&r, 422, "detail~JSON", "a deep body");
    reply_free(&r);
    strcpy(wide, "GET /");
    memset(wide + 5, 'a', 100000), strcpy(wide + 100005, " HTTP/1.1\r\n\r\n");
    int fd = call_open(s);
    call_raw(fd, wide, strlen(wide));
    r = call_read(fd);
    test_check(r.status >= 400 || !r.status, "a path of 100,000 bytes: %d", r.status);
    call_close(fd);
    reply_free(&r);
    free(deep), free(wide);
    fd = call_open(s); /* chunked, and two requests on one connection */
    const char *two = "POST " T " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                      "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"see\r\nf\r\nd\":5,\"steps\":1}\r\n0\r\n\r\n";
    call_raw(fd, two, strlen(two));
    r = call_read(fd);
    reply_check(&r, 200, "info:seed=5", "a body in chunks");
    reply_free(&r);
    call_send(fd, "GET", "/sdapi/v1/options", "", NULL);
    r = call_read(fd);
    reply_check(&r, 200, "samples_format=png", "the next on the same connection");
    reply_free(&r);
    call_close(fd);
    int idle[64];
    for (int i = 0; i < 64; i++) idle[i] = call_open(s);
    r = call(s, "GET", "/livez", "", NULL);
    reply_check(&r, 200, "", "answers beside idle connections");
    reply_free(&r);
    for (int i = 0; i < 64; i++) call_close(idle[i]);
}

/* --- who may call --- */

/* Of several callers each sees what is its own. */
static void progress_of_keys(const Served *s) {
    static const char ANN[] = "api-key: secret-one\r\n", BOB[] = "api-key: two-is:secret\r\n";
    int fd = call_open(s);
    call_send(fd, "POST", T, ANN, "{\"steps\":1000,\"seed\":5,\"force_task_id\":\"task(ann)\"}");
    bool drawn = false;
    Reply r = {0};
    for (int k = 0; !drawn && k < 1000; k++) {
        reply_free(&r);
        r = call(s, "GET", "/sdapi/v1/progress", ANN, NULL);
        const char *step = reply_get(&r, "state.sampling_step");
        drawn = step && strcmp(step, "0") != 0;
        if (!drawn) server_nap();
    }
    reply_check(&r, 200, "state.job=task(ann)|state.job_count=1|current_image^iVBOR", "who asked sees how far it is");
    reply_free(&r);
    r = call(s, "GET", "/sdapi/v1/progress", BOB, NULL);
    reply_check(&r, 200, "state.job=|state.job_count=0|current_image=null|current_task=null", "others do not");
    reply_free(&r);
    r = call(s, "POST", "/sdapi/v1/interrupt", BOB, "");
    reply_free(&r);
    r = call(s, "GET", "/sdapi/v1/progress", ANN, NULL);
    reply_check(&r, 200, "state.interrupted=false|state.job_count=1", "nor do they interrupt it");
    reply_free(&r);
    r = call(s, "POST", "/sdapi/v1/interrupt", ANN, "");
    reply_free(&r);
    r = call_read(fd);
    reply_check(&r, 200, "info:interrupted=true", "who asked does");
    call_close(fd);
    reply_free(&r);
}

static void keys(void) {
    static const struct {
        const char *header;
        int status;
    } CALLS[] = {{"", 401},
                 {"Authorization: Basic dW5kZWZpbmVk\r\n", 401},
                 {"Authorization: Basic YW5uOndyb25n\r\n", 401},         /* ann:wrong */
                 {"Authorization: Basic YW5uOnNlY3JldC1vbmU=\r\n", 200}, /* ann:secret-one */
                 {"Authorization: basic YW5uOnNlY3JldC1vbmU\r\n", 200},
                 {"Authorization: Bearer secret-one\r\n", 200},
                 {"Authorization: Bearer ann:secret-one\r\n", 401},
                 {"api-key: two-is:secret\r\n", 200},
                 {"api-key: nothing\r\n", 401}};
    Served s;
    const char *pairs = "# who\nann:secret-one\nbob:two-is:secret\n";
    test_write(cli_path("keys"), pairs, strlen(pairs));
    char arguments[1000];
    snprintf(arguments, sizeof arguments, "--keys %s", cli_path("keys"));
    if (!test_check(serve_start(&s, arguments), "a server with keys")) return;
    for (size_t i = 0; i < sizeof CALLS / sizeof *CALLS; i++) {
        Reply r = call(&s, "GET", "/sdapi/v1/options", CALLS[i].header, NULL);
        reply_check(&r, CALLS[i].status, "", "key %.40s", CALLS[i].header);
        const char *how = reply_header(&r, "WWW-Authenticate");
        if (r.status == 401) test_check(how && !strncmp(how, "Basic", 5), "says how to log in");
        reply_free(&r);
    }
    Reply r = call(&s, "GET", "/livez", "", NULL);
    reply_check(&r, 200, "", "livez needs no key");
    reply_free(&r);
    r = call(&s, "GET", "/v1/models", "", NULL);
    reply_check(&r, 401, "error.message=Not authenticated", "no key, in OpenAI's form");
    reply_free(&r);
    progress_of_keys(&s);
    r = call(&s, "OPTIONS", "/v1/images/generations", "", NULL);
    reply_check(&r, 204, "", "nor does OPTIONS");
    reply_free(&r);
    int fd = call_open(&s);
    call_send(fd, "POST", T, "api-key: secret-one\r\n", "{\"steps\":20,\"seed\":5}");
    server_nap(), server_nap();
    serve_signal(&s, SIGTERM);
    r = call_read(fd);
    reply_check(&r, 200, "images.#=1", "what was accepted is finished after SIGTERM");
    call_close(fd);
    reply_free(&r);
    test_check(serve_wait(&s) == 0, "and then it ends with 0");
    char *log = test_read(s.log, NULL);
    test_check(log && strstr(log, "\"key\":\"ann\"") && !strstr(log, "secret"), "the log names keys and tells none");
    free(log);
}

/* HTTPS, as curl speaks it with a certificate that openssl makes. */
static void tls(void) {
    char arguments[1300], command[1300];
    Served s;
    test_write(cli_path("bad.pem"), "nothing\n", 8);
    cli_fails(1, "libmicrohttpd|--tls-cert", "serve --listen 127.0.0.1:0 --tls-cert %s --tls-key %s",
              cli_path("bad.pem"), cli_path("bad.pem"));
    snprintf(
        command, sizeof command,
        "command -v curl && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "
        "/CN=localhost -addext subjectAltName=IP:127.0.0.1 -keyout %s -out %s",
        cli_path("key.pem"), cli_path("cert.pem"));
    CliRun r = cli_shell(command, false);
    bool there = !r.code;
    cli_free(&r);
    if (!there) {
        test_skip("HTTPS: no curl or no openssl here");
        return;
    }
    snprintf(arguments, sizeof arguments, "-q --tls-cert %s --tls-key %s", cli_path("cert.pem"), cli_path("key.pem"));
    if (!test_check(serve_start(&s, arguments), "a server with a certificate")) return;
    snprintf(command, sizeof command,
             "curl -sS --noproxy '*' --cacert %s -d '{\"steps\":1}' -H 'Content-Type: application/json' "
             "https://127.0.0.1:%d/sdapi/v1/txt2img",
             cli_path("cert.pem"), s.port);
    r = cli_shell(command, false);
    test_check(!r.code && strstr(r.out, "\"images\":[\"iVBOR"), "a picture over HTTPS: %.200s", r.err);
    cli_free(&r);
    Reply plain = call(&s, "GET", "/livez", "", NULL);
    test_check(plain.status == 0, "and none over HTTP: %d", plain.status);
    reply_free(&plain);
    test_check(serve_stop(&s) == 0, "it ends with 0");
}

static void refusals(void) {
    cli_fails(2, "lets other machines in|--keys", "serve --listen 0.0.0.0:0");
    cli_fails(2, "lets other machines in|--open", "serve --listen :0");
    cli_fails(2, "no HOST:PORT", "serve --listen 7860");
    cli_fails(2, "no HOST:PORT", "serve --listen localhost:99999999");
    cli_fails(1, "cannot listen", "serve --listen 192.0.2.1:0 --open");
    cli_fails(1, "is not a folder", "serve --models nowhere --listen 127.0.0.1:0");
    cli_fails(1, "no such model", "serve -m nowhere.safetensors --listen 127.0.0.1:0");
    cli_fails(1, "nowhere", "serve --keys nowhere --listen 127.0.0.1:0");
    cli_fails(1, "no NAME:SECRET", "serve --api-auth secret --listen 127.0.0.1:0");
    cli_fails(2, "needs --tls-key", "serve --tls-cert x --listen 127.0.0.1:0");
    cli_fails(2, "--workers: 65 is not in", "serve --workers 65");
    test_write(cli_path("bad.json"), "{\"sd_model_checkpoint\":\"gone\"}", 30);
    cli_fails(1, "bad.json|gone", "serve --settings bad.json --listen 127.0.0.1:0");
}

SUITE(server, .seconds = 17) {
    Served s;
    if (!cli_begin()) {
        test_skip("no program to start: set SDC_BIN");
        return;
    }
    CliRun r = cli("serve --listen x");
    bool there = !strstr(r.err, "is not beside");
    if (!there)
        test_check(r.code == 1 && cli_holds(r.err, "libmicrohttpd-dev|libjansson-dev|libsqlite3-dev"),
                   "what a build without a server says");
    cli_free(&r);
    if (!there) {
        test_skip("this build has no server");
        return;
    }
    char arguments[2000];
    mkdir(cli_path("models"), 0777);
    if (!getenv("B") || symlink(getenv("B"), cli_path("models/a.safetensors")) ||
        symlink(getenv("B"), cli_path("models/b.safetensors"))) {
        test_skip("no model is built in");
        return;
    }
    refusals();
    snprintf(arguments, sizeof arguments,
             "--models %s --settings %s --outputs %s --origins https://good.example --queue 1 --spaces-after 1",
             cli_path("models"), cli_path("settings.json"), cli_path("out"));
    if (test_check(serve_start(&s, arguments), "the server starts")) {
        server_webui(&s);
        server_forms(&s);
        server_hires(&s);
        server_controls(&s);
        server_openai(&s);
        server_jobs(&s);
        hostile(&s);
        test_check(serve_stop(&s) == 0, "it ends with 0");
        char *log = test_read(s.log, NULL);
        test_check(log && strstr(log, "\"status\":200") && !strstr(log, "secret"), "the log tells no secrets");
        free(log);
    }
    keys();
    tls();
    server_restarts();
    server_more();
    server_image_prompt();
}
