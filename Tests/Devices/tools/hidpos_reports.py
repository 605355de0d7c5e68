#!/usr/bin/env python3
"""Runs in the guest: sends labels as a HID point-of-sale scanner does; one of more than 56 bytes takes several reports.

usage: hidpos_reports.py DEVICE FILE [AIM_IDENTIFIER]        a label a line
"""
import os
import sys

REPORT_ID = 2
# As in the report descriptor in `gadget`.
DATA_BYTES = 56


def reports(label, aim):
    """Each: id, length, AIM identifier, data, the maker's symbology, whether the next one goes on."""
    parts = [label[i:i + DATA_BYTES] for i in range(0, len(label), DATA_BYTES)] or [b""]
    for number, part in enumerate(parts, 1):
        yield bytes([REPORT_ID, len(part)]) + aim + part.ljust(DATA_BYTES, b"\0") + bytes([0, number < len(parts)])


def main():
    device, file = sys.argv[1:3]
    aim = (sys.argv[3] if len(sys.argv) > 3 else "]Q1").encode()
    scanner = os.open(device, os.O_RDWR)
    with open(file, "rb") as labels:
        for label in labels:
            for report in reports(label.rstrip(b"\n"), aim):
                os.write(scanner, report)


main()
