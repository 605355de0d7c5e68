#define _GNU_SOURCE
#include "ClockShift.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

static const struct scangate_clock_shift none;
static const volatile struct scangate_clock_shift *shift = &none;

static void add(struct timespec *t, int64_t ns) {
    int64_t sum = (int64_t)t->tv_sec * 1000000000 + t->tv_nsec + ns;
    t->tv_sec = sum / 1000000000;
    t->tv_nsec = sum % 1000000000;
    if (t->tv_nsec < 0) {
        t->tv_nsec += 1000000000;
        t->tv_sec -= 1;
    }
}

int clock_gettime(clockid_t clock, struct timespec *t) {
    int status = (int)syscall(SYS_clock_gettime, clock, t);
    if (status == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) add(t, shift->wall_ns);
    if (status == 0 && clock == CLOCK_BOOTTIME) add(t, shift->asleep_ns);
    return status;
}

time_t time(time_t *out) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    if (out) *out = t.tv_sec;
    return t.tv_sec;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone) {
    (void)zone;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    out->tv_sec = t.tv_sec;
    out->tv_usec = t.tv_nsec / 1000;
    return 0;
}

int adjtimex(struct timex *t) {
    int state = (int)syscall(SYS_adjtimex, t);
    if (shift->synced == 1) {
        t->status &= ~STA_UNSYNC;
        return TIME_OK;
    }
    if (shift->synced == 2) {
        t->status |= STA_UNSYNC;
        return TIME_ERROR;
    }
    return state;
}

// Timers of CLOCK_BOOTTIME: the program's deadlines are in its own time, the kernel's are not.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    int is_boot, is_armed;
    struct itimerspec due;
} timers[1024];

// With the lock held.
static int arm(int fd) {
    struct itimerspec own = timers[fd].due;
    add(&own.it_value, -shift->asleep_ns);
    // A time before the machine's start is no deadline, and 0 would be none at all.
    if (own.it_value.tv_sec <= 0) own.it_value = (struct timespec){0, 1};
    return (int)syscall(SYS_timerfd_settime, fd, TFD_TIMER_ABSTIME, &own, NULL);
}

int timerfd_create(int clock, int flags) {
    int fd = (int)syscall(SYS_timerfd_create, clock, flags);
    pthread_mutex_lock(&lock);
    if (fd >= 0 && fd < 1024) {
        timers[fd].is_boot = clock == CLOCK_BOOTTIME;
        timers[fd].is_armed = 0;
    }
    pthread_mutex_unlock(&lock);
    return fd;
}

int timerfd_settime(int fd, int flags, const struct itimerspec *due, struct itimerspec *old) {
    if (fd < 0 || fd >= 1024 || !timers[fd].is_boot || !(flags & TFD_TIMER_ABSTIME) || old)
        return (int)syscall(SYS_timerfd_settime, fd, flags, due, old);
    pthread_mutex_lock(&lock);
    timers[fd].due = *due;
    timers[fd].is_armed = due->it_value.tv_sec != 0 || due->it_value.tv_nsec != 0;
    int status = timers[fd].is_armed ? arm(fd) : (int)syscall(SYS_timerfd_settime, fd, flags, due, NULL);
    pthread_mutex_unlock(&lock);
    return status;
}

static void *wake_up(void *unused) {
    (void)unused;
    for (int64_t known = shift->asleep_ns;; known = shift->asleep_ns) {
        while (shift->asleep_ns == known) usleep(5000);
        pthread_mutex_lock(&lock);
        for (int fd = 0; fd < 1024; fd++)
            if (timers[fd].is_armed) arm(fd);
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("SCANGATE_CLOCK_SHIFT");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *memory = mmap(NULL, sizeof none, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (memory == MAP_FAILED) return;
    shift = memory;
    // The program's signals are for its own threads.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    if (pthread_create(&thread, NULL, wake_up, NULL) == 0) pthread_detach(thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}
