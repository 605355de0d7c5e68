#!/usr/bin/env python3
"""Runs in the guest: what is plugged into vivid's HDMI input, which is its own HDMI output ("Loop Video").

usage: hdmi_source.py INPUT OUTPUT WIDTH HEIGHT FILE     sends FILE, a frame in GREY, until it is killed
       hdmi_source.py INPUT OUTPUT                       pulls the cable
The input's driver tells its readers of the new source (V4L2_EVENT_SOURCE_CHANGE), and goes on in the old size until one of
them takes the new one over, as every HDMI receiver does (Linux Media: Digital Video (DV) Timings). Prints "sending" with
the first frame.
"""
import array
import fcntl
import os
import struct
import sys

# linux/videodev2.h, 64 bit
VIDIOC_S_FMT, VIDIOC_S_DV_TIMINGS, VIDIOC_ENUM_DV_TIMINGS = 0xC0D05605, 0xC0845657, 0xC0945662
VIDIOC_REQBUFS, VIDIOC_QBUF, VIDIOC_DQBUF, VIDIOC_STREAMON = 0xC0145608, 0xC058560F, 0xC0585611, 0x40045612
VIDIOC_QUERYCTRL, VIDIOC_QUERYMENU, VIDIOC_S_CTRL, NEXT = 0xC0445624, 0xC02C5625, 0xC008561C, 0x80000000
BUF_TYPE_VIDEO_OUTPUT, FIELD_NONE, MEMORY_USERPTR = 2, 1, 2
# vivid's "DV Timings Signal Mode"
NO_SIGNAL, SELECTED = 1, 4


def controls(device):
    """The numbers of a device's controls by their names."""
    found, number = {}, 0
    while True:
        query = bytearray(struct.pack("<I", number | NEXT).ljust(68, b"\0"))
        try:
            fcntl.ioctl(device, VIDIOC_QUERYCTRL, query)
        except OSError:
            return found
        (number,) = struct.unpack_from("<I", query)
        found[query[8:40].split(b"\0")[0].decode()] = number


def choice(device, control, start):
    """The place in a menu of what begins like this."""
    for place in range(256):
        item = bytearray(struct.pack("<2I", control, place).ljust(44, b"\0"))
        fcntl.ioctl(device, VIDIOC_QUERYMENU, item)
        if item[8:40].split(b"\0")[0].decode().startswith(start):
            return place
    sys.exit(f"the input has no {start}")


def begin(output, width, height, size):
    """Sets what the output sends."""
    for place in range(256):
        offer = bytearray(struct.pack("<I", place).ljust(148, b"\0"))
        fcntl.ioctl(output, VIDIOC_ENUM_DV_TIMINGS, offer)
        # struct v4l2_bt_timings: width, height, whether interlaced
        if struct.unpack_from("<3I", offer, 20) == (width, height, 0):
            break
    fcntl.ioctl(output, VIDIOC_S_DV_TIMINGS, offer[16:])
    wanted = bytearray(struct.pack("<II4I2I", BUF_TYPE_VIDEO_OUTPUT, 0, width, height, int.from_bytes(b"GREY", "little"),
                                   FIELD_NONE, 0, size).ljust(208, b"\0"))
    fcntl.ioctl(output, VIDIOC_S_FMT, wanted)
    if struct.unpack_from("<2I", wanted, 8) != (width, height):
        sys.exit(f"the output does not take {width}x{height}")


def send(output, frame):
    """Sends a frame for ever, from one piece of memory. (vivid refuses write(), and there is no module mmap here.)"""
    memory = array.array("B", frame)
    address, size = memory.buffer_info()
    fcntl.ioctl(output, VIDIOC_REQBUFS, bytearray(struct.pack("<5I", 4, BUF_TYPE_VIDEO_OUTPUT, MEMORY_USERPTR, 0, 0)))

    def queue(index):
        # struct v4l2_buffer: timestamp and timecode stay empty
        buffer = struct.pack("<5I36xII QI12x", index, BUF_TYPE_VIDEO_OUTPUT, size, 0, FIELD_NONE, 0, MEMORY_USERPTR,
                             address, size)
        fcntl.ioctl(output, VIDIOC_QBUF, bytearray(buffer))

    for index in range(4):
        queue(index)
    fcntl.ioctl(output, VIDIOC_STREAMON, struct.pack("<i", BUF_TYPE_VIDEO_OUTPUT))
    print("sending", flush=True)
    while True:
        done = bytearray(struct.pack("<2I52xI24x", 0, BUF_TYPE_VIDEO_OUTPUT, MEMORY_USERPTR))
        fcntl.ioctl(output, VIDIOC_DQBUF, done)
        queue(struct.unpack_from("<I", done)[0])


def main():
    source, sink, *what = sys.argv[1:]
    camera = os.open(source, os.O_RDWR)
    names = controls(camera)

    def control(name, value):
        fcntl.ioctl(camera, VIDIOC_S_CTRL, struct.pack("<Ii", names[name], value))

    if not what:
        return control("DV Timings Signal Mode", NO_SIGNAL)
    width, height, path = int(what[0]), int(what[1]), what[2]
    with open(path, "rb") as file:
        frame = file.read()
    output = os.open(sink, os.O_RDWR)
    begin(output, width, height, len(frame))
    control("Loop Video", 1)
    control("DV Timings", choice(camera, names["DV Timings"], f"{width}x{height}p"))
    control("DV Timings Signal Mode", SELECTED)
    send(output, frame)


main()
