#!/usr/bin/env python3
"""Runs in the guest, inside the unit (ExecStartPost=): tries to open every node below /dev, prints those that it could.

Lines "reach NAME MODE PATH": MODE is r or rw; NAME is the argument.
"""
import os
import stat
import sys

for directory, _, names in os.walk("/dev"):
    for path in sorted(os.path.join(directory, name) for name in names):
        try:
            kind = os.stat(path).st_mode
        except OSError:
            continue
        if not stat.S_ISCHR(kind) and not stat.S_ISBLK(kind) or os.path.islink(path):
            continue
        # Nodes that act when they are opened: a watchdog's would start it.
        if os.path.basename(path).startswith("watchdog"):
            continue
        modes = []
        for mode, flags in (("r", os.O_RDONLY), ("rw", os.O_RDWR)):
            try:
                os.close(os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY))
                modes.append(mode)
            except OSError:
                pass
        if modes:
            print("reach", sys.argv[1], modes[-1], path, flush=True)
print("reach", sys.argv[1], "end", "-", flush=True)
