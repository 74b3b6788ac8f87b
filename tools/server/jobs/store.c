#include "store.h"

#include "tools/server/api/stamp.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_IN_MEMORY (512ll << 20) /* bytes of pictures */

struct Store {
    OsLock *lock;
    sqlite3 *db;
    char name[OS_PATH_SIZE];
    bool memory;
};

static const char SCHEMA[] =
    "create table if not exists jobs(id text primary key, owner text not null, again text, body text not null,"
    " state text not null, asked real not null, ended real, error text, seconds real, unique(owner, again));"
    "create table if not exists pictures(job text not null references jobs(id) on delete cascade, i integer not null,"
    " seed integer, width integer, height integer, info text, bytes integer, png blob, primary key(job, i));"
    "create index if not exists jobs_by_time on jobs(asked);";

static bool failed(const Store *s, Error *e) {
    return error_set(e, ERR_FILE, "%s: %s", s->name, sqlite3_errmsg(s->db));
}

static bool run(Store *s, const char *sql, Error *e) {
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK || failed(s, e);
}

Store *store_open(const char *path, Error *e) {
    Store *s = calloc(1, sizeof *s);
    if (s) s->lock = os_lock_new();
    if (!s || !s->lock) {
        error_set(e, ERR_MEMORY, "out of memory for jobs");
        return free(s), NULL;
    }
    s->memory = !path;
    snprintf(s->name, sizeof s->name, "%s", path ? path : "jobs in memory");
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(path ? path : ":memory:", &s->db, flags, NULL) != SQLITE_OK) {
        error_set(e, ERR_FILE, "%s: cannot be opened; name a file for jobs with --jobs", s->name);
        return store_close(s), NULL;
    }
    /* One server has the file: the lock is held from the first write to the end. */
    if (run(s,
            "pragma locking_mode=exclusive; pragma journal_mode=wal; pragma synchronous=full;"
            "pragma foreign_keys=on; begin immediate; commit;",
            e) &&
        run(s, SCHEMA, e))
        return s;
    if (sqlite3_errcode(s->db) == SQLITE_BUSY) {
        *e = (Error){0};
        error_set(e, ERR_FILE, "%s: another server has it; name another file with --jobs", s->name);
    }
    return store_close(s), NULL;
}

void store_close(Store *s) {
    if (!s) return;
    sqlite3_close(s->db);
    os_lock_free(s->lock);
    free(s);
}

/* --- statements, with the lock held --- */

/* sql with its ?: 's' string or NULL, 'i' int64, 'd' double. */
static sqlite3_stmt *prepare(Store *s, const char *sql, const char *types, ...) {
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) != SQLITE_OK) return NULL;
    va_list args;
    va_start(args, types);
    for (int i = 1; types[i - 1]; i++) {
        if (types[i - 1] == 's') sqlite3_bind_text(q, i, va_arg(args, const char *), -1, SQLITE_STATIC);
        else if (types[i - 1] == 'i') sqlite3_bind_int64(q, i, va_arg(args, long long));
        else sqlite3_bind_double(q, i, va_arg(args, double));
    }
    va_end(args);
    return q;
}

static bool done(Store *s, sqlite3_stmt *q, Error *e) {
    bool ok = q && sqlite3_step(q) == SQLITE_DONE;
    if (!ok) failed(s, e);
    sqlite3_finalize(q);
    return ok;
}

static const char *text(sqlite3_stmt *q, int column) { return (const char *)sqlite3_column_text(q, column); }

bool store_add(Store *s, const char *id, const char *owner, const char *again, const char *body, double asked,
               char known[JOB_ID], Error *e) {
    *known = 0;
    os_lock(s->lock);
    sqlite3_stmt *q =
        again ? prepare(s, "select id from jobs where owner = ? and again = ?", "ss", owner, again) : NULL;
    if (q && sqlite3_step(q) == SQLITE_ROW) snprintf(known, JOB_ID, "%s", text(q, 0));
    sqlite3_finalize(q);
    bool ok = *known ||
              done(s,
                   prepare(s, "insert into jobs(id, owner, again, body, state, asked) values(?, ?, ?, ?, 'queued', ?)",
                           "ssssd", id, owner, again, body, asked),
                   e);
    os_unlock(s->lock);
    return ok;
}

static bool add_picture(Store *s, const Job *j, int i, Error *e) {
    const JobPicture *p = &j->pictures[i];
    sqlite3_stmt *q = prepare(s,
                              "insert or replace into pictures(job, i, seed, width, height, info, bytes, png)"
                              " values(?, ?, ?, ?, ?, ?, ?, ?)",
                              "siiiisi", j->id, (long long)i, (long long)p->seed, (long long)p->width,
                              (long long)p->height, p->text, (long long)p->size);
    if (q) sqlite3_bind_blob64(q, 8, p->png, p->size, SQLITE_STATIC);
    return done(s, q, e);
}

bool store_end(Store *s, const Job *j, JobState state, Error *e) {
    static const char *const STATES[] = {
        [JOB_DONE] = "completed", [JOB_FAILED] = "failed", [JOB_CANCELLED] = "cancelled"};
    os_lock(s->lock);
    bool ok = run(s, "begin immediate", e);
    for (int i = 0; ok && i < j->count; i++) ok = add_picture(s, j, i, e);
    ok = ok && done(s,
                    prepare(s, "update jobs set state = ?, ended = ?, error = ?, seconds = ?, body = '' where id = ?",
                            "sdsds", STATES[state], stamp_now(), j->error.code ? j->error.text : NULL,
                            os_clock() - j->began, j->id),
                    e);
    if (!run(s, ok ? "commit" : "rollback", e)) ok = false;
    os_unlock(s->lock);
    return ok;
}

