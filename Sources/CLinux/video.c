#include "CLinux.h"

#include <errno.h>
#include <linux/videodev2.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#define SAME(ours, theirs) _Static_assert((int)(ours) == (int)(theirs), "videodev2.h")
SAME(SCANGATE_VIDEO_CAPTURE, V4L2_CAP_VIDEO_CAPTURE);
SAME(SCANGATE_VIDEO_STREAMING, V4L2_CAP_STREAMING);
SAME(SCANGATE_VIDEO_DISCRETE, V4L2_FRMSIZE_TYPE_DISCRETE);
SAME(SCANGATE_VIDEO_CONTINUOUS, V4L2_FRMSIZE_TYPE_CONTINUOUS);
SAME(SCANGATE_VIDEO_STEPWISE, V4L2_FRMSIZE_TYPE_STEPWISE);
SAME(SCANGATE_VIDEO_DISCRETE, V4L2_FRMIVAL_TYPE_DISCRETE);
SAME(SCANGATE_VIDEO_PROGRESSIVE, V4L2_FIELD_NONE);
SAME(SCANGATE_VIDEO_CORRUPT, V4L2_BUF_FLAG_ERROR);
SAME(SCANGATE_VIDEO_INTEGER, V4L2_CTRL_TYPE_INTEGER);
SAME(SCANGATE_VIDEO_BOOLEAN, V4L2_CTRL_TYPE_BOOLEAN);
SAME(SCANGATE_VIDEO_MENU, V4L2_CTRL_TYPE_MENU);
SAME(SCANGATE_VIDEO_BUTTON, V4L2_CTRL_TYPE_BUTTON);
SAME(SCANGATE_VIDEO_INTEGER64, V4L2_CTRL_TYPE_INTEGER64);
SAME(SCANGATE_VIDEO_CLASS, V4L2_CTRL_TYPE_CTRL_CLASS);
SAME(SCANGATE_VIDEO_STRING, V4L2_CTRL_TYPE_STRING);
SAME(SCANGATE_VIDEO_INTEGER_MENU, V4L2_CTRL_TYPE_INTEGER_MENU);
SAME(SCANGATE_VIDEO_DISABLED, V4L2_CTRL_FLAG_DISABLED);
SAME(SCANGATE_VIDEO_READ_ONLY, V4L2_CTRL_FLAG_READ_ONLY);
SAME(SCANGATE_VIDEO_INACTIVE, V4L2_CTRL_FLAG_INACTIVE);

static int ask(int fd, unsigned long request, void *argument) {
    int result;
    do result = ioctl(fd, request, argument);
    while (result < 0 && errno == EINTR);
    return result < 0 ? -1 : 0;
}

static void text(char *to, const void *from, size_t size) {
    memcpy(to, from, size);
    to[size] = 0;
}

int scangate_video_identity(int fd, char *driver, char *card, char *bus, uint32_t *capabilities) {
    struct v4l2_capability answer = {0};
    if (ask(fd, VIDIOC_QUERYCAP, &answer) < 0) return -1;
    text(driver, answer.driver, sizeof answer.driver);
    text(card, answer.card, sizeof answer.card);
    text(bus, answer.bus_info, sizeof answer.bus_info);
    *capabilities = answer.capabilities & V4L2_CAP_DEVICE_CAPS ? answer.device_caps : answer.capabilities;
    return 0;
}

int scangate_video_format(int fd, uint32_t index, uint32_t *format, char *description) {
    struct v4l2_fmtdesc answer = {.index = index, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
    if (ask(fd, VIDIOC_ENUM_FMT, &answer) < 0) return -1;
    *format = answer.pixelformat;
    text(description, answer.description, sizeof answer.description);
    return 0;
}

int scangate_video_size(int fd, uint32_t format, uint32_t index, struct scangate_video_size *size) {
    struct v4l2_frmsizeenum answer = {.index = index, .pixel_format = format};
    if (ask(fd, VIDIOC_ENUM_FRAMESIZES, &answer) < 0) return -1;
    if (answer.type == V4L2_FRMSIZE_TYPE_DISCRETE) {
        *size = (struct scangate_video_size){answer.type, answer.discrete.width, answer.discrete.height,
                                             answer.discrete.width, answer.discrete.height, 1, 1};
    } else {
        const struct v4l2_frmsize_stepwise *range = &answer.stepwise;
        *size = (struct scangate_video_size){answer.type,       range->min_width,  range->min_height, range->max_width,
                                             range->max_height, range->step_width, range->step_height};
    }
    return 0;
}

int scangate_video_interval(int fd, uint32_t format, uint32_t width, uint32_t height, uint32_t index,
                            struct scangate_video_interval *interval) {
    struct v4l2_frmivalenum answer = {.index = index, .pixel_format = format, .width = width, .height = height};
    if (ask(fd, VIDIOC_ENUM_FRAMEINTERVALS, &answer) < 0) return -1;
    struct v4l2_fract shortest = answer.discrete, longest = answer.discrete;
    if (answer.type != V4L2_FRMIVAL_TYPE_DISCRETE) {
        shortest = answer.stepwise.min;
        longest = answer.stepwise.max;
    }
    *interval = (struct scangate_video_interval){answer.type, shortest.numerator, shortest.denominator,
                                                 longest.numerator, longest.denominator};
    return 0;
}

static void take(const struct v4l2_format *from, struct scangate_video_picture *to) {
    const struct v4l2_pix_format *picture = &from->fmt.pix;
    *to = (struct scangate_video_picture){picture->pixelformat,  picture->width,     picture->height,
                                          picture->bytesperline, picture->sizeimage, picture->field};
}

int scangate_video_set_picture(int fd, struct scangate_video_picture *picture) {
    struct v4l2_format format = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
    format.fmt.pix.width = picture->width;
    format.fmt.pix.height = picture->height;
    format.fmt.pix.pixelformat = picture->format;
    format.fmt.pix.field = V4L2_FIELD_NONE;
    if (ask(fd, VIDIOC_S_FMT, &format) < 0) return -1;
    take(&format, picture);
    return 0;
}

int scangate_video_get_picture(int fd, struct scangate_video_picture *picture) {
    struct v4l2_format format = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
    if (ask(fd, VIDIOC_G_FMT, &format) < 0) return -1;
    take(&format, picture);
    return 0;
}

int scangate_video_set_interval(int fd, uint32_t *numerator, uint32_t *denominator) {
    struct v4l2_streamparm parameters = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE};
    struct v4l2_fract *interval = &parameters.parm.capture.timeperframe;
    interval->numerator = *numerator;
    interval->denominator = *denominator;
    if (ask(fd, VIDIOC_S_PARM, &parameters) < 0) return -1;
    *numerator = interval->numerator;
    *denominator = interval->denominator;
    return 0;
}

