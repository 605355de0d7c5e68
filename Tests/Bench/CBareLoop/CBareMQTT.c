#include "CBareLoop.h"

#include <mosquitto.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { room = 1 << 20 };

struct publisher {
    struct mosquitto *client;
    atomic_int connected, acknowledged;
    int published, window;
    unsigned char *text, *packed;
};

static void on_connect(struct mosquitto *client, void *context, int code) {
    (void)client;
    atomic_store(&((struct publisher *)context)->connected, code == 0 ? 1 : -1);
}

static void on_publish(struct mosquitto *client, void *context, int id) {
    (void)client;
    (void)id;
    atomic_fetch_add(&((struct publisher *)context)->acknowledged, 1);
}

// Waits until fewer than `limit` are under way; -1 after ten seconds.
static int wait_for(struct publisher *it, int limit) {
    for (int i = 0; it->published - atomic_load(&it->acknowledged) >= limit; i++) {
        if (i > 500000) return -1;
        usleep(20);
    }
    return 0;
}

static int publish(struct publisher *it, size_t used) {
    z_stream stream = {0};
    if (deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) return -1;
    stream.next_in = it->text;
    stream.avail_in = (uInt)used;
    stream.next_out = it->packed;
    stream.avail_out = 2 * room;
    int status = deflate(&stream, Z_FINISH);
    int size = (int)(2 * room - stream.avail_out);
    deflateEnd(&stream);
    if (status != Z_STREAM_END || wait_for(it, it->window)) return -1;
    it->published++;
    return mosquitto_publish(it->client, NULL, "scan/v1/bare/batch", size, it->packed, 1, false);
}

static int64_t drain_lane(struct publisher *it, sqlite3_stmt *read, int lane, int batch) {
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
                memcpy(it->text + used, sqlite3_column_blob(read, 1), (size_t)size);
                used += (size_t)size;
            }
            after = sqlite3_column_int64(read, 0);
            found++;
        }
        sqlite3_reset(read);
        if (found == 0) return scans;
        if (publish(it, used)) return -1;
        scans += found;
    }
}

static int64_t drain_all(struct publisher *it, const char *spool, int batch) {
    sqlite3 *db = NULL;
    sqlite3_stmt *read = NULL, *lanes = NULL;
    int64_t scans = -1;
    if (!sqlite3_open_v2(spool, &db, SQLITE_OPEN_READWRITE, NULL)
        && !sqlite3_prepare_v2(db, "SELECT n, wire FROM scan WHERE lane = ? AND n > ? ORDER BY n LIMIT ?", -1, &read, NULL)
        && !sqlite3_prepare_v2(db, "SELECT id FROM lane", -1, &lanes, NULL)) {
        scans = 0;
        while (scans >= 0 && sqlite3_step(lanes) == SQLITE_ROW) {
            int64_t some = drain_lane(it, read, sqlite3_column_int(lanes, 0), batch);
            scans = some < 0 ? some : scans + some;
        }
    }
    sqlite3_finalize(read);
    sqlite3_finalize(lanes);
    sqlite3_close_v2(db);
    return scans;
}

int64_t bare_mqtt_drain(const char *spool, int port, int batch, int window) {
    struct publisher it = {.window = window, .text = malloc(room), .packed = malloc(2 * room)};
    int64_t scans = -1;
    mosquitto_lib_init();
    it.client = mosquitto_new("bare", true, &it);
    if (!it.text || !it.packed || !it.client) goto done;
    mosquitto_connect_callback_set(it.client, on_connect);
    mosquitto_publish_callback_set(it.client, on_publish);
    mosquitto_max_inflight_messages_set(it.client, (unsigned)window);
    if (mosquitto_connect(it.client, "127.0.0.1", port, 60) || mosquitto_loop_start(it.client)) goto done;
    while (atomic_load(&it.connected) == 0) usleep(1000);
    if (atomic_load(&it.connected) == 1) scans = drain_all(&it, spool, batch);
    if (wait_for(&it, 1)) scans = -1;
    mosquitto_disconnect(it.client);
    mosquitto_loop_stop(it.client, false);
done:
    if (it.client) mosquitto_destroy(it.client);
    free(it.text);
    free(it.packed);
    return scans;
}
