// The clocks of a program that this library is preloaded into, moved while it runs.
//
// `$SCANGATE_CLOCK_SHIFT` names a file of this form, which the test changes. The test's own clocks stay.
#pragma once
#include <stdint.h>

struct scangate_clock_shift {
    // Nanoseconds added to CLOCK_REALTIME, time(2) and gettimeofday(2).
    int64_t wall_ns;
    // What adjtimex(2) says of it: 0 the kernel's own word, 1 synced, 2 not synced.
    int64_t synced;
    // Nanoseconds added to CLOCK_BOOTTIME: how long the machine was suspended. Timers of that clock which are due by
    // then go off, as they do when a machine wakes.
    int64_t asleep_ns;
};
