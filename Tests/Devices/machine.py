#!/usr/bin/env python3
"""A virtual machine of QEMU's with a snapshot, on a disk of its own; prepare runs this file to make the first snapshot.

QEMU emulates the processor (TCG): KVM is not needed, and the machine is the same everywhere; it has about a tenth of the
host's speed. Start machines from the main thread: the kernel ends QEMU with the thread that started it.
"""
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MEMORY_MIB = 768


class MachineError(Exception):
    """The machine did not do what was asked; the message has what it said."""


def connect(path, seconds):
    """A connection to a socket of QEMU's, which may not be there yet."""
    end = time.monotonic() + seconds
    while True:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(str(path))
            return connection
        except OSError:
            connection.close()
            if time.monotonic() >= end:
                raise
            time.sleep(0.02)


class Machine:
    """One running machine, made from the files of `prepare`; ends as if the plug were pulled."""

    def __init__(self, files, image=None, snapshot="booted", copy=True):
        """Goes on from a snapshot in a copy of `image`, or in itself; boots where no snapshot is named."""
        self.files = Path(files)
        # In the temporary directory: the path of a socket has at most 107 bytes.
        self.directory = Path(tempfile.mkdtemp(prefix="scangate-devices-"))
        self.sockets = []
        self.qemu = None
        try:
            self._start(Path(image or self.files / "snapshot.qcow2"), snapshot, copy)
        except BaseException:
            self.close()
            raise

    def _start(self, image, snapshot, copy):
        disk = image
        if copy:
            disk = self.directory / "disk.qcow2"
            subprocess.run(["cp", "--reflink=auto", "--sparse=always", image, disk], check=True)

        def channel(name):
            return f"socket,id={name},path={self.directory / name},server=on,wait=off"

        # A snapshot can be loaded only with exactly these devices: what a check needs besides is plugged in later.
        command = [
            "setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max",
            "-smp", "2", "-m", str(MEMORY_MIB), "-machine", "pc", "-nodefaults", "-display", "none", "-no-reboot",
            "-kernel", str(self.files / "vmlinuz"), "-initrd", str(self.files / "initrd.gz"),
            "-append", "console=ttyS0 quiet loglevel=3 panic=-1 mitigations=off systemd.show_status=0",
            "-drive", f"file={disk},format=qcow2,if=virtio,cache=unsafe",
            "-device", "virtio-rng-pci", "-device", "qemu-xhci,id=xhci", "-device", "virtio-serial-pci",
            "-chardev", channel("shell"), "-device", "virtconsole,chardev=shell",
            "-chardev", channel("data"), "-device", "virtserialport,chardev=data,name=harness.data",
            "-serial", f"file:{self.directory / 'console.log'}",
            "-qmp", f"unix:{self.directory / 'qmp'},server=on,wait=off",
        ]
        if snapshot:
            command += ["-loadvm", snapshot]
        with open(self.directory / "qemu.log", "wb") as log:
            # A session of its own: Ctrl-C reaches this program alone, which then ends things in order.
            self.qemu = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self._qmp = self.connect("qmp").makefile("rwb", buffering=0)
        self._qmp.readline()
        self.qmp("qmp_capabilities")
        if copy:
            # QEMU has it open; without a name it cannot stay behind, whatever becomes of this process.
            disk.unlink()

    def connect(self, name):
        """A connection to one of the machine's channels."""
        end = time.monotonic() + 20
        while True:
            try:
                connection = connect(self.directory / name, 0)
                self.sockets.append(connection)
                return connection
            except OSError:
                if self.qemu.poll() is not None or time.monotonic() > end:
                    raise MachineError(f"QEMU did not start\n{self.logs()}") from None
                time.sleep(0.01)

    def close(self):
        if self.qemu:
            self.qemu.kill()
            self.qemu.wait()
        for connection in self.sockets:
            connection.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def logs(self):
        """The end of what QEMU and the machine's kernel said."""
        texts = []
        for name in ("qemu.log", "console.log"):
            path = self.directory / name
            texts.append(f"--- {name}\n" + (path.read_text(errors="replace")[-2000:] if path.exists() else ""))
        return "\n".join(texts)

    def qmp(self, command, **arguments):
        """One command to QEMU itself (QEMU QMP Reference Manual); its answer."""
        message = {"execute": command, **({"arguments": arguments} if arguments else {})}
        self._qmp.write(json.dumps(message).encode() + b"\n")
        while line := self._qmp.readline():
            reply = json.loads(line)
            if "error" in reply:
                raise MachineError(f"QMP {command}: {reply['error']['desc']}")
            if "return" in reply:
                return reply["return"]
        raise MachineError(f"QEMU ended during {command}\n{self.logs()}")

    def save(self, name):
        """Takes a snapshot of the running machine, in its disk; not with a device that was plugged in by QMP."""
        self._monitor(f"savevm {name}")

    def forget(self, name):
        """Deletes a snapshot from the disk."""
        self._monitor(f"delvm {name}")

    def _monitor(self, line):
        if error := self.qmp("human-monitor-command", **{"command-line": line}):
            raise MachineError(f"{line}: {error.strip()}")


# Before the snapshot, so that no check waits for it. The last line but one waits for the end of the boot.
SETUP = """
modprobe -a libcomposite uinput uhid usbhid hid_generic evdev cdc_acm pl2303 ftdi_sio usb_f_hid usb_f_acm usb_f_fs
modprobe dummy_hcd num=8
mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config
udevadm settle
systemctl is-system-running --wait || systemctl --failed
sync
"""


def boot(files, image):
    """Boots the machine and takes the snapshot."""
    from guest import Guest
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", files / "root.ext4", "-F", "raw", image], check=True)
    started = time.monotonic()
    with Guest(files, image, snapshot=None, copy=False) as guest:
        print(f"machine.py: booted in {time.monotonic() - started:.0f} s", file=sys.stderr)
        guest.sh(SETUP, seconds=120)
        guest.machine.save("booted")


def main():
    files = Path(sys.argv[1])
    for attempts_left in (2, 1, 0):
        try:
            return boot(files, files / "snapshot.qcow2")
        except MachineError as error:
            # Seen with two emulated processors: now and then the kernel stops before it has said a word.
            if not attempts_left:
                raise
            print(f"machine.py: did not boot, once more: {str(error).splitlines()[0]}", file=sys.stderr)


if __name__ == "__main__":
    try:
        main()
    except (MachineError, OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"machine.py: {error}")
