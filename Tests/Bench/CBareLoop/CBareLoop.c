#define _GNU_SOURCE
#include "CBareLoop.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

struct bare_loop {
    sqlite3 *db;
    sqlite3_stmt *begin, *insert, *lane, *device, *commit;
    int lanes;
    int64_t n;
};

static int64_t now_of(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t bare_loop_thread_cpu(void) { return now_of(CLOCK_THREAD_CPUTIME_ID); }

static const char schema[] =
    "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
    "PRAGMA wal_autocheckpoint = 0;"
    "CREATE TABLE lane(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, seq INTEGER NOT NULL,"
    " appended INTEGER NOT NULL, state BLOB NOT NULL);"
    "CREATE TABLE device(name TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE scan(n INTEGER PRIMARY KEY, lane INTEGER NOT NULL, wire BLOB NOT NULL);"
    "CREATE INDEX scan_by_lane ON scan(lane, n);";

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql) {
    sqlite3_stmt *statement = NULL;
    sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL);
    return statement;
}

static int device_name(char *name, size_t size, int number) { return snprintf(name, size, "scanner-%d", number); }

struct bare_loop *bare_loop_open(const char *directory, int lanes) {
    char path[4096];
    snprintf(path, sizeof path, "%s/bare.db", directory);
    struct bare_loop *loop = calloc(1, sizeof *loop);
    if (!loop) return NULL;
    loop->lanes = lanes;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(path, &loop->db, flags, NULL) || sqlite3_exec(loop->db, schema, NULL, NULL, NULL)) goto failed;
    for (int i = 0; i < lanes; i++) {
        char sql[256];
        snprintf(
            sql, sizeof sql,
            "INSERT INTO lane VALUES (%d, 'lane-%d', 0, 0, x''); INSERT INTO device VALUES ('scanner-%d', 0)", i + 1, i,
            i);
        if (sqlite3_exec(loop->db, sql, NULL, NULL, NULL)) goto failed;
    }
    loop->begin = prepare(loop->db, "BEGIN IMMEDIATE");
    loop->insert = prepare(loop->db, "INSERT INTO scan(n, lane, wire) VALUES (?, ?, ?)");
    loop->lane = prepare(loop->db, "UPDATE lane SET seq = ?, appended = ?, state = ? WHERE id = ?");
    loop->device = prepare(
        loop->db, "INSERT INTO device VALUES (?, ?) ON CONFLICT(name) DO UPDATE SET seq = excluded.seq");
    loop->commit = prepare(loop->db, "COMMIT");
    if (loop->begin && loop->insert && loop->lane && loop->device && loop->commit) return loop;
failed:
    bare_loop_close(loop);
    return NULL;
}

static int run(sqlite3_stmt *statement) {
    int status = sqlite3_step(statement);
    sqlite3_reset(statement);
    return status == SQLITE_DONE ? SQLITE_OK : status;
}

static int commit(struct bare_loop *loop, int size, const void *wire, int wire_bytes) {
    static const char state[110];
    int status = run(loop->begin);
    int64_t first = loop->n;
    for (int i = 0; i < size && !status; i++) {
        loop->n++;
        sqlite3_bind_int64(loop->insert, 1, loop->n);
        sqlite3_bind_int64(loop->insert, 2, loop->n % loop->lanes + 1);
        sqlite3_bind_blob(loop->insert, 3, wire, wire_bytes, SQLITE_STATIC);
        status = run(loop->insert);
    }
    int moved = size < loop->lanes ? size : loop->lanes;
    for (int i = 1; i <= moved && !status; i++) {
        int lane = (int)((first + i) % loop->lanes);
        sqlite3_bind_int64(loop->lane, 1, loop->n);
        sqlite3_bind_int64(loop->lane, 2, loop->n);
        sqlite3_bind_blob(loop->lane, 3, state, sizeof state, SQLITE_STATIC);
        sqlite3_bind_int64(loop->lane, 4, lane + 1);
        status = run(loop->lane);
        char name[32];
        int length = device_name(name, sizeof name, lane);
        sqlite3_bind_text(loop->device, 1, name, length, SQLITE_STATIC);
        sqlite3_bind_int64(loop->device, 2, loop->n);
        if (!status) status = run(loop->device);
    }
    return status ? status : run(loop->commit);
}

