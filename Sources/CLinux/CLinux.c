#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/hidraw.h>
#include <linux/input.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

int scangate_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

int scangate_epoll_control(int epoll, int operation, int fd, uint32_t events, uint64_t token) {
    struct epoll_event event = {.events = events, .data.u64 = token};
    return epoll_ctl(epoll, operation, fd, &event);
}

int scangate_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

static void fill(sigset_t *set, const int *signals, int count) {
    sigemptyset(set);
    for (int i = 0; i < count; i++) sigaddset(set, signals[i]);
}

int scangate_signalfd(const int *signals, int count) {
    sigset_t set;
    fill(&set, signals, count);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int scangate_next_signal(int fd) {
    struct signalfd_siginfo info;
    return read(fd, &info, sizeof info) == sizeof info ? (int)info.ssi_signo : 0;
}

int scangate_block_signals(const int *signals, int count) {
    sigset_t set;
    fill(&set, signals, count);
    return pthread_sigmask(SIG_BLOCK, &set, NULL);
}

void scangate_name_thread(const char *name) {
    char cut[16];
    strncpy(cut, name, sizeof cut - 1);
    cut[sizeof cut - 1] = 0;
    pthread_setname_np(pthread_self(), cut);
}

int scangate_set_exclusive(int fd) {
    struct stat s;
    if (fstat(fd, &s) != 0) return -1;
    // A pseudo-terminal (majors 136 to 143) keeps the mark until its other end closes: the next daemon, started while
    // the simulated scanner goes on, could not open it unless it were root.
    if (S_ISCHR(s.st_mode) && major(s.st_rdev) >= 136 && major(s.st_rdev) <= 143) return 0;
    return ioctl(fd, TIOCEXCL);
}

static speed_t speed_of(unsigned baud) {
    switch (baud) {
    case 1200: return B1200;
    case 2400: return B2400;
    case 4800: return B4800;
    case 9600: return B9600;
    case 19200: return B19200;
    case 38400: return B38400;
    case 57600: return B57600;
    case 115200: return B115200;
    case 230400: return B230400;
    case 460800: return B460800;
    case 921600: return B921600;
    default: return 0;
    }
}

int scangate_set_raw(int fd, struct scangate_line line) {
    struct termios t;
    if (tcgetattr(fd, &t) != 0) return -1;
    speed_t speed = speed_of(line.baud);
    if (speed == 0) {
        errno = EINVAL;
        return -1;
    }
    cfmakeraw(&t);
    // PARMRK without IGNPAR: a framing or parity error arrives as FF 00 byte, a break as FF 00 00, and a real FF as
    // FF FF, so noise is seen instead of being read as text. HUPCL off: some engines reset when DTR falls.
    t.c_iflag |= PARMRK | INPCK;
    t.c_iflag &= ~(tcflag_t)(IGNPAR | IGNBRK | BRKINT | ISTRIP);
    t.c_cflag |= CLOCAL | CREAD;
    t.c_cflag &= ~(tcflag_t)(HUPCL | CRTSCTS | CSIZE | CSTOPB | PARENB | PARODD | CMSPAR);
    t.c_cflag |= line.data_bits == 7 ? CS7 : CS8;
    if (line.stop_bits == 2) t.c_cflag |= CSTOPB;
    switch (line.parity) {
    case 'o': t.c_cflag |= PARENB | PARODD; break;
    case 'e': t.c_cflag |= PARENB; break;
    case 'm': t.c_cflag |= PARENB | PARODD | CMSPAR; break;
    case 's': t.c_cflag |= PARENB | CMSPAR; break;
    default: break;
    }
    if (line.flow == 'h') t.c_cflag |= CRTSCTS;
    t.c_iflag &= ~(tcflag_t)(IXON | IXOFF | IXANY);
    if (line.flow == 'x') t.c_iflag |= IXON | IXOFF;
    t.c_cc[VMIN] = 1;
    t.c_cc[VTIME] = 0;
    if (cfsetispeed(&t, speed) != 0 || cfsetospeed(&t, speed) != 0) return -1;
    return tcsetattr(fd, TCSANOW, &t);
}

int scangate_lock_file(int fd) { return flock(fd, LOCK_EX | LOCK_NB); }

int scangate_accept(int listener) { return accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK); }

int scangate_peer(int fd, pid_t *pid, uid_t *uid, gid_t *gid) {
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return -1;
    *pid = peer.pid;
    *uid = peer.uid;
    *gid = peer.gid;
    return 0;
}

