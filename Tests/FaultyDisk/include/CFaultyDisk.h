// A disk for SQLite that fails, fills up and loses power on demand. Tests only.
#pragma once
#include <stdint.h>

/// What happens to a call that the disk was told to fail.
typedef enum {
    FAULTY_FULL,     // write: ENOSPC, nothing written
    FAULTY_SHORT,    // write: the first half, then ENOSPC
    FAULTY_WRITE,    // write or truncate: EIO
    FAULTY_SYNC,     // sync: EIO, and what was written since the last one stays in the cache, but is never written out
    FAULTY_READ,     // read: EIO
    FAULTY_POWER,    // write, truncate, sync or delete: the power is gone, for good
} faulty_kind;

typedef struct faulty_disk faulty_disk;

/// Files whose path begins with `directory` are on this disk from now on; all others are as before. `seed` decides what a power
/// cut leaves. Any thread. NULL where SQLite does not let itself be extended.
faulty_disk *faulty_disk_make(const char *directory, uint64_t seed);

/// Forgets the disk; every connection to its files must be closed.
void faulty_disk_free(faulty_disk *disk);

/// Lets `after` calls of that kind pass, then fails `count` of them, or all until `faulty_disk_mend` where that is negative.
void faulty_disk_break(faulty_disk *disk, faulty_kind kind, int after, int count);

/// No call fails any more. A power cut is not mended.
void faulty_disk_mend(faulty_disk *disk);

/// How many calls have been failed.
int faulty_disk_failures(faulty_disk *disk);

/// The power is gone: nothing that is written from now on has any effect.
void faulty_disk_cut_power(faulty_disk *disk);

/// Whether it is gone, by that or by `FAULTY_POWER`.
int faulty_disk_is_dead(faulty_disk *disk);

/// Ends `faulty_disk_cut_power` with nothing lost, every connection closed: a process was killed, the machine was not.
void faulty_disk_thaw(faulty_disk *disk);

/// The power is back, with every connection closed: each file has what was synced, and of what was written since, whole, in
/// sectors, or not at all, whatever the seed says.
void faulty_disk_restore_power(faulty_disk *disk);