int bare_loop_commits(
    struct bare_loop *loop, const int32_t *sizes, int count, const void *wire, int wire_bytes, int64_t *took) {
    for (int i = 0; i < count; i++) {
        int64_t start = now_of(CLOCK_MONOTONIC);
        int status = commit(loop, sizes[i], wire, wire_bytes);
        if (status) return status;
        if (took) took[i] = now_of(CLOCK_MONOTONIC) - start;
    }
    return SQLITE_OK;
}

int bare_loop_checkpoint(struct bare_loop *loop) {
    return sqlite3_wal_checkpoint_v2(loop->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

void bare_loop_close(struct bare_loop *loop) {
    if (!loop) return;
    sqlite3_finalize(loop->begin);
    sqlite3_finalize(loop->insert);
    sqlite3_finalize(loop->lane);
    sqlite3_finalize(loop->device);
    sqlite3_finalize(loop->commit);
    sqlite3_close_v2(loop->db);
    free(loop);
}

static int pack(const unsigned char *bytes, size_t count, unsigned char *out, size_t room) {
    z_stream stream = {0};
    // 15 bits of window and a gzip header.
    if (deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) return Z_MEM_ERROR;
    stream.next_in = (unsigned char *)bytes;
    stream.avail_in = (uInt)count;
    stream.next_out = out;
    stream.avail_out = (uInt)room;
    int status = deflate(&stream, Z_FINISH);
    deflateEnd(&stream);
    return status == Z_STREAM_END ? Z_OK : status;
}

static int64_t drain(sqlite3 *db, sqlite3_stmt *read, int lane, int batch, unsigned char *text, unsigned char *packed) {
    enum { room = 1 << 20 };
    int64_t after = 0, scans = 0;
    for (;;) {
        sqlite3_bind_int64(read, 1, lane);
        sqlite3_bind_int64(read, 2, after);
        sqlite3_bind_int64(read, 3, batch);
        size_t used = 0;
        int found = 0;
        while (sqlite3_step(read) == SQLITE_ROW) {
            int size = sqlite3_column_bytes(read, 1);
            if (used + (size_t)size < room) {
                memcpy(text + used, sqlite3_column_blob(read, 1), (size_t)size);
                used += (size_t)size;
            }
            after = sqlite3_column_int64(read, 0);
            found++;
        }
        sqlite3_reset(read);
        if (found == 0) return sqlite3_errcode(db) == SQLITE_OK ? scans : -sqlite3_errcode(db);
        if (pack(text, used, packed, 2 * room) != Z_OK) return -SQLITE_NOMEM;
        scans += found;
    }
}

int64_t bare_loop_drain(const char *spool, int batch) {
    sqlite3 *db = NULL;
    sqlite3_stmt *read = NULL, *lanes = NULL;
    unsigned char *text = malloc(1 << 20), *packed = malloc(2 << 20);
    int64_t scans = -SQLITE_CANTOPEN;
    if (!text || !packed || sqlite3_open_v2(spool, &db, SQLITE_OPEN_READWRITE, NULL)) goto done;
    read = prepare(db, "SELECT n, wire FROM scan WHERE lane = ? AND n > ? ORDER BY n LIMIT ?");
    lanes = prepare(db, "SELECT id FROM lane");
    if (!read || !lanes) goto done;
    scans = 0;
    while (scans >= 0 && sqlite3_step(lanes) == SQLITE_ROW) {
        int64_t some = drain(db, read, sqlite3_column_int(lanes, 0), batch, text, packed);
        scans = some < 0 ? some : scans + some;
    }
done:
    sqlite3_finalize(read);
    sqlite3_finalize(lanes);
    sqlite3_close_v2(db);
    free(text);
    free(packed);
    return scans;
}

int bare_loop_syncs(const char *path, int count, int64_t *took) {
    static const char page[4096];
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) return errno;
    for (int i = 0; i < count; i++) {
        int64_t start = now_of(CLOCK_MONOTONIC);
        if (write(fd, page, sizeof page) != sizeof page || fdatasync(fd) != 0) {
            int saved = errno;
            close(fd);
            return saved;
        }
        took[i] = now_of(CLOCK_MONOTONIC) - start;
    }
    close(fd);
    unlink(path);
    return 0;
}
