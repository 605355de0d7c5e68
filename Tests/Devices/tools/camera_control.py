#!/usr/bin/env python3
"""Runs in the guest: sets a control of a camera by its name. usage: camera_control.py DEVICE NAME VALUE"""
import fcntl
import os
import struct
import sys

# linux/videodev2.h, 64 bit
VIDIOC_QUERYCTRL, VIDIOC_S_CTRL, NEXT = 0xC0445624, 0xC008561C, 0x80000000

device, wanted, value = sys.argv[1:]
camera = os.open(device, os.O_RDWR)
control = 0
while True:
    # struct v4l2_queryctrl: id, type, name of 32 bytes, and 28 bytes that say what it takes
    query = bytearray(struct.pack("<I", control | NEXT).ljust(68, b"\0"))
    try:
        fcntl.ioctl(camera, VIDIOC_QUERYCTRL, query)
    except OSError:
        sys.exit(f"{device} has no control {wanted}")
    (control,) = struct.unpack_from("<I", query)
    if query[8:40].split(b"\0")[0].decode() == wanted:
        break
fcntl.ioctl(camera, VIDIOC_S_CTRL, struct.pack("<Ii", control, int(value)))
