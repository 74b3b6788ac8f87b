/* test_queue.c: a server and workers over a real Redis: the same pictures as alone, whoever is killed. */
#define _XOPEN_SOURCE 700
#include "server.h"

#include "tests/harness/cli.h"
#include "tests/harness/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORKERS = 3, JOBS = 9 };

/* --- processes --- */

static int redis_port;
static pid_t redis, workers[WORKERS];

static pid_t start(const char *command) {
    fflush(NULL);
    pid_t pid = fork();
    if (!pid) {
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    return pid;
}

static void end(pid_t *pid, int number) {
    if (*pid <= 0) return;
    kill(*pid, number);
    waitpid(*pid, NULL, 0);
    *pid = 0;
}

/* Of those that the system gives to nobody: else a connection that is tried while Redis is down may get its port, and
 * be one to itself. */
static int free_port(void) {
    enum { FIRST = 20000, COUNT = 12000 };
    struct sockaddr_in at = {.sin_family = AF_INET};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < 1000; i++) {
        int port = FIRST + (int)((unsigned)getpid() * 7u + (unsigned)i * 31u) % COUNT;
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        at.sin_port = htons((uint16_t)port);
        bool is_free = !bind(fd, (struct sockaddr *)&at, sizeof at);
        close(fd);
        if (is_free) return port;
    }
    return 0;
}

static bool redis_start(void) {
    char command[1200];
    Served at = {.port = redis_port};
    snprintf(command, sizeof command,
             "exec redis-server --bind 127.0.0.1 --port %d --dir %s --appendonly yes --appendfsync always --save '' "
             "> /dev/null 2>&1",
             redis_port, test_path("cli"));
    redis = start(command);
    for (int i = 0; i < 500; i++, server_nap()) {
        int fd = call_open(&at);
        if (fd >= 0) return call_close(fd), true;
    }
    return false;
}

static void worker_start(int i, const char *more) {
    char command[800];
    snprintf(command, sizeof command,
             "exec \"$SDC\" worker -q --threads 1 --redis redis://127.0.0.1:%d --claim-after 1 %s > worker-%d.out 2>> "
             "worker-%d.log",
             redis_port, more, i, i);
    char whole[1500];
    snprintf(whole, sizeof whole, "cd %s; %s", test_path("cli"), command);
    workers[i] = start(whole);
}

/* --- requests --- */

/* Whether both servers answer with the same pictures. */
static void same(const Served *a, const Served *b, const char *path, const char *body, int pictures, const char *what) {
    Reply x = call(a, "POST", path, "", body), y = call(b, "POST", path, "", body);
    bool equal = x.status == 200 && y.status == 200, openai = strstr(path, "/v1/images") != NULL;
    for (int i = 0; equal && i < pictures; i++) {
        char at[40];
        snprintf(at, sizeof at, openai ? "data.%d.b64_json" : "images.%d", i);
        const char *p = reply_get(&x, at), *q = reply_get(&y, at);
        equal = p && q && !strcmp(p, q);
    }
    const char *count = reply_get(&x, openai ? "data.#" : "images.#");
    equal = equal && count && atoi(count) == pictures;
    test_check(equal, "%s: %d, %d", what, x.status, y.status);
    test_note("%.300s", x.body ? x.body : "");
    if (!openai) {
        static const char *const SAID[] = {"info:all_seeds.1", "info:infotexts.0", "parameters.steps",
                                           "info:sampler_name"};
        for (size_t i = 0; i < sizeof SAID / sizeof *SAID; i++) {
            const char *p = reply_get(&x, SAID[i]), *q = reply_get(&y, SAID[i]);
            test_check(!p == !q && (!p || !strcmp(p, q)), "%s: %s", what, SAID[i]);
        }
    }
    reply_free(&x), reply_free(&y);
}

static Reply of_job(const Served *s, const char *id) {
    char path[100];
    snprintf(path, sizeof path, "/v1/jobs/%s", id);
    return call(s, "GET", path, "", NULL);
}

