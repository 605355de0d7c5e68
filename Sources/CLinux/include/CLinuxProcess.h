// Processes of our own that share a piece of memory with us. Part of CLinux.h.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// A file in memory of this size that cannot shrink or grow any more, so that no reader of its mapping gets SIGBUS.
int scangate_memory_file(const char *name, size_t size);
// Starts a program in a process of its own with an empty environment, no signal blocked or ignored, /dev/null as its
// standard files, and besides only the `count` given descriptors, as 3, 4, …. 0, or an errno.
int scangate_spawn(const char *path, char *const *words, const int *descriptors, int count, pid_t *process);
// Makes this process end with the thread that started it, dump no core, and hide its memory from its user's others.
int scangate_tie_to_parent(void);
// Lowers both limits of a resource.
int scangate_limit(int resource, uint64_t value);
