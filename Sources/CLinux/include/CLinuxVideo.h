// Video4Linux 2 (linux/videodev2.h): single-planar capture by mapped buffers. Each call is an ioctl, asked again after a
// signal, and returns -1 with errno unless it says otherwise. Part of CLinux.h.
#pragma once
#include <stdint.h>

// Every text here has room for 33 bytes, its NUL among them. `capabilities` are this node's own, not the whole device's.
int scangate_video_identity(int fd, char *driver, char *card, char *bus, uint32_t *capabilities);
enum { SCANGATE_VIDEO_CAPTURE = 0x1, SCANGATE_VIDEO_STREAMING = 0x04000000 };

// What is offered, by index from 0; -1 and EINVAL after the last.
int scangate_video_format(int fd, uint32_t index, uint32_t *format, char *description);
enum { SCANGATE_VIDEO_DISCRETE = 1, SCANGATE_VIDEO_CONTINUOUS = 2, SCANGATE_VIDEO_STEPWISE = 3 };
// Of a discrete size smallest and largest are the same.
struct scangate_video_size {
    uint32_t kind, width, height, most_width, most_height, step_width, step_height;
};
int scangate_video_size(int fd, uint32_t format, uint32_t index, struct scangate_video_size *size);
// The time between frames, as fractions of a second; of a discrete one shortest and longest are the same.
struct scangate_video_interval {
    uint32_t kind, shortest, shortest_of, longest, longest_of;
};
int scangate_video_interval(int fd, uint32_t format, uint32_t width, uint32_t height, uint32_t index,
                            struct scangate_video_interval *interval);

// What is in force. Setting changes the struct to what the driver has made of the wish; no interlacing is asked for.
struct scangate_video_picture {
    uint32_t format, width, height, stride, size, field;
};
enum { SCANGATE_VIDEO_PROGRESSIVE = 1 };
int scangate_video_set_picture(int fd, struct scangate_video_picture *picture);
int scangate_video_get_picture(int fd, struct scangate_video_picture *picture);
int scangate_video_set_interval(int fd, uint32_t *numerator, uint32_t *denominator);

// Controls; `after` is 0 or the id of the one before, -1 and EINVAL after the last.
struct scangate_video_control {
    uint32_t id, type, flags;
    int64_t least, most, step, initial;
    char name[33];
};
int scangate_video_next_control(int fd, uint32_t after, struct scangate_video_control *control);
int scangate_video_query_control(int fd, uint32_t id, struct scangate_video_control *control);
// The name as a C string: Swift sees the array as a tuple.
const char *scangate_video_control_name(const struct scangate_video_control *control);
int scangate_video_menu(int fd, uint32_t id, uint32_t index, char *name);
int scangate_video_get_control(int fd, uint32_t id, int32_t *value);
int scangate_video_set_control(int fd, uint32_t id, int32_t value);
enum {
    SCANGATE_VIDEO_INTEGER = 1, SCANGATE_VIDEO_BOOLEAN = 2, SCANGATE_VIDEO_MENU = 3, SCANGATE_VIDEO_BUTTON = 4,
    SCANGATE_VIDEO_INTEGER64 = 5, SCANGATE_VIDEO_CLASS = 6, SCANGATE_VIDEO_STRING = 7, SCANGATE_VIDEO_INTEGER_MENU = 9,
    SCANGATE_VIDEO_DISABLED = 0x1, SCANGATE_VIDEO_READ_ONLY = 0x4, SCANGATE_VIDEO_INACTIVE = 0x10
};

// Buffers: 0 gives them back.
int scangate_video_request_buffers(int fd, uint32_t *count);
int scangate_video_buffer_place(int fd, uint32_t index, uint32_t *offset, uint32_t *length);
int scangate_video_queue(int fd, uint32_t index);
struct scangate_video_frame {
    uint32_t index, used, flags, sequence;
    int64_t microseconds;
};
enum { SCANGATE_VIDEO_CORRUPT = 0x40 };
// EAGAIN where none is there.
int scangate_video_dequeue(int fd, struct scangate_video_frame *frame);
int scangate_video_stream(int fd, int on);
// Has an HDMI or DVI input take over what comes into it; 0 too for what has no such input.
int scangate_video_follow_source(int fd);
// Has changes of what the camera sees told by POLLPRI; drivers without such changes refuse.
int scangate_video_watch_source(int fd);
// Takes one event off: whether the source has changed (1) or not (0).
int scangate_video_next_event(int fd);