static Reply wait_state(const Served *s, const char *id, const char *state) {
    Reply r = {0};
    for (int i = 0; i < 3000; i++) {
        reply_free(&r);
        r = of_job(s, id);
        const char *is = reply_get(&r, "state");
        if (is && !strcmp(is, state)) break;
        if (is && strcmp(is, "queued") != 0 && strcmp(is, "generating") != 0) break;
        server_nap();
    }
    return r;
}

static void submit(const Served *s, char id[64], const char *body) {
    Reply r = call(s, "POST", "/v1/jobs", "", body);
    snprintf(id, 64, "%s", reply_get(&r, "id") ? reply_get(&r, "id") : "none");
    reply_free(&r);
}

static void wait_metric(const Served *s, const char *line, const char *what) {
    bool there = false;
    for (int i = 0; i < 1500 && !there; i++) {
        Reply r = call(s, "GET", "/metrics", "", NULL);
        there = r.body && strstr(r.body, line);
        reply_free(&r);
        if (!there) server_nap();
    }
    test_check(there, "%s: %s", what, line);
}

/* --- what is tested --- */

static void pictures(const Served *s, const Served *alone) {
    same(s, alone, T, "{\"prompt\":\"a cat\",\"steps\":2,\"seed\":5,\"batch_size\":3,\"n_iter\":2}", 6,
         "a batch over workers");
    same(s, alone, T, "{\"steps\":2,\"seed\":7,\"batch_size\":2,\"n_iter\":2,\"subseed\":3,\"subseed_strength\":0.4}",
         4, "variations");
    same(s, alone, T, "{\"steps\":2,\"seed\":7,\"enable_hr\":true,\"hr_scale\":1.5,\"denoising_strength\":0.6}", 1,
         "hires fix");
    same(s, alone, "/v1/images/generations",
         "{\"prompt\":\"x\",\"n\":2,\"response_format\":\"b64_json\",\"steps\":2,\"seed\":3}", 2, "OpenAI's");
    Reply r = call(alone, "POST", T, "", "{" SMALL ",\"width\":64,\"height\":64}");
    size_t size = (reply_get(&r, "images.0") ? strlen(reply_get(&r, "images.0")) : 0) + 200;
    char *body = malloc(size);
    snprintf(body, size, "{\"steps\":3,\"seed\":2,\"batch_size\":2,\"init_images\":[\"%s\"]}",
             reply_get(&r, "images.0") ? reply_get(&r, "images.0") : "");
    same(s, alone, "/sdapi/v1/img2img", body, 2, "img2img");
    snprintf(
        body, size,
        "{\"steps\":2,\"seed\":2,\"width\":64,\"height\":64,\"batch_size\":3,\"n_iter\":2,\"init_images\":[\"%s\"],"
        "\"script_name\":\"SD upscale\",\"script_args\":[null,16,\"Lanczos\",1]}",
        reply_get(&r, "images.0") ? reply_get(&r, "images.0") : "");
    same(s, alone, "/sdapi/v1/img2img", body, 2, "SD upscale, whose batches are of tiles");
    free(body);
    reply_free(&r);
    r = call(s, "POST", T, "", "{\"steps\":1,\"prompt\":\"<lora:nothing:1>\"}");
    reply_check(&r, 422, "detail~nothing", "a worker's error is the server's");
    reply_free(&r);
}