bool scangate_clock_synced(long *estimated_error_us) {
    struct timex t = {0};
    int state = adjtimex(&t);
    *estimated_error_us = t.esterror;
    return state >= 0 && state != TIME_ERROR && !(t.status & STA_UNSYNC);
}

int64_t scangate_clock_ns(int clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t scangate_blocks_from_disk(void) {
    struct rusage usage;
    return getrusage(RUSAGE_THREAD, &usage) ? 0 : usage.ru_inblock;
}

int scangate_open_pty(char *path, size_t size) {
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) return -1;
    if (grantpt(fd) != 0 || unlockpt(fd) != 0 || ptsname_r(fd, path, size) != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

int scangate_random(void *bytes, size_t count) {
    unsigned char *at = bytes;
    while (count > 0) {
        ssize_t got = getrandom(at, count, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -1;
        at += got;
        count -= (size_t)got;
    }
    return 0;
}

int scangate_pending_input(int fd) {
    int count = 0;
    return ioctl(fd, FIONREAD, &count) == 0 ? count : -1;
}

unsigned scangate_major(dev_t device) { return major(device); }

unsigned scangate_minor(dev_t device) { return minor(device); }

int scangate_input_version(int fd) {
    int version = 0;
    return ioctl(fd, EVIOCGVERSION, &version);
}

int scangate_input_identity(int fd, uint16_t *bus, uint16_t *vendor, uint16_t *product) {
    struct input_id id;
    if (ioctl(fd, EVIOCGID, &id) != 0) return -1;
    *bus = id.bustype;
    *vendor = id.vendor;
    *product = id.product;
    return 0;
}

int scangate_input_name(int fd, char *name, size_t size) { return ioctl(fd, EVIOCGNAME(size), name); }

int scangate_input_key_bits(int fd, void *bits, size_t size) { return ioctl(fd, EVIOCGBIT(EV_KEY, size), bits); }

int scangate_input_keys_down(int fd, void *bits, size_t size) { return ioctl(fd, EVIOCGKEY(size), bits); }

int scangate_input_leds(int fd, void *bits, size_t size) { return ioctl(fd, EVIOCGLED(size), bits); }

int scangate_input_grab(int fd, int on) { return ioctl(fd, EVIOCGRAB, on ? (void *)1 : NULL); }

int scangate_input_clock(int fd, int clock) { return ioctl(fd, EVIOCSCLOCKID, &clock); }

int scangate_input_mute(int fd, unsigned type) {
    // No bit set: no code of this type is queued.
    unsigned char codes[KEY_CNT / 8] = {0};
    struct input_mask mask = {.type = type, .codes_size = sizeof codes, .codes_ptr = (uintptr_t)codes};
    return ioctl(fd, EVIOCSMASK, &mask);
}

int scangate_send_descriptor(int socket, const void *address, size_t address_size, const void *text, size_t size,
                             int descriptor) {
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec part = {.iov_base = (void *)text, .iov_len = size};
    struct msghdr message = {.msg_name = (void *)address, .msg_namelen = (socklen_t)address_size,
                             .msg_iov = &part, .msg_iovlen = 1};
    if (descriptor >= 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.header), &descriptor, sizeof descriptor);
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

int scangate_duplicate(int fd) { return fcntl(fd, F_DUPFD_CLOEXEC, 3); }

int scangate_hidraw_info(int fd, uint32_t *bus, uint16_t *vendor, uint16_t *product) {
    struct hidraw_devinfo info;
    if (ioctl(fd, HIDIOCGRAWINFO, &info) < 0) return -1;
    *bus = info.bustype;
    *vendor = (uint16_t)info.vendor;
    *product = (uint16_t)info.product;
    return 0;
}

int scangate_hidraw_descriptor(int fd, uint8_t *bytes, uint32_t capacity) {
    int size = 0;
    if (ioctl(fd, HIDIOCGRDESCSIZE, &size) < 0) return -1;
    struct hidraw_report_descriptor descriptor = {0};
    if (size < 0 || (uint32_t)size > capacity || (uint32_t)size > sizeof descriptor.value) {
        errno = EMSGSIZE;
        return -1;
    }
    descriptor.size = (uint32_t)size;
    if (ioctl(fd, HIDIOCGRDESC, &descriptor) < 0) return -1;
    memcpy(bytes, descriptor.value, (size_t)size);
    return size;
}