bool store_cancel(Store *s, const char *id, Error *e) {
    os_lock(s->lock);
    bool ok =
        done(s,
             prepare(s, "update jobs set state = 'cancelled', ended = ?, body = '' where id = ? and state = 'queued'",
                     "ds", stamp_now(), id),
             e);
    os_unlock(s->lock);
    return ok;
}

void store_forget(Store *s, const char *id) {
    os_lock(s->lock);
    (void)done(s, prepare(s, "delete from jobs where id = ?", "s", id), NULL);
    os_unlock(s->lock);
}

/* --- reading --- */

static json_t *pictures(Store *s, const char *id) {
    json_t *list = json_array();
    sqlite3_stmt *q = prepare(s, "select i, seed, width, height, info from pictures where job = ? order by i", "s", id);
    while (q && sqlite3_step(q) == SQLITE_ROW) {
        char url[100];
        snprintf(url, sizeof url, "/v1/jobs/%s/pictures/%d", id, sqlite3_column_int(q, 0));
        json_array_append_new(list, json_pack("{s:s, s:I, s:i, s:i, s:s}", "url", url, "seed",
                                              (json_int_t)sqlite3_column_int64(q, 1), "width", sqlite3_column_int(q, 2),
                                              "height", sqlite3_column_int(q, 3), "infotext", text(q, 4)));
    }
    sqlite3_finalize(q);
    return list;
}

/* The row that q stands at: id, state, asked, ended, error, seconds. */
static json_t *row(Store *s, sqlite3_stmt *q) {
    char asked[STAMP_SIZE], ended[STAMP_SIZE];
    json_t *j = json_pack("{s:s, s:s, s:s, s:o}", "id", text(q, 0), "state", text(q, 1), "created",
                          stamp_iso(sqlite3_column_double(q, 2), asked), "pictures", pictures(s, text(q, 0)));
    if (j && sqlite3_column_type(q, 3) != SQLITE_NULL)
        json_object_set_new(j, "ended", json_string(stamp_iso(sqlite3_column_double(q, 3), ended)));
    if (j && text(q, 4)) json_object_set_new(j, "error", json_lossy(text(q, 4)));
    if (j && sqlite3_column_type(q, 5) != SQLITE_NULL)
        json_object_set_new(j, "seconds", json_real(sqlite3_column_double(q, 5)));
    return j;
}

json_t *store_job(Store *s, const char *id, const char *owner) {
    os_lock(s->lock);
    sqlite3_stmt *q = prepare(s,
                              "select id, state, asked, ended, error, seconds from jobs"
                              " where id = ? and (?2 is null or owner = ?2)",
                              "ss", id, owner);
    json_t *j = q && sqlite3_step(q) == SQLITE_ROW ? row(s, q) : NULL;
    sqlite3_finalize(q);
    os_unlock(s->lock);
    return j;
}

json_t *store_list(Store *s, const char *owner, int most) {
    json_t *list = json_array();
    os_lock(s->lock);
    sqlite3_stmt *q = prepare(s,
                              "select id, state, asked, ended, error, seconds from jobs where owner = ?"
                              " order by asked desc limit ?",
                              "si", owner, (long long)most);
    while (q && sqlite3_step(q) == SQLITE_ROW) json_array_append_new(list, row(s, q));
    sqlite3_finalize(q);
    os_unlock(s->lock);
    return list;
}

char *store_picture(Store *s, const char *id, int i, const char *owner, size_t *size) {
    char *bytes = NULL;
    os_lock(s->lock);
    sqlite3_stmt *q = prepare(s,
                              "select png from pictures join jobs on jobs.id = job"
                              " where job = ?1 and i = ?2 and (?3 is null or owner = ?3)",
                              "sis", id, (long long)i, owner);
    if (q && sqlite3_step(q) == SQLITE_ROW) {
        *size = (size_t)sqlite3_column_bytes(q, 0);
        bytes = malloc(*size + 1);
        if (bytes) memcpy(bytes, sqlite3_column_blob(q, 0), *size);
    }
    sqlite3_finalize(q);
    os_unlock(s->lock);
    return bytes;
}

void store_waiting(Store *s, StoreEach *each, void *user) {
    os_lock(s->lock);
    sqlite3_stmt *q = prepare(s, "select id, owner, body, asked from jobs where state = 'queued' order by asked", "");
    while (q && sqlite3_step(q) == SQLITE_ROW)
        each(user, text(q, 0), text(q, 1), text(q, 2), sqlite3_column_double(q, 3));
    sqlite3_finalize(q);
    os_unlock(s->lock);
}

void store_clean(Store *s) {
    os_lock(s->lock);
    (void)done(s, prepare(s, "delete from jobs where ended < ?", "d", stamp_now() - STORE_DAY), NULL);
    if (s->memory)
        (void)done(
            s,
            prepare(s,
                    "delete from jobs where state != 'queued' and id in (select id from (select id, sum(size) over"
                    " (order by asked desc) as newer from (select id, asked, (select sum(bytes) from pictures"
                    " where job = id) as size from jobs)) where newer > ?)",
                    "i", MOST_IN_MEMORY),
            NULL);
    os_unlock(s->lock);
}