/* Progress and previews come back; interrupting and cancelling go out. */
static void midst(const Served *s) {
    char id[64];
    int fd = call_open(s);
    call_send(fd, "POST", T, "", "{\"steps\":900,\"seed\":5,\"n_iter\":5}");
    Reply r = {0};
    for (int i = 0; i < 1000; i++, server_nap()) {
        reply_free(&r);
        r = call(s, "GET", "/sdapi/v1/progress", "", NULL);
        const char *picture = reply_get(&r, "current_image");
        if (picture && !strncmp(picture, "iVBOR", 5)) break;
    }
    reply_check(&r, 200, "current_image^iVBOR|state.job_count=5|state.sampling_steps=900", "progress with previews");
    test_check(reply_get(&r, "progress") && atof(reply_get(&r, "progress")) > 0, "and how much is done");
    reply_free(&r);
    r = call(s, "POST", "/sdapi/v1/interrupt", "", "");
    reply_free(&r);
    r = call_read(fd);
    reply_check(&r, 200, "info:interrupted=true|images.0!", "interrupting gives what there is");
    call_close(fd);
    reply_free(&r);
    submit(s, id, "{\"steps\":900,\"seed\":5}");
    r = wait_state(s, id, "generating");
    reply_free(&r);
    for (int i = 0; i < 20; i++) server_nap();
    char path[100];
    snprintf(path, sizeof path, "/v1/jobs/%s", id);
    r = call(s, "DELETE", path, "", NULL);
    reply_check(&r, 202, "state=cancelled", "cancelling");
    reply_free(&r);
    r = wait_state(s, id, "cancelled");
    reply_check(&r, 200, "state=cancelled", "is soon over");
    reply_free(&r);
    wait_metric(s, "\nsdc_cluster_pieces 0\n", "nothing is left of it");
}

/* A worker may give a piece up, as one does whose piece Redis has lost; if the piece was put there again meanwhile,
 * that is not the job's end. */
static void given_up(const Served *s) {
    char id[64];
    submit(s, id, "{\"steps\":200,\"seed\":6}");
    char command[120];
    snprintf(command, sizeof command, "redis-cli -p $REDIS_PORT PUBLISH sdc:from:%.20s.1.0 cancel", id);
    bool told = false;
    for (int i = 0; i < 300 && !told; i++) {
        CliRun r = cli_shell(command, false);
        told = !strcmp(r.out, "1\n");
        cli_free(&r);
        if (!told) server_nap();
    }
    test_check(told, "a worker is told to give up a piece");
    Reply r = wait_state(s, id, "completed");
    reply_check(&r, 200, "state=completed|pictures.#=1", "which is then drawn by whoever takes it");
    reply_free(&r);
}

/* Everybody is killed in turn while jobs wait: each ends in its own picture. */
static void killed(Served *s, const Served *alone, const char *arguments) {
    char ids[JOBS][64], body[200];
    for (int i = 0; i < JOBS; i++) {
        snprintf(body, sizeof body, "{\"prompt\":\"job %d\",\"steps\":12,\"seed\":%d}", i, 100 + i);
        submit(s, ids[i], body);
    }
    for (int i = 0; i < 8; i++) {
        for (int k = 0; k < 8; k++) server_nap();
        int which = i * 7 % WORKERS;
        if (i == 3) {
            end(&redis, SIGKILL);
            for (int k = 0; k < 10; k++) server_nap();
            test_check(redis_start(), "Redis starts again");
        } else if (i == 5) {
            serve_signal(s, SIGKILL);
            serve_wait(s);
            if (!test_check(serve_start(s, arguments), "the server starts again")) return;
        } else if (i == 6) {
            CliRun r = cli_shell("redis-cli -p $REDIS_PORT FLUSHALL", false);
            test_check(!r.code, "Redis forgets everything");
            cli_free(&r);
        } else {
            end(&workers[which], SIGKILL);
            worker_start(which, "");
        }
    }
    for (int i = 0; i < JOBS; i++) {
        Reply r = wait_state(s, ids[i], "completed");
        reply_check(&r, 200, "state=completed|pictures.#=1", "job %d is drawn", i);
        char path[120];
        snprintf(path, sizeof path, "/v1/jobs/%.63s/pictures/0", ids[i]);
        Reply png = call(s, "GET", path, "", NULL);
        snprintf(body, sizeof body, "{\"prompt\":\"job %d\",\"steps\":12,\"seed\":%d}", i, 100 + i);
        if (i % 4 == 0) {
            Reply own = call(alone, "POST", T, "", body);
            const char *text = reply_get(&r, "pictures.0.infotext"), *wanted = reply_get(&own, "info:infotexts.0");
            const char *picture = reply_get(&own, "images.0");
            test_check(text && wanted && !strcmp(text, wanted) && picture && strlen(picture) / 4 == (png.size + 2) / 3,
                       "job %d's picture is its own", i);
            reply_free(&own);
        }
        reply_free(&r), reply_free(&png);
    }
    wait_metric(s, "\nsdc_cluster_pieces 0\n", "nothing is left");
}

