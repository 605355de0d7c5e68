// The kernel calls that Swift's Glibc module lacks. Imported by Posix only.
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/types.h>
#include <termios.h>

int scangate_epoll_create(void);
int scangate_epoll_control(int epoll, int operation, int fd, uint32_t events, uint64_t token);
int scangate_eventfd(void);
int scangate_signalfd(const int *signals, int count);
int scangate_next_signal(int fd);
int scangate_block_signals(const int *signals, int count);
void scangate_name_thread(const char *name);
int scangate_set_exclusive(int fd);
// parity: n, o, e, s (space), m (mark); flow: n, h (RTS/CTS), x (XON/XOFF).
struct scangate_line {
    unsigned baud;
    int data_bits;
    int stop_bits;
    char parity;
    char flow;
};
int scangate_set_raw(int fd, struct scangate_line line);
int scangate_lock_file(int fd);
int scangate_accept(int listener);
int scangate_peer(int fd, pid_t *pid, uid_t *uid, gid_t *gid);
bool scangate_clock_synced(long *estimated_error_us);
int64_t scangate_clock_ns(int clock);
int64_t scangate_blocks_from_disk(void);
int scangate_open_pty(char *path, size_t size);
int scangate_random(void *bytes, size_t count);
int scangate_pending_input(int fd);
unsigned scangate_major(dev_t device);
unsigned scangate_minor(dev_t device);

// evdev (linux/input.h)
int scangate_input_version(int fd);
int scangate_input_identity(int fd, uint16_t *bus, uint16_t *vendor, uint16_t *product);
int scangate_input_name(int fd, char *name, size_t size);
int scangate_input_key_bits(int fd, void *bits, size_t size);
int scangate_input_keys_down(int fd, void *bits, size_t size);
int scangate_input_leds(int fd, void *bits, size_t size);
int scangate_input_grab(int fd, int on);
int scangate_input_clock(int fd, int clock);
int scangate_input_mute(int fd, unsigned type);

// A datagram, with a descriptor where that is not negative (SCM_RIGHTS, unix(7)).
int scangate_send_descriptor(int socket, const void *address, size_t address_size, const void *text, size_t size,
                             int descriptor);
int scangate_duplicate(int fd);

#include "CLinuxVideo.h"
#include "CLinuxProcess.h"

// hidraw (linux/hidraw.h)
int scangate_hidraw_info(int fd, uint32_t *bus, uint16_t *vendor, uint16_t *product);
int scangate_hidraw_descriptor(int fd, uint8_t *bytes, uint32_t capacity);