int scangate_video_query_control(int fd, uint32_t id, struct scangate_video_control *control) {
    struct v4l2_query_ext_ctrl answer = {.id = id};
    if (ask(fd, VIDIOC_QUERY_EXT_CTRL, &answer) < 0) return -1;
    *control = (struct scangate_video_control){.id = answer.id, .type = answer.type, .flags = answer.flags,
                                               .least = answer.minimum, .most = answer.maximum,
                                               .step = (int64_t)answer.step, .initial = answer.default_value};
    text(control->name, answer.name, sizeof answer.name);
    return 0;
}

int scangate_video_next_control(int fd, uint32_t after, struct scangate_video_control *control) {
    return scangate_video_query_control(fd, after | V4L2_CTRL_FLAG_NEXT_CTRL, control);
}

const char *scangate_video_control_name(const struct scangate_video_control *control) { return control->name; }

int scangate_video_menu(int fd, uint32_t id, uint32_t index, char *name) {
    struct v4l2_querymenu answer = {.id = id, .index = index};
    struct scangate_video_control control;
    if (scangate_video_query_control(fd, id, &control) < 0 || ask(fd, VIDIOC_QUERYMENU, &answer) < 0) return -1;
    if (control.type == V4L2_CTRL_TYPE_INTEGER_MENU)
        snprintf(name, 33, "%lld", (long long)answer.value);
    else
        text(name, answer.name, sizeof answer.name);
    return 0;
}

int scangate_video_get_control(int fd, uint32_t id, int32_t *value) {
    struct v4l2_control control = {.id = id};
    if (ask(fd, VIDIOC_G_CTRL, &control) < 0) return -1;
    *value = control.value;
    return 0;
}

int scangate_video_set_control(int fd, uint32_t id, int32_t value) {
    struct v4l2_control control = {.id = id, .value = value};
    return ask(fd, VIDIOC_S_CTRL, &control);
}

int scangate_video_request_buffers(int fd, uint32_t *count) {
    struct v4l2_requestbuffers request = {.count = *count, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
                                          .memory = V4L2_MEMORY_MMAP};
    if (ask(fd, VIDIOC_REQBUFS, &request) < 0) return -1;
    *count = request.count;
    return 0;
}

int scangate_video_buffer_place(int fd, uint32_t index, uint32_t *offset, uint32_t *length) {
    struct v4l2_buffer buffer = {.index = index, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP};
    if (ask(fd, VIDIOC_QUERYBUF, &buffer) < 0) return -1;
    *offset = buffer.m.offset;
    *length = buffer.length;
    return 0;
}

int scangate_video_queue(int fd, uint32_t index) {
    struct v4l2_buffer buffer = {.index = index, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP};
    return ask(fd, VIDIOC_QBUF, &buffer);
}

int scangate_video_dequeue(int fd, struct scangate_video_frame *frame) {
    struct v4l2_buffer buffer = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP};
    if (ask(fd, VIDIOC_DQBUF, &buffer) < 0) return -1;
    *frame = (struct scangate_video_frame){buffer.index, buffer.bytesused, buffer.flags, buffer.sequence,
                                           (int64_t)buffer.timestamp.tv_sec * 1000000 + buffer.timestamp.tv_usec};
    return 0;
}

int scangate_video_stream(int fd, int on) {
    int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    return ask(fd, on ? VIDIOC_STREAMON : VIDIOC_STREAMOFF, &type);
}

int scangate_video_follow_source(int fd) {
    int number;
    struct v4l2_input input = {0};
    struct v4l2_dv_timings timings = {0};
    // What has no such input sends what it is told to send.
    if (ask(fd, VIDIOC_G_INPUT, &number) < 0) return 0;
    input.index = (uint32_t)number;
    if (ask(fd, VIDIOC_ENUMINPUT, &input) < 0 || !(input.capabilities & V4L2_IN_CAP_DV_TIMINGS)) return 0;
    if (ask(fd, VIDIOC_QUERY_DV_TIMINGS, &timings) < 0) return -1;
    return ask(fd, VIDIOC_S_DV_TIMINGS, &timings);
}

int scangate_video_watch_source(int fd) {
    struct v4l2_event_subscription wish = {.type = V4L2_EVENT_SOURCE_CHANGE};
    return ask(fd, VIDIOC_SUBSCRIBE_EVENT, &wish);
}

int scangate_video_next_event(int fd) {
    struct v4l2_event event = {0};
    if (ask(fd, VIDIOC_DQEVENT, &event) < 0) return -1;
    return event.type == V4L2_EVENT_SOURCE_CHANGE && (event.u.src_change.changes & V4L2_EVENT_SRC_CH_RESOLUTION);
}
