// An SQLite VFS (sqlite.org/vfs.html) around the one that was the default: files of a faulty disk are real files, and beside
// each is kept what of it is on stable storage and what was written since. Locks and shared memory are the real ones.
#include "CFaultyDisk.h"

#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECTOR = 512 };

// A write, or a change of length where `data` is NULL.
typedef struct change {
    struct change *next;
    int64_t offset;
    int64_t length;
    unsigned char *data;
} change;

// A file, also one that was deleted: its name may come back with the power.
typedef struct node {
    struct node *next;
    char *path;
    int descriptor;
    int is_durable;  // its name is on stable storage
    int is_deleted;
    unsigned char *bytes;  // what is on stable storage
    int64_t length;
    change *first, *last;  // written since
} node;

struct faulty_disk {
    faulty_disk *next;
    char *directory;
    uint64_t random;
    int is_dead;
    int after[FAULTY_POWER + 1], count[FAULTY_POWER + 1];
    int failures;
    node *nodes;
};

typedef struct {
    sqlite3_file base;
    faulty_disk *disk;
    node *node;
    sqlite3_file real[];
} faulty_file;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static faulty_disk *disks;
static sqlite3_vfs *real_vfs;
static sqlite3_vfs vfs;

static uint64_t next_random(faulty_disk *disk) {  // SplitMix64
    uint64_t word = disk->random += 0x9E3779B97F4A7C15;
    word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9;
    word = (word ^ word >> 27) * 0x94D049BB133111EB;
    return word ^ word >> 31;
}

// Whether this call fails.
static int fails(faulty_disk *disk, faulty_kind kind) {
    if (disk->count[kind] == 0) return 0;
    if (disk->after[kind] > 0) {
        disk->after[kind]--;
        return 0;
    }
    if (disk->count[kind] > 0) disk->count[kind]--;
    disk->failures++;
    return 1;
}

static int is_dead(faulty_disk *disk) {
    if (!disk->is_dead && fails(disk, FAULTY_POWER)) disk->is_dead = 1;
    return disk->is_dead;
}

static void resize(node *file, int64_t length) {
    file->bytes = realloc(file->bytes, length > 0 ? length : 1);
    if (length > file->length) memset(file->bytes + file->length, 0, length - file->length);
    file->length = length;
}

static void apply_part(node *file, int64_t offset, const unsigned char *data, int64_t length) {
    if (offset + length > file->length) resize(file, offset + length);
    memcpy(file->bytes + offset, data, length);
}

static void apply(node *file, const change *it) {
    if (it->data) apply_part(file, it->offset, it->data, it->length);
    else resize(file, it->length);
}

static void note(node *file, int64_t offset, const void *data, int64_t length) {
    change *it = calloc(1, sizeof *it);
    it->offset = offset;
    it->length = length;
    if (data) {
        it->data = malloc(length);
        memcpy(it->data, data, length);
    }
    if (file->last) file->last->next = it;
    else file->first = it;
    file->last = it;
}

static void forget_changes(node *file) {
    for (change *it = file->first, *next; it; it = next) {
        next = it->next;
        free(it->data);
        free(it);
    }
    file->first = file->last = NULL;
}

static node *find(faulty_disk *disk, const char *path) {
    for (node *it = disk->nodes; it; it = it->next)
        if (!it->is_deleted && strcmp(it->path, path) == 0) return it;
    return NULL;
}

// The file under this name: what it holds when it is first seen is durable; one that is new is not until it is synced.
static node *attach(faulty_disk *disk, const char *path, int was_there) {
    struct stat now, known;
    node *it = find(disk, path);
    // Renamed behind SQLite's back: it keeps its bytes, under its new name.
    if (it && (stat(path, &now) != 0 || fstat(it->descriptor, &known) != 0 || now.st_ino != known.st_ino)) {
        it->is_deleted = 1;
        it = NULL;
    }
    if (it) return it;
    it = calloc(1, sizeof *it);
    it->path = strdup(path);
    it->descriptor = open(path, O_RDWR | O_CLOEXEC);
    it->next = disk->nodes;
    disk->nodes = it;
    if (was_there && fstat(it->descriptor, &now) == 0) {
        it->is_durable = 1;
        resize(it, now.st_size);
        if (pread(it->descriptor, it->bytes, it->length, 0) != it->length) abort();
    }
    return it;
}

