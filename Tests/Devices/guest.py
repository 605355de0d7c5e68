"""The system in the virtual machine: commands, files and background jobs.

    with Guest(files) as guest:
        guest.put(Path("tool"), into="/usr/local/bin")
        print(guest.sh("uname -r"))
"""
import base64
import io
import select
import shlex
import tarfile
import time

from machine import Machine, MachineError


class Job:
    """A command that runs in the guest while the check does something else."""

    def __init__(self, guest, command):
        self.guest, self.command = guest, command
        self.log = f"/run/harness-job.{guest.sent}"
        # setsid: stop() then reaches its children too.
        self.pid, _ = guest.ask(
            f'setsid bash -c "$(base64 -d <<<{encoded(command)})" </dev/null >{self.log} 2>&1 3>&- &', 10, status="$!")

    def output(self):
        """What it has printed so far."""
        return self.guest.sh(f"cat {self.log}")

    def wait_for(self, text, seconds=60):
        """Returns once it has printed the text."""
        self.guest.until(f"grep -q -F -e {shlex.quote(text)} {self.log}", f"'{text}' from {self.command}", seconds)

    def wait(self, seconds=120, check=True):
        """All that it printed, at its end. After a timeout the guest cannot be used any more."""
        status, output = self.guest.ask(
            f"wait {self.pid}; harness_status=$?; cat {self.log}", seconds, status="$harness_status")
        if check and status != 0:
            raise MachineError(f"exit status {status} of: {self.command}\n{output}")
        return output

    def stop(self):
        """Ends it with SIGTERM; all that it printed."""
        # The second form is for one that has not come as far as setsid.
        self.guest.sh(f"kill -- -{self.pid} || kill {self.pid}", check=False)
        return self.wait(10, check=False)


class Guest:
    """A context manager around a Machine; each has a disk of its own, and several run side by side."""

    def __init__(self, files, image=None, snapshot="booted", copy=True):
        self.sent = 0
        self.buffer = b""
        self.machine = Machine(files, image, snapshot, copy)
        try:
            # Commands go in by the console, and all else by the other port: QEMU drops what a console prints while
            # nobody has time to read it.
            self.shell = self.machine.connect("shell")
            self.data = self.machine.connect("data")
            if not snapshot:
                self._read_until(b"HARNESS-READY", 100)
            # In a snapshot the clock stands still.
            self.sh(f"date -s @{time.time():.3f}", seconds=120)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.machine.close()

    def _read_until(self, mark, seconds):
        end = time.monotonic() + seconds
        while mark not in self.buffer:
            left = end - time.monotonic()
            if left <= 0:
                tail = self.buffer[-2000:].decode(errors="replace")
                raise MachineError(f"no answer within {seconds} s; so far: {tail}\n{self.machine.logs()}")
            if select.select([self.data], [], [], left)[0]:
                data = self.data.recv(65536)
                if not data:
                    raise MachineError(f"QEMU ended\n{self.machine.logs()}")
                self.buffer += data
        before, _, self.buffer = self.buffer.partition(mark)
        return before

    def _send(self, line, status="$?"):
        """A line for the guest's shell; what it prints ends with the mark that is returned, its status, and 0x1e."""
        self.sent += 1
        separator = "" if line.endswith("&") else ";"
        self.shell.sendall(f"{{ {line}{separator} printf '\\036%d %d\\036' {self.sent} {status}; }} >&3\n".encode())
        return b"\x1e%d " % self.sent

    def _receive(self, mark, seconds):
        output = self._read_until(mark, seconds).decode(errors="replace")
        return int(self._read_until(b"\x1e", 5)), output

    def ask(self, line, seconds, status="$?"):
        """One line for the guest's own shell; its status and output."""
        return self._receive(self._send(line, status), seconds)

    def sh(self, command, seconds=120, check=True):
        """What a bash command prints, run as root in a shell of its own; stderr too.

        A status other than 0 is an error unless check=False. For what goes on running: start().
        """
        status, output = self.ask(f'(eval "$(base64 -d <<<{encoded(command)})") </dev/null 2>&1 3>&-', seconds)
        if check and status != 0:
            raise MachineError(f"exit status {status} of: {command}\n{output}")
        return output

    def start(self, command):
        """Runs a bash command in the background."""
        return Job(self, command)

    def until(self, condition, what, seconds=60):
        """Waits, in the guest, until a shell condition holds."""
        loop = f"end=$((SECONDS + {int(seconds)} + 1)); until {condition}; do ((SECONDS < end)) || exit 1; sleep 0.05; done"
        try:
            self.sh(loop, seconds=seconds * 2 + 20)
        except MachineError as error:
            raise MachineError(f"waited {seconds} s in vain for {what}\n{error}") from None

    def put(self, *paths, into):
        """Copies files and directories of the host into a directory of the guest, with their modes."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            for path in paths:
                tar.add(path, arcname=path.name)
        self._unpack(archive.getvalue(), into)

    def write(self, path, text):
        """Makes a file of the guest."""
        directory, _, name = path.rpartition("/")
        content = text.encode() if isinstance(text, str) else text
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(content), int(time.time())
            tar.addfile(entry, io.BytesIO(content))
        self._unpack(archive.getvalue(), directory)

    def _unpack(self, archive, into):
        mark = self._send(f"mkdir -p '{into}'; head -c {len(archive)} <&3 | "
                          f"tar -x --no-same-owner -C '{into}' 2>&1")
        self.data.sendall(archive)
        status, output = self._receive(mark, 120)
        if status != 0:
            raise MachineError(f"cannot write to {into}: {output}")


def encoded(command):
    """base64: whatever quotes and lines it has, the guest's shell sees one word."""
    return base64.b64encode(command.encode()).decode()
