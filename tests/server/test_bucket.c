/* test_bucket.c: pictures that go to a bucket: signatures by Amazon's own examples, and a server that checks them
 * (s3.c) while it works, fails and comes back. */
#define _XOPEN_SOURCE 700
#include "s3.h"
#include "server.h"

#include "tests/harness/cli.h"
#include "tests/harness/test.h"
#include "tools/server/bucket/sigv4.h"
#include "weights/files/sha256.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* The examples of "Signature calculations ... Transferring a payload in a single chunk" and "Authenticating requests:
 * using query parameters" of Amazon's S3 API reference, RFC 4231's second case. */
static void signatures(void) {
    static const char GET[] = "GET\n/test.txt\n\nhost:examplebucket.s3.amazonaws.com\nrange:bytes=0-9\n"
                              "x-amz-content-sha256:" EMPTY "\nx-amz-date:20130524T000000Z\n\n"
                              "host;range;x-amz-content-sha256;x-amz-date\n" EMPTY;
    static const char PUT[] = "PUT\n/test%24file.text\n\ndate:Fri, 24 May 2013 00:00:00 GMT\n"
                              "host:examplebucket.s3.amazonaws.com\nx-amz-content-sha256:"
                              "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072\n"
                              "x-amz-date:20130524T000000Z\nx-amz-storage-class:REDUCED_REDUNDANCY\n\n"
                              "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class\n"
                              "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
    SigV4Keys k = {S3_ID, S3_SECRET, NULL, "us-east-1"};
    char hex[65], address[2000], name[40];
    uint8_t mac[32];
    sigv4_hmac("Jefe", 4, "what do ya want for nothing?", 28, mac);
    sha256_hex(mac, hex);
    test_check(!strcmp(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"), "HMAC-SHA-256");
    sigv4_sign(S3_SECRET, "us-east-1", "20130524T000000Z", GET, hex);
    test_check(!strcmp(hex, "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"), "Amazon's GET: %s",
               hex);
    sigv4_sign(S3_SECRET, "us-east-1", "20130524T000000Z", PUT, hex);
    test_check(!strcmp(hex, "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"), "Amazon's PUT: %s",
               hex);
    bool made = sigv4_address(&k, "https://examplebucket.s3.amazonaws.com", "/test.txt", "20130524T000000Z", 86400,
                              address, sizeof address);
    const char *end = made ? strstr(address, "&X-Amz-Signature=") : NULL;
    test_check(end && !strcmp(end + 17, "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"),
               "Amazon's address: %s", address);
    static const char BEGIN[] = "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
                                "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
                                "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host";
    test_check(end && !strncmp(address, BEGIN, strlen(BEGIN)), "and its query");
    test_check(!sigv4_address(&k, "https://h", "/x", "20130524T000000Z", 1, address, 100), "no room for an address");
    test_check(sigv4_encode("a b/\xc3\xa4+", true, name, sizeof name) && !strcmp(name, "a%20b/%C3%A4%2B"),
               "encoded: %s", name);
    test_check(!sigv4_encode("aaaa%", false, name, 7), "no room for a name");
}

static int files_in(const char *dir, const char *ending) {
    int n = 0;
    DIR *d = opendir(dir);
    for (struct dirent *f; d && (f = readdir(d));)
        n += strlen(f->d_name) > strlen(ending) && !strcmp(f->d_name + strlen(f->d_name) - strlen(ending), ending);
    if (d) closedir(d);
    return n;
}

/* Waits until the spool has so many pictures. */
static bool spool_has(const char *spool, int n) {
    for (int i = 0; i < 1500 && files_in(spool, ".png") != n; i++) server_nap();
    return files_in(spool, ".png") == n;
}

/* The object behind an address of the bucket: path and query are asked of its server. */
static Reply fetch(const S3 *s3, const char *address) {
    Served at = {.port = s3->port};
    char origin[100], host[100], path[4000];
    snprintf(origin, sizeof origin, "http://127.0.0.1:%d", s3->port);
    bool ours = address && !strncmp(address, origin, strlen(origin));
    snprintf(host, sizeof host, "Host: 127.0.0.1:%d\r\n", s3->port);
    snprintf(path, sizeof path, "%s", ours ? address + strlen(origin) : "/none");
    return call(&at, "GET", path, host, NULL);
}

static void working(const Served *s, const S3 *s3, const char *spool) {
    Reply r = call(s, "POST", T, "", "{" SMALL ",\"batch_size\":2,\"force_task_id\":\"../../x\"}");
    reply_check(&r, 200, "images.#=2|urls.#=2|urls.0^http://127.0.0.1:|warnings-", "txt2img tells addresses");
    char url[4000];
    snprintf(url, sizeof url, "%s", reply_get(&r, "urls.1") ? reply_get(&r, "urls.1") : "");
    test_check(strstr(url, "/pictures/made%20here/") && strstr(url, "-1-6.png?"),
               "under the prefix, with number and seed");
    size_t size = reply_get(&r, "images.1") ? strlen(reply_get(&r, "images.1")) / 4 : 0;
    Reply p = fetch(s3, url);
    test_check(p.status == 200 && p.size > 100 && !memcmp(p.body, "\x89PNG", 4) && (p.size + 2) / 3 == size,
               "the picture is there: %d, %zu bytes", p.status, p.size);
    reply_free(&p);
    url[strlen(url) - 1] = url[strlen(url) - 1] == '0' ? '1' : '0';
    p = fetch(s3, url);
    test_check(p.status == 403, "not by another signature: %d", p.status);
    reply_free(&p), reply_free(&r);
    test_check(files_in(spool, ".png") == 0, "nothing waits");
    serve_signal(s, SIGPIPE); /* as libcurl may by a connection that is gone */
    for (int i = 0; i < 10; i++) server_nap();
    r = call(s, "GET", "/readyz", "", NULL);
    reply_check(&r, 200, "status=ready", "a broken connection does not stop the server");
    reply_free(&r);
    r = call(s, "POST", "/v1/images/generations", "", "{\"prompt\":\"x\",\"response_format\":\"url\"," SMALL "}");
    reply_check(&r, 200, "data.0.url^http://127.0.0.1:|data.0.url~X-Amz-Signature", "OpenAI's url is the bucket's");
    p = fetch(s3, reply_get(&r, "data.0.url"));
    test_check(p.status == 200, "and leads there: %d", p.status);
    reply_free(&p), reply_free(&r);
}

static void submit(const Served *s, char id[64], const char *body) {
    Reply r = call(s, "POST", "/v1/jobs", "", body);
    snprintf(id, 64, "%s", reply_get(&r, "id") ? reply_get(&r, "id") : "none");
    reply_free(&r);
}

static Reply ended(const Served *s, const char *id) {
    char path[100];
    snprintf(path, sizeof path, "/v1/jobs/%s", id);
    Reply r = {0};
    for (int i = 0; i < 2000; i++) {
        reply_free(&r);
        r = call(s, "GET", path, "", NULL);
        const char *state = reply_get(&r, "state");
        if (!state || (strcmp(state, "queued") != 0 && strcmp(state, "generating") != 0)) break;
        server_nap();
    }
    return r;
}

/* A bucket that is down costs nobody a picture. */
static void failing(const Served *s, const S3 *s3, const char *spool) {
    static const char *const MODES[] = {"503", "drop"};
    for (int i = 0; i < 2; i++) {
        s3_mode(s3, MODES[i]);
        Reply r = call(s, "POST", T, "", "{" SMALL "}");
        reply_check(&r, 200, "images.#=1|urls.0^http|warnings.0^bucket", "%s: the picture comes, with a warning",
                    MODES[i]);
        char url[4000];
        snprintf(url, sizeof url, "%s", reply_get(&r, "urls.0") ? reply_get(&r, "urls.0") : "");
        reply_free(&r);
        test_check(spool_has(spool, 1), "%s: and waits", MODES[i]);
        r = call(s, "GET", "/metrics", "", NULL);
        test_check(r.body && strstr(r.body, "\nsdc_bucket_waiting 1\n"), "which /metrics tells");
        reply_free(&r);
        s3_mode(s3, "ok");
        test_check(spool_has(spool, 0), "%s: until the bucket is back", MODES[i]);
        r = fetch(s3, url);
        test_check(r.status == 200, "%s: its address was right", MODES[i]);
        reply_free(&r);
    }
}

/* kill -9 while pictures wait. */
static void killed(Served *s, S3 *s3, const char *spool, const char *arguments) {
    char id[64];
    s3_mode(s3, "503");
    submit(s, id, "{" SMALL ",\"prompt\":\"x\"}");
    Reply r = ended(s, id);
    reply_check(&r, 200, "state=completed|pictures.0.address^http", "a job ends without the bucket");
    reply_free(&r);
    serve_signal(s, SIGKILL);
    serve_wait(s);
    test_check(files_in(spool, ".png") == 1, "its picture waits");
    test_write(cli_path("spool/.half.png.tmp"), "x", 1);
    s3_mode(s3, "ok");
    if (!test_check(serve_start(s, arguments), "the server starts again")) return;
    test_check(spool_has(spool, 0), "and sends it");
    r = ended(s, id);
    Reply p = fetch(s3, reply_get(&r, "pictures.0.address"));
    test_check(p.status == 200 && p.size > 100, "under the same key");
    char path[100];
    snprintf(path, sizeof path, "/v1/jobs/%s/pictures/0", id);
    Reply own = call(s, "GET", path, "", NULL);
    test_check(own.size == p.size && !memcmp(own.body, p.body, p.size), "the same picture");
    reply_free(&own), reply_free(&p), reply_free(&r);
}

static void refusals(void) {
    static const struct {
        const char *arguments, *words;
    } BAD[] = {{"--bucket s3://pictures", "--spool"},
               {"--spool x", "need --bucket"},
               {"--bucket-expires 60", "need --bucket"},
               {"--bucket s3://pictures --spool x --bucket-expires 60 --bucket-url http://h/{key}", "--bucket-expires"},
               {"--bucket pictures --spool x", "s3://NAME"},
               {"--bucket s3://a/../b --spool x", "--bucket"},
               {"--bucket s3://pictures --spool x --endpoint ftp://h", "--endpoint"},
               {"--bucket s3://pictures --spool x --region 'us east'", "--region"},
               {"--bucket s3://pictures --spool x --bucket-url http://h/", "{key}"}};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        cli_fails(2, BAD[i].words, "serve --listen 127.0.0.1:0 %s", BAD[i].arguments);
    unsetenv("AWS_ACCESS_KEY_ID"), unsetenv("AWS_SECRET_ACCESS_KEY"), unsetenv("AWS_SESSION_TOKEN");
    cli_fails(2, "needs keys", "serve --listen 127.0.0.1:0 --bucket s3://pictures --spool x");
    test_write(cli_path("bad"), "nothing\n", 8);
    cli_fails(1, "ID:SECRET", "serve --listen 127.0.0.1:0 --bucket s3://pictures --spool x --bucket-keys bad");
}

SUITE(bucket, .seconds = 5) {
    S3 s3;
    Served s;
    char arguments[1500], spool[512];
    signatures();
    setenv("no_proxy", "*", 1); /* libcurl's */
    if (!test_check(cli_begin(), "the program is there")) return;
    char *program = getenv("SDC"), beside[1200];
    snprintf(beside, sizeof beside, "%s-serve", program);
    FILE *f = fopen(beside, "rb");
    if (!f) {
        test_skip("the bucket: this build has no server");
        return;
    }
    fclose(f);
    snprintf(spool, sizeof spool, "%s", cli_path("spool"));
    if (!test_check(s3_start(&s3, cli_path("s3"), 0), "a bucket")) return;
    const char *keys = "# the bucket's\n" S3_ID ":" S3_SECRET "\n", *wrong = S3_ID ":wrong:token\n";
    test_write(cli_path("keys"), keys, strlen(keys)), test_write(cli_path("wrong"), wrong, strlen(wrong));
    snprintf(arguments, sizeof arguments,
             "--bucket 's3://pictures/made here' --endpoint http://127.0.0.1:%d/ --region eu-west-1 --bucket-keys %s "
             "--spool %s --jobs %s",
             s3.port, cli_path("keys"), spool, cli_path("jobs"));
    if (test_check(serve_start(&s, arguments), "a server with a bucket")) {
        working(&s, &s3, spool);
        char other[1600];
        snprintf(other, sizeof other, "serve --listen 127.0.0.1:0 %.*s",
                 (int)(strstr(arguments, " --jobs") - arguments), arguments);
        cli_fails(1, "another server has it|--spool", "%s", other);
        failing(&s, &s3, spool);
        killed(&s, &s3, spool, arguments);
        test_check(serve_stop(&s) == 0, "it ends with 0");
        char *log = test_read(s.log, NULL);
        test_check(log && !strstr(log, S3_SECRET), "the log has no secret");
        free(log);
    }
    snprintf(arguments, sizeof arguments,
             "--bucket s3://pictures --endpoint http://127.0.0.1:%d --bucket-keys %s --spool %s "
             "--bucket-url 'https://pictures.example.com/{key}?size=full'",
             s3.port, cli_path("wrong"), spool);
    if (test_check(serve_start(&s, arguments), "a server with a wrong secret")) {
        Reply r = call(&s, "POST", T, "", "{" SMALL "}");
        reply_check(&r, 200, "urls.0^https://pictures.example.com/|urls.0~-0-5.png?size=full|warnings.0^bucket",
                    "addresses by a template");
        reply_free(&r);
        test_check(spool_has(spool, 1), "what is refused waits");
        serve_stop(&s);
        char *log = test_read(s.log, NULL);
        test_check(log && strstr(log, "answers 403 SignatureDoesNotMatch"), "and the log says why");
        free(log);
    }
    s3_stop(&s3);
    refusals();
}
