#!/usr/bin/env python3
"""Runs in the guest: sends a file line by line over a serial line, as a scanner does.

With --ack the next one goes out when the gateway has said 0x06; without an answer for 3 s, or after 0x15, a worker scans
the same once more. Each such label is printed. With --kill N the daemon is killed (SIGKILL) right after every Nth answer.
"""
import argparse
import os
import select
import signal
import sys
import time

STORED, REFUSED = b"\x06", b"\x15"


def answer(line, seconds):
    """What comes back within the time: one byte, or nothing."""
    return os.read(line, 1) if select.select([line], [], [], seconds)[0] else b""


def send(line, label):
    """Until it is stored; how often it was sent again."""
    for repeats in range(100):
        os.write(line, label)
        said = answer(line, 3)
        if said == STORED:
            # The line keeps what is sent while nobody reads: both of two equal scans may be answered, and the second
            # answer is none for the next label.
            while repeats and answer(line, 1):
                pass
            return repeats
        if said == REFUSED:
            time.sleep(0.5)
    sys.exit(f"never stored: {label!r}")


def kill_daemon():
    with open("/sys/fs/cgroup/system.slice/scangate.service/cgroup.procs") as pids:
        for pid in pids:
            os.kill(int(pid), signal.SIGKILL)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("device", help="the scanner's end of the line")
    parser.add_argument("--gap-ms", type=float, default=0, help="pause after each line (default: none)")
    parser.add_argument("--ack", action="store_true")
    parser.add_argument("--kill", type=int, default=0, metavar="N")
    options = parser.parse_args()
    line = os.open(options.device, os.O_RDWR | os.O_NOCTTY)
    with open(options.file, "rb") as labels:
        for number, label in enumerate(labels, 1):
            if options.ack:
                if send(line, label):
                    print("again", label.decode().strip(), flush=True)
                if options.kill and number % options.kill == 0:
                    kill_daemon()
            else:
                os.write(line, label)
                time.sleep(options.gap_ms / 1000)


main()
