/* health.c: what watches over the server: whether it lives, is ready, how much it does (Prometheus). */
#include "tools/server/jobs/draw.h"
#include "tools/server/redis/remote.h"
#include "tools/server/http/http.h"
#include "routes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void livez(Serve *s, Call *c) { (void)s, answer_json(&c->answer, 200, json_pack("{s:s}", "status", "alive")); }

static void readyz(Serve *s, Call *c) {
    bool ready = s->ready;
    answer_json(&c->answer, ready ? 200 : 503, json_pack("{s:s}", "status", ready ? "ready" : "stopping"));
}

/* --- metrics --- */

typedef struct {
    char text[8 << 10];
    size_t n;
} Text;

static void metric(Text *t, const char *name, const char *kind, const char *help, double value) {
    int n = snprintf(t->text + t->n, sizeof t->text - t->n, "# HELP %s %s\n# TYPE %s %s\n%s %.17g\n", name, help, name,
                     kind, name, value);
    if (n > 0 && t->n + (size_t)n < sizeof t->text) t->n += (size_t)n;
}

static void metrics(Serve *s, Call *c) {
    Text *t = calloc(1, sizeof *t);
    int waiting, working, connections, calls, models = 0;
    double busy = 0;
    if (!t) {
        answer_json(&c->answer, 500, NULL);
        return;
    }
    jobs_count(s->jobs, &waiting, &working);
    http_count(s->http, &connections, &calls);
    for (int i = 0; i < s->worker_count; i++) busy += 1e-6 * (double)s->workers[i].busy, models += s->workers[i].models;
    metric(t, "sdc_jobs_waiting", "gauge", "Jobs in the queue.", waiting);
    metric(t, "sdc_jobs_working", "gauge", "Jobs being drawn.", working);
    metric(t, "sdc_queue_size", "gauge", "Jobs that may wait.", s->o->queue);
    metric(t, "sdc_workers", "gauge", "Workers.", s->worker_count);
    metric(t, "sdc_workers_busy_seconds_total", "counter", "Seconds that workers have worked.", busy);
    metric(t, "sdc_models_open", "gauge", "Models that workers have open.", models);
    metric(t, "sdc_pictures_total", "counter", "Pictures drawn.", (double)s->pictures);
    RemoteCounts r;
    if (s->redis && remote_counts(s->redis, &r)) {
        metric(t, "sdc_cluster_pieces", "gauge", "Pieces of jobs that wait or are drawn, of all servers.",
               (double)r.pieces);
        metric(t, "sdc_cluster_workers", "gauge", "Workers that are there.", (double)r.workers);
        metric(t, "sdc_cluster_load", "gauge", "Pieces for each worker: above 1, more workers help.",
               (double)r.pieces / (double)(r.workers ? r.workers : 1));
    }
    if (s->bucket) {
        BucketCounts b = bucket_counts(s->bucket);
        metric(t, "sdc_bucket_waiting", "gauge", "Pictures that wait for the bucket.", b.waiting);
        metric(t, "sdc_bucket_sent_total", "counter", "Pictures that the bucket has taken.", (double)b.sent);
        metric(t, "sdc_bucket_failures_total", "counter", "Uploads that failed.", (double)b.failures);
    }
    metric(t, "sdc_connections", "gauge", "Open connections.", connections);
    metric(t, "sdc_calls_open", "gauge", "Calls that are being answered.", calls);
    metric(t, "sdc_memory_bytes", "gauge", "Memory of the process.", (double)os_memory());
    metric(t, "sdc_uptime_seconds", "counter", "Seconds since the start.", os_clock() - s->began);
    int n = snprintf(t->text + t->n, sizeof t->text - t->n,
                     "# HELP sdc_calls_total Calls by status.\n# TYPE sdc_calls_total counter\n");
    t->n += n > 0 ? (size_t)n : 0;
    for (int i = 0; i < 6 && t->n < sizeof t->text - 100; i++) {
        n = snprintf(t->text + t->n, sizeof t->text - t->n,
                     i ? "sdc_calls_total{status=\"%dxx\"} %lld\n" : "sdc_calls_total{status=\"gone%.0d\"} %lld\n", i,
                     (long long)s->calls[i]);
        t->n += n > 0 ? (size_t)n : 0;
    }
    answer_text(&c->answer, 200, "text/plain; version=0.0.4", t->text);
    free(t);
}

const Route HEALTH_ROUTES[] = {
    {"GET", "/livez", livez, ROUTE_OPEN, "whether the server lives", NULL},
    {"GET", "/readyz", readyz, ROUTE_OPEN, "whether it takes work", NULL},
    {"GET", "/metrics", metrics, 0, "numbers for Prometheus", NULL},
    {0},
};
