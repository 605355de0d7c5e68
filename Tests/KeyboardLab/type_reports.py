#!/usr/bin/env python3
"""Runs in a test machine: writes raw boot keyboard reports to a gadget, as hex: modifiers and keys, a report a word.

usage: type_reports.py /dev/hidgN 02:16 00 ...      02:16 is Shift and S, 00 all up, 0.8s a pause
"""

import os
import sys
import time


def main() -> int:
    gadget = os.open(sys.argv[1], os.O_RDWR)
    for word in sys.argv[2:]:
        if word.endswith("s"):
            time.sleep(float(word[:-1]))
            continue
        modifiers, _, keys = word.partition(":")
        os.write(gadget, (bytes([int(modifiers, 16), 0]) + bytes.fromhex(keys)).ljust(8, b"\0"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