// Files.
static int file_close(sqlite3_file *base) {
    faulty_file *file = (faulty_file *)base;
    return file->real->pMethods->xClose(file->real);
}

static int file_read(sqlite3_file *base, void *data, int length, sqlite3_int64 offset) {
    faulty_file *file = (faulty_file *)base;
    pthread_mutex_lock(&lock);
    int is_broken = fails(file->disk, FAULTY_READ);
    pthread_mutex_unlock(&lock);
    if (is_broken) return SQLITE_IOERR_READ;
    return file->real->pMethods->xRead(file->real, data, length, offset);
}

static int file_write(sqlite3_file *base, const void *data, int length, sqlite3_int64 offset) {
    faulty_file *file = (faulty_file *)base;
    faulty_disk *disk = file->disk;
    int result = SQLITE_OK;
    pthread_mutex_lock(&lock);
    if (is_dead(disk) || fails(disk, FAULTY_WRITE)) {
        result = SQLITE_IOERR_WRITE;
        length = 0;
    } else if (fails(disk, FAULTY_FULL)) {
        result = SQLITE_FULL;
        length = 0;
    } else if (fails(disk, FAULTY_SHORT)) {
        result = SQLITE_FULL;
        length /= 2;
    }
    if (length > 0) {
        int real = file->real->pMethods->xWrite(file->real, data, length, offset);
        if (real == SQLITE_OK) note(file->node, offset, data, length);
        else result = real;
    }
    pthread_mutex_unlock(&lock);
    return result;
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 length) {
    faulty_file *file = (faulty_file *)base;
    int result = SQLITE_IOERR_TRUNCATE;
    pthread_mutex_lock(&lock);
    if (!is_dead(file->disk) && !fails(file->disk, FAULTY_WRITE)) {
        result = file->real->pMethods->xTruncate(file->real, length);
        if (result == SQLITE_OK) note(file->node, 0, NULL, length);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

static int file_sync(sqlite3_file *base, int flags) {
    faulty_file *file = (faulty_file *)base;
    node *node = file->node;
    int result = SQLITE_OK;
    (void)flags;
    pthread_mutex_lock(&lock);
    if (is_dead(file->disk)) result = SQLITE_IOERR_FSYNC;
    else {
        int is_broken = fails(file->disk, FAULTY_SYNC);
        // After a failed fsync the kernel takes the pages for clean: some were written, the others never will be, and no later
        // fsync says so (wiki.postgresql.org/wiki/Fsync_Errors).
        for (change *it = node->first; it; it = it->next)
            if (!is_broken || next_random(file->disk) & 1) apply(node, it);
        forget_changes(node);
        if (is_broken) result = SQLITE_IOERR_FSYNC;
        // As a filesystem with a journal of its own does (ext4, XFS): names are written out in the order in which they were
        // made and taken away, with the next sync of any file.
        for (struct node *it = file->disk->nodes; it && !is_broken; it = it->next) it->is_durable = !it->is_deleted;
    }
    pthread_mutex_unlock(&lock);
    return result;
}

// The rest is the real file's.
#define REAL(base) (((faulty_file *)(base))->real)
#define CALL(base, method, ...) (REAL(base)->pMethods->method(REAL(base), ##__VA_ARGS__))
static int file_size(sqlite3_file *f, sqlite3_int64 *size) { return CALL(f, xFileSize, size); }
static int file_lock(sqlite3_file *f, int level) { return CALL(f, xLock, level); }
static int file_unlock(sqlite3_file *f, int level) { return CALL(f, xUnlock, level); }
static int file_is_locked(sqlite3_file *f, int *out) { return CALL(f, xCheckReservedLock, out); }
static int file_control(sqlite3_file *f, int op, void *arg) { return CALL(f, xFileControl, op, arg); }
static int file_sector(sqlite3_file *f) { return CALL(f, xSectorSize); }
static int file_traits(sqlite3_file *f) { return CALL(f, xDeviceCharacteristics); }
static int shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out) {
    return CALL(f, xShmMap, page, size, extend, out);
}
static int shm_lock(sqlite3_file *f, int offset, int n, int flags) { return CALL(f, xShmLock, offset, n, flags); }
static void shm_barrier(sqlite3_file *f) { CALL(f, xShmBarrier); }
static int shm_unmap(sqlite3_file *f, int is_deleted) { return CALL(f, xShmUnmap, is_deleted); }

// Version 2: no memory-mapped reads and writes, which would pass by us.
static const sqlite3_io_methods methods = {
    2, file_close, file_read, file_write, file_truncate, file_sync, file_size, file_lock, file_unlock, file_is_locked,
    file_control, file_sector, file_traits, shm_map, shm_lock, shm_barrier, shm_unmap, NULL, NULL,
};

// The filesystem.
static faulty_disk *disk_of(const char *path) {
    for (faulty_disk *it = disks; path && it; it = it->next)
        if (strncmp(path, it->directory, strlen(it->directory)) == 0) return it;
    return NULL;
}

static int vfs_open(sqlite3_vfs *self, const char *path, sqlite3_file *base, int flags, int *out) {
    (void)self;
    pthread_mutex_lock(&lock);
    faulty_disk *disk = disk_of(path);
    pthread_mutex_unlock(&lock);
    if (!disk) return real_vfs->xOpen(real_vfs, path, base, flags, out);
    faulty_file *file = (faulty_file *)base;
    memset(file, 0, sizeof *file);
    struct stat before;
    pthread_mutex_lock(&lock);
    int was_there = stat(path, &before) == 0;
    int is_refused = !was_there && is_dead(disk);
    pthread_mutex_unlock(&lock);
    if (is_refused) return SQLITE_CANTOPEN;
    int result = real_vfs->xOpen(real_vfs, path, file->real, flags, out);
    if (result != SQLITE_OK) return result;
    pthread_mutex_lock(&lock);
    file->disk = disk;
    file->node = attach(disk, path, was_there);
    pthread_mutex_unlock(&lock);
    file->base.pMethods = &methods;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *self, const char *path, int is_synced) {
    (void)self;
    pthread_mutex_lock(&lock);
    faulty_disk *disk = disk_of(path);
    int result = disk && is_dead(disk) ? SQLITE_IOERR_DELETE : real_vfs->xDelete(real_vfs, path, 0);
    node *it = disk && result == SQLITE_OK ? find(disk, path) : NULL;
    if (it) {
        it->is_deleted = 1;
        if (is_synced) it->is_durable = 0;
    }
    pthread_mutex_unlock(&lock);
    return result;
}

static int vfs_access(sqlite3_vfs *s, const char *p, int f, int *o) {
    (void)s;
    return real_vfs->xAccess(real_vfs, p, f, o);
}
static int vfs_path(sqlite3_vfs *s, const char *p, int n, char *o) {
    (void)s;
    return real_vfs->xFullPathname(real_vfs, p, n, o);
}

faulty_disk *faulty_disk_make(const char *directory, uint64_t seed) {
    faulty_disk *disk = calloc(1, sizeof *disk);
    disk->directory = strdup(directory);
    disk->random = seed;
    pthread_mutex_lock(&lock);
    int result = SQLITE_OK;
    if (!real_vfs) {
        real_vfs = sqlite3_vfs_find(NULL);
        vfs = *real_vfs;  // what has no reason to differ: dynamic loading, randomness, time
        vfs.szOsFile = (int)sizeof(faulty_file) + real_vfs->szOsFile;
        vfs.pNext = NULL;
        vfs.zName = "faulty";
        vfs.xOpen = vfs_open;
        vfs.xDelete = vfs_delete;
        vfs.xAccess = vfs_access;
        vfs.xFullPathname = vfs_path;
        result = sqlite3_vfs_register(&vfs, 1);
    }
    disk->next = disks;
    disks = disk;
    pthread_mutex_unlock(&lock);
    return result == SQLITE_OK ? disk : NULL;
}

static void drop_nodes(faulty_disk *disk) {
    for (node *it = disk->nodes, *next; it; it = next) {
        next = it->next;
        forget_changes(it);
        if (it->descriptor >= 0) close(it->descriptor);
        free(it->bytes);
        free(it->path);
        free(it);
    }
    disk->nodes = NULL;
}

void faulty_disk_free(faulty_disk *disk) {
    pthread_mutex_lock(&lock);
    for (faulty_disk **it = &disks; *it; it = &(*it)->next)
        if (*it == disk) {
            *it = disk->next;
            break;
        }
    pthread_mutex_unlock(&lock);
    drop_nodes(disk);
    free(disk->directory);
    free(disk);
}

void faulty_disk_break(faulty_disk *disk, faulty_kind kind, int after, int count) {
    pthread_mutex_lock(&lock);
    disk->after[kind] = after;
    disk->count[kind] = count;
    pthread_mutex_unlock(&lock);
}

void faulty_disk_mend(faulty_disk *disk) {
    pthread_mutex_lock(&lock);
    memset(disk->count, 0, sizeof disk->count);
    pthread_mutex_unlock(&lock);
}

int faulty_disk_failures(faulty_disk *disk) {
    pthread_mutex_lock(&lock);
    int failures = disk->failures;
    pthread_mutex_unlock(&lock);
    return failures;
}

void faulty_disk_cut_power(faulty_disk *disk) {
    pthread_mutex_lock(&lock);
    disk->is_dead = 1;
    pthread_mutex_unlock(&lock);
}

int faulty_disk_is_dead(faulty_disk *disk) {
    pthread_mutex_lock(&lock);
    int dead = disk->is_dead;
    pthread_mutex_unlock(&lock);
    return dead;
}

void faulty_disk_thaw(faulty_disk *disk) {
    pthread_mutex_lock(&lock);
    memset(disk->count, 0, sizeof disk->count);
    disk->is_dead = 0;
    pthread_mutex_unlock(&lock);
}

// What a change that was not synced leaves: all of it, some of its sectors, or nothing.
static void survive(faulty_disk *disk, node *file, const change *it) {
    uint64_t fate = next_random(disk) % 3;
    if (fate == 0) return;
    if (fate == 1 || !it->data) return apply(file, it);
    for (int64_t at = 0, step; at < it->length; at += step) {
        step = SECTOR - (it->offset + at) % SECTOR;
        if (step > it->length - at) step = it->length - at;
        if (next_random(disk) & 1) apply_part(file, it->offset + at, it->data + at, step);
    }
}

void faulty_disk_restore_power(faulty_disk *disk) {
    pthread_mutex_lock(&lock);
    for (node *it = disk->nodes; it; it = it->next) {
        if (it->descriptor < 0) continue;
        // A name that was taken away and not synced may be back, where nothing else has it.
        struct stat status;
        if (it->is_deleted && it->is_durable && stat(it->path, &status) != 0 && next_random(disk) & 1) {
            close(it->descriptor);
            it->descriptor = open(it->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
            it->is_deleted = 0;
        }
        for (change *c = it->first; c; c = c->next) survive(disk, it, c);
        if (ftruncate(it->descriptor, 0) != 0 || pwrite(it->descriptor, it->bytes, it->length, 0) != it->length) abort();
        if (!it->is_durable && !it->is_deleted && next_random(disk) & 1) unlink(it->path);
    }
    // What is there now is on stable storage: nodes are made anew as files are opened.
    drop_nodes(disk);
    memset(disk->count, 0, sizeof disk->count);
    disk->is_dead = 0;
    pthread_mutex_unlock(&lock);
}
