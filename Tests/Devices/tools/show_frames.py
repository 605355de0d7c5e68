#!/usr/bin/env python3
"""Runs in the guest: a camera (v4l2loopback) that shows frames, one after the other.

usage: show_frames.py DEVICE WIDTH HEIGHT FOURCC RATE FILE:COUNT...
Each FILE holds one frame in the bytes of that format. COUNT frames of it are shown; 0 means until it is killed. Prints
"showing" with the first frame, and the line "at FILE" with the first frame of each.
"""
import fcntl
import os
import struct
import sys
import time

# linux/videodev2.h, 64 bit
VIDIOC_S_FMT = 0xC0D05605
BUF_TYPE_VIDEO_OUTPUT, FIELD_NONE = 2, 1


def open_camera(path, width, height, fourcc, size):
    camera = os.open(path, os.O_RDWR)
    wanted = struct.pack("<II4I2I", BUF_TYPE_VIDEO_OUTPUT, 0, width, height, int.from_bytes(fourcc.encode(), "little"),
                         FIELD_NONE, 0, size)
    granted = bytearray(wanted.ljust(208, b"\0"))
    fcntl.ioctl(camera, VIDIOC_S_FMT, granted)
    if struct.unpack_from("<2I", granted, 8) != (width, height):
        sys.exit(f"{path} does not take {width}x{height}")
    return camera


def main():
    device, width, height, fourcc, rate, *script = sys.argv[1:]
    steps = []
    for step in script:
        path, _, count = step.rpartition(":")
        with open(path, "rb") as file:
            steps.append((path, int(count), file.read()))
    camera = open_camera(device, int(width), int(height), fourcc, max(len(data) for _, _, data in steps))
    due = time.monotonic()
    for position, (path, count, data) in enumerate(steps):
        shown = 0
        while count == 0 or shown < count:
            os.write(camera, data)
            if not shown:
                print("showing" if not position else f"at {path}", flush=True)
            shown += 1
            due += 1 / float(rate)
            time.sleep(max(0, due - time.monotonic()))


main()
