#!/usr/bin/env python3
"""Runs in the guest: types on a gadget keyboard, as a scanner in keyboard mode does, with the scanner's own layout.

A line of the file is typed as a label with Enter after it.
"""
import argparse
import os
import sys
import time

SHIFT, ALT_GR = 0x02, 0x40
# HID usages of the keys, by row, from left to right; then what each layout has there without and with Shift.
ROWS = (
    (0x35, *range(0x1E, 0x28), 0x2D, 0x2E),
    (0x14, 0x1A, 0x08, 0x15, 0x17, 0x1C, 0x18, 0x0C, 0x12, 0x13, 0x2F, 0x30),
    (0x04, 0x16, 0x07, 0x09, 0x0A, 0x0B, 0x0D, 0x0E, 0x0F, 0x33, 0x34, 0x32),
    (0x64, 0x1D, 0x1B, 0x06, 0x19, 0x05, 0x11, 0x10, 0x36, 0x37, 0x38),
)
LAYOUTS = {
    "us": (("`1234567890-=", "qwertyuiop[]", "asdfghjkl;'\\", "\0zxcvbnm,./"),
           ("~!@#$%^&*()_+", "QWERTYUIOP{}", "ASDFGHJKL:\"|", "\0ZXCVBNM<>?"), {}, ""),
    "de": (("^1234567890ß´", "qwertzuiopü+", "asdfghjklöä#", "<yxcvbnm,.-"),
           ("°!\"§$%&/()=?`", "QWERTZUIOPÜ*", "ASDFGHJKLÖÄ'", ">YXCVBNM;:_"),
           {"@": "q", "€": "e", "{": "7", "[": "8", "]": "9", "}": "0", "\\": "ß", "~": "+", "|": "<", "µ": "m"}, "^´`"),
    "fr": (("²&é\"'(-è_çà)=", "azertyuiop\0$", "qsdfghjklmù*", "<wxcvbn,;:!"),
           ("\0" "1234567890°+", "AZERTYUIOP\0£", "QSDFGHJKLM%µ", ">WXCVBN?./§"),
           {"~": "é", "#": "\"", "{": "'", "[": "(", "|": "-", "`": "è", "\\": "_", "^": "ç", "@": "à", "]": ")",
            "}": "=", "€": "e"}, ""),
}
ENTER, TAB, SPACE = 0x28, 0x2B, 0x2C


def table(layout):
    """For each character the keys that type it: (modifiers, usage), two for a dead key."""
    plain, shifted, alt_gr, dead = LAYOUTS[layout]
    keys = {"\n": [(0, ENTER)], "\t": [(0, TAB)], " ": [(0, SPACE)]}
    for modifier, rows in ((0, plain), (SHIFT, shifted)):
        for usages, characters in zip(ROWS, rows):
            keys |= {character: [(modifier, usage)] for usage, character in zip(usages, characters) if character != "\0"}
    keys |= {character: [(ALT_GR, keys[key][0][1])] for character, key in alt_gr.items()}
    # A dead key waits for a letter; a space after it makes it a character of its own.
    return keys | {character: keys[character] + [(0, SPACE)] for character in dead}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("device", help="the keyboard's end, /dev/hidgN")
    parser.add_argument("file", help="labels, one a line, UTF-8")
    parser.add_argument("--layout", choices=sorted(LAYOUTS), default="us")
    parser.add_argument("--rate", type=float, default=100, help="keys a second; 0: as fast as the bus takes them")
    parser.add_argument("--stuck", metavar="KEY", help="a key that is down all the time, after the first label")
    parser.add_argument("--hold", type=float, default=0, metavar="SECONDS",
                        help="how long the last key before Enter is down: from 0.25 s on the kernel repeats it")
    options = parser.parse_args()
    keys = table(options.layout)
    with open(options.file, encoding="utf-8", newline="\n") as file:
        text = file.read()
    stuck = 0
    keyboard = os.open(options.device, os.O_RDWR)
    started, typed = time.monotonic(), 0

    def report(modifiers, usage):
        # Returns when the host has fetched the report: the bus sets the pace at most, and nothing is lost here.
        os.write(keyboard, bytes([modifiers, 0, usage, stuck, 0, 0, 0, 0]))

    for position, character in enumerate(text):
        if character not in keys:
            sys.exit(f"no key for {character!r} in layout {options.layout}")
        for modifiers, usage in keys[character]:
            report(modifiers, usage)
            if options.hold and text[position + 1:position + 2] == "\n":
                time.sleep(options.hold)
            report(0, 0)
            typed += 1
            if options.rate and (early := started + typed / options.rate - time.monotonic()) > 0:
                time.sleep(early)
        if character == "\n" and options.stuck:
            stuck = keys[options.stuck][0][1]
            report(0, 0)
    seconds = time.monotonic() - started
    print(f"typed {typed} keys in {seconds:.1f} s ({typed / max(seconds, 0.001):.0f}/s)")


if __name__ == "__main__":
    main()
