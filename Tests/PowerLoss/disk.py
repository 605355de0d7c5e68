"""A disk whose every write and flush is logged, and the disks that a power cut at any entry of that log may leave.

qemu-storage-daemon (blklogwrites) offers an image once more as a file, and logs what is written there. A disk after a power
cut has everything up to the last flush before the cut, and of the later writes

  none   nothing (a disk with a volatile cache),
  some   a random half of them, in any order (a disk that reorders),
  torn   a random half of their 4 KiB blocks (a write cut in the middle).

Mounting it replays ext4's journal, as a machine that starts again does. A write logged before a flush counts as flushed.
"""
import contextlib
import os
import shutil
import struct
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

# Format of the log: Linux Documentation/admin-guide/device-mapper/log-writes.rst
MAGIC = 0x6A736677736872
SUPERBLOCK = struct.Struct("<QQQI")  # magic, version, number of entries, sector size
ENTRY = struct.Struct("<QQQQ")  # sector, number of sectors, flags, length of a mark
FLUSH, FUA, DISCARD = 1, 2, 4
SECTOR = 512
LOG_BYTES = 64 << 30  # sparse
TEAR_BYTES = 4096
STYLES = ("none", "some", "torn")


class DiskError(Exception):
    """The disk could not be made, mounted or read; says which command failed and how."""


def missing():
    """Why logged disks cannot be had here, a sentence, or nothing."""
    os.environ["PATH"] += ":/usr/sbin:/sbin"  # a root shell made by plain `su` does not have them
    if os.geteuid() != 0:
        return "it mounts filesystems, which takes root"
    packages = {"qemu-storage-daemon": "qemu-system-common", "mke2fs": "e2fsprogs", "losetup": "mount",
                "setpriv": "util-linux", "cc": "gcc"}
    if lacking := {package for command, package in packages.items() if not shutil.which(command)}:
        return f"packages are missing: apt-get install --no-install-recommends {' '.join(sorted(lacking))}"
    if not Path("/dev/fuse").exists():
        return "/dev/fuse is missing: modprobe fuse"
    if not Path("/dev/loop-control").exists():
        return "/dev/loop-control is missing: modprobe loop"
    return None


def run(*command):
    result = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True)
    if result.returncode != 0:
        raise DiskError(f"{' '.join(map(str, command))}: {result.stdout.strip()}")


def make(image, mib):
    """A new ext4 filesystem with mke2fs's defaults."""
    image.touch()
    os.truncate(image, mib << 20)
    run("mke2fs", "-q", "-t", "ext4", "-E", "lazy_itable_init=0,lazy_journal_init=0", image)


@contextlib.contextmanager
def mounted(image, directory):
    """Mounts an image; the loop device goes with the mount."""
    run("mount", "-t", "ext4", "-o", "loop", image, directory)
    try:
        yield
    finally:
        # Whatever still runs there must not keep the filesystem: lazy as the last resort.
        if subprocess.run(["umount", directory], stderr=subprocess.DEVNULL).returncode != 0:
            run("umount", "--lazy", directory)


@dataclass
class Entry:
    """A logged write: where on the disk, how long, and where its data is in the log; all in bytes."""
    offset: int
    length: int
    flags: int
    position: int


@dataclass
class Log:
    """Reads the log, also while it is being written."""
    path: Path
    entries: list = field(default_factory=list)

    def __post_init__(self):
        self._file = open(self.path, "rb", buffering=0)
        self._next = SECTOR  # entries follow the superblock

    def position(self):
        """Reads the entries that were added; returns how many there are now."""
        while True:
            header = os.pread(self._file.fileno(), ENTRY.size, self._next)
            sector, sectors, flags, mark = ENTRY.unpack(header.ljust(ENTRY.size, b"\0"))
            if not (sector or sectors or flags or mark):
                # A write in flight leaves a hole that later entries may already have passed, but the superblock, which is
                # written with each flush, counts them: an ack must never look older than its own flush.
                return max(len(self.entries), self._counted())
            length = sectors * SECTOR if sectors and not flags & DISCARD else 0
            self.entries.append(Entry(sector * SECTOR, length, flags, self._next + SECTOR))
            self._next += SECTOR + length

    def _counted(self):
        magic, _, count, sector_size = SUPERBLOCK.unpack(os.pread(self._file.fileno(), SUPERBLOCK.size, 0))
        if magic != MAGIC or sector_size != SECTOR:
            raise DiskError(f"{self.path} is not a write log with {SECTOR}-byte sectors")
        return count

    def data(self, entry):
        return os.pread(self._file.fileno(), entry.length, entry.position)


@contextlib.contextmanager
def logged(base, directory, mount_point):
    """Mounts a copy of an image so that what is written there is logged; gives the log."""
    disk, log, export = (directory / name for name in ("disk.img", "write.log", "export.img"))
    run("cp", "--sparse=always", base, disk)
    for path in (log, export):
        path.write_bytes(b"")
    os.truncate(log, LOG_BYTES)
    messages = directory / "storage-daemon.log"
    with open(messages, "wb") as output:
        daemon = subprocess.Popen(
            # pdeathsig: it must not outlive this program, even if that is killed.
            ["setpriv", "--pdeathsig", "TERM", "qemu-storage-daemon",
             "--blockdev", f"driver=file,node-name=disk,filename={disk}",
             "--blockdev", f"driver=file,node-name=log,filename={log}",
             "--blockdev", "driver=blklogwrites,node-name=logged,file=disk,log=log",
             "--export", f"type=fuse,id=export,node-name=logged,mountpoint={export},writable=on"],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
    try:
        # Before the FUSE mount the file is still the empty one made above.
        _until("the logged disk", lambda: daemon.poll() is not None or export.stat().st_size > 0)
        if daemon.poll() is not None:
            raise DiskError(f"qemu-storage-daemon: {messages.read_text().strip()}")
        with mounted(export, mount_point):
            os.sync()
            yield Log(log)
        # umount returns before the loop device has let the file go.
        _until("the loop device to close", lambda: not subprocess.run(
            ["losetup", "-j", export], capture_output=True, text=True, check=True).stdout)
    finally:
        daemon.terminate()
        daemon.wait()


def _until(what, condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise DiskError(f"waited {seconds} s for {what}")
        time.sleep(0.01)


class CrashDisks:
    """Makes disk images at rising points of a log; what is flushed is applied once for all of them."""

    def __init__(self, log, base, directory):
        self._log = log
        self._durable, self.image = directory / "durable.img", directory / "crash.img"
        run("cp", "--sparse=always", base, self._durable)
        self._applied = 0

    def cut_power(self, point, style, chance):
        """Makes `image` what a power cut after `point` entries of the log may leave."""
        entries = self._log.entries
        flushed = max((i for i in range(self._applied, point) if entries[i].flags & FLUSH), default=self._applied)
        with open(self._durable, "r+b") as durable:
            for entry in entries[self._applied:flushed]:
                self._write(durable, entry, "all", chance)
        self._applied = flushed
        run("cp", "--sparse=always", self._durable, self.image)
        with open(self.image, "r+b") as image:
            for entry in entries[flushed:point]:
                self._write(image, entry, "all" if entry.flags & FUA else style, chance)

    def _write(self, image, entry, style, chance):
        if not entry.length or style == "none" or (style == "some" and chance.random() < 0.5):
            return
        data = self._log.data(entry)
        step = TEAR_BYTES if style == "torn" else len(data)
        for start in range(0, len(data), step):
            if style != "torn" or chance.random() < 0.5:
                image.seek(entry.offset + start)
                image.write(data[start:start + step])
