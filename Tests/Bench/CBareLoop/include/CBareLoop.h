// What the benchmarks compare with: the same work on the disk in plain C, and nothing else. Imported by Bench only.
#pragma once
#include <stddef.h>
#include <stdint.h>

struct bare_loop;

// A spool of its own in a directory, of the daemon's schema and settings, with this many lanes and as many devices.
// NULL where it cannot be made.
struct bare_loop *bare_loop_open(const char *directory, int lanes);

// One commit for each size: that many scans of these bytes spread over the lanes, the lane and device rows they move.
// Nanoseconds of each commit go to `took` where it is not NULL. 0, or SQLite's result code.
int bare_loop_commits(
    struct bare_loop *loop, const int32_t *sizes, int count, const void *wire, int wire_bytes, int64_t *took);

// Folds the WAL into the file, so that the next commits write over it as the daemon's do. 0, or SQLite's result code.
int bare_loop_checkpoint(struct bare_loop *loop);

void bare_loop_close(struct bare_loop *loop);

// Reads a spool lane by lane in batches of `batch` scans, and compresses each as an uplink would (gzip, level 1).
// The number of scans, or a negative SQLite result code.
int64_t bare_loop_drain(const char *spool, int batch);

// Appends 4 KiB and calls fdatasync, `count` times; nanoseconds of each go to `took`. 0, or errno.
int bare_loop_syncs(const char *path, int count, int64_t *took);

// The same, each batch published to a broker on 127.0.0.1 (MQTT, QoS 1), `window` of them unacknowledged at most; returns
// when the last is acknowledged. The number of scans, or -1.
int64_t bare_mqtt_drain(const char *spool, int port, int batch, int window);

// The answer of a backend that accepts whatever it gets, and looks at nothing but the ids: to a batch of
// tracetrack-devices, written to `out`. Its length, or 0 where the body is no batch; `scans` is how many it had.
size_t bare_sink_answer(
    const unsigned char *body, size_t size, int is_compressed, unsigned char *out, size_t out_room, int32_t *scans);

// CPU time of this thread in nanoseconds.
int64_t bare_loop_thread_cpu(void);

// Plain zbar on a picture of 8-bit luma without gaps: QR only, density 1, raw bytes. The number of codes, or -1; the bytes
// of the first one in `out`, 0 of them where there is no room.
int bare_zbar_read(
    const unsigned char *luma, unsigned width, unsigned height, unsigned char *out, size_t room, size_t *size);
