#!/usr/bin/env python3
"""Runs in a test machine: records an input device's events as text, one a line: microseconds, type, code, value.

usage: record.py NODE SECONDS [STALL]     ends after SECONDS without an event, or when the device goes; reads nothing for
                                          STALL seconds after the grab, so that the kernel's queue overflows
"""

import fcntl
import os
import select
import struct
import sys
import time

EVENT = struct.Struct("llHHi")
EVIOCGRAB, EVIOCSCLOCKID = 0x40044590, 0x400445A0


def main() -> int:
    node, silence = sys.argv[1], float(sys.argv[2])
    descriptor = os.open(node, os.O_RDONLY)
    fcntl.ioctl(descriptor, EVIOCSCLOCKID, struct.pack("i", time.CLOCK_BOOTTIME))
    fcntl.ioctl(descriptor, EVIOCGRAB, 1)
    print("# ready", flush=True)
    if len(sys.argv) > 3:
        time.sleep(float(sys.argv[3]))
    first, wait = None, 30.0
    while select.select([descriptor], [], [], wait)[0]:
        wait = silence
        try:
            data = os.read(descriptor, EVENT.size * 40)
        except OSError as error:
            print(f"# {error.strerror}")
            break
        for seconds, microseconds, kind, code, value in EVENT.iter_unpack(data):
            now = seconds * 1_000_000 + microseconds
            first = now if first is None else first
            print(now - first, kind, code, value)
    return 0


if __name__ == "__main__":
    sys.exit(main())