/* To how many workers the oldest piece at work was given. */
static int deliveries(void) {
    CliRun r = cli_shell("redis-cli -p $REDIS_PORT --raw XPENDING sdc:jobs:built-in sdc - + 1 | tail -n 1", false);
    int n = atoi(r.out);
    cli_free(&r);
    return n;
}

/* A job that ends whoever draws it. */
static void deadly(const Served *s) {
    char id[64];
    for (int i = 0; i < WORKERS; i++) end(&workers[i], SIGTERM);
    submit(s, id, "{\"steps\":1000,\"seed\":1}");
    for (int i = 0; i < 3; i++) {
        worker_start(0, "--deliveries 2");
        if (i == 2) break;
        for (int k = 0; k < 500 && deliveries() != i + 1; k++) server_nap();
        test_check(deliveries() == i + 1, "worker %d has it", i);
        end(&workers[0], SIGKILL);
    }
    Reply r = wait_state(s, id, "failed");
    reply_check(&r, 200, "state=failed|error~2 workers", "a job that ends its workers fails");
    reply_free(&r);
    CliRun dead = cli_shell("redis-cli -p $REDIS_PORT LRANGE sdc:dead 0 -1", false);
    test_check(strstr(dead.out, id) != NULL, "and is in the list of the dead");
    cli_free(&dead);
    end(&workers[0], SIGTERM);
}

SUITE(queue, .seconds = 12) {
    Served s, alone;
    char arguments[300], port[16], beside[1200];
    if (!test_check(cli_begin(), "the program is there")) return;
    snprintf(beside, sizeof beside, "%s-serve", getenv("SDC"));
    CliRun has = cli_shell("command -v redis-server && command -v redis-cli", false);
    bool there = !has.code && !access(beside, X_OK);
    cli_free(&has);
    if (!there) {
        test_skip("workers: no redis-server here, or this build has no server");
        return;
    }
    cli_fails(2, "--redis", "worker");
    cli_fails(2, "--redis", "worker --redis http://h");
    cli_fails(2, "--redis", "serve --listen 127.0.0.1:0 --redis redis://h:99999");
    redis_port = free_port();
    snprintf(port, sizeof port, "%d", redis_port);
    setenv("REDIS_PORT", port, 1);
    snprintf(arguments, sizeof arguments, "--workers 3 --redis redis://127.0.0.1:%d/ --jobs %s", redis_port,
             cli_path("jobs"));
    if (!test_check(serve_start(&alone, "--threads 1"), "a server alone")) return;
    if (test_check(serve_start(&s, arguments), "a server waits for Redis")) {
        char id[64];
        submit(&s, id, "{" SMALL "}");
        test_check(redis_start(), "Redis");
        for (int i = 0; i < WORKERS; i++) worker_start(i, "");
        Reply r = wait_state(&s, id, "completed");
        reply_check(&r, 200, "state=completed", "what came before is drawn");
        reply_free(&r);
        wait_metric(&s, "\nsdc_cluster_workers 3\n", "three workers");
        pictures(&s, &alone);
        midst(&s);
        given_up(&s);
        killed(&s, &alone, arguments);
        deadly(&s);
        test_check(serve_stop(&s) == 0, "the server ends with 0");
    }
    for (int i = 0; i < WORKERS; i++) end(&workers[i], SIGTERM);
    serve_stop(&alone);
    end(&redis, SIGTERM);
}
