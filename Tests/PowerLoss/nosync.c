// Loaded before libc by LD_PRELOAD: takes the syncs away from a program that asks for them, as if it had never asked.
// Its test must then fail, or it proves nothing. NOSYNC=all: every one; wal: those of files whose name ends in -wal, which is
// what SQLite does with synchronous = NORMAL (sqlite.org/pragma.html#pragma_synchronous).
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is_taken(int fd) {
    const char *which = getenv("NOSYNC");
    if (!which || strcmp(which, "wal") != 0) return 1;
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path);
    return length > 4 && memcmp(path + length - 4, "-wal", 4) == 0;
}

int fsync(int fd) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fsync");
    return is_taken(fd) ? 0 : real(fd);
}

int fdatasync(int fd) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fdatasync");
    return is_taken(fd) ? 0 : real(fd);
}
