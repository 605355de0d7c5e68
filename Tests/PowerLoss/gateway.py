"""The daemon, its backend and workers at their tables, as processes and pseudo-terminals."""
import base64
import json
import os
import secrets
import select
import signal
import socket
import subprocess
import time
import tty
import urllib.request

ACK = b"\x06"


class Trouble(Exception):
    """Something that the test needs did not come about; the message says what."""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Backend:
    """tracetrack-sim, which prints each scan that it judges."""

    def __init__(self, binaries, directory, contract):
        self.contract = contract
        self.url = f"http://127.0.0.1:{free_port()}"
        self.key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
        self.process = subprocess.Popen(
            [f"{binaries}/tracetrack-sim", "--listen", self.url.removeprefix("http://"), "--db", f"{directory}/backend.db",
             "--account", "dock7:demo-only", "--auth", "signature", "--gateway-key", f"dock-7:{self.key}",
             "--print-events"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        os.set_blocking(self.process.stdout.fileno(), False)
        self._rest = b""
        self.accepted = []  # (lane, number in the lane, label), in order; tracetrack-devices only
        until("the backend to answer", lambda: self.tell("/health"))

    def tell(self, path, body=None):
        try:
            with urllib.request.urlopen(self.url + path, body, timeout=5) as answer:
                return answer.read()
        except OSError:
            return None

    def read_events(self):
        """Notes what was judged since; raises where that was anything but yes."""
        while chunk := self.process.stdout.read():
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            for words in (line.decode().split() for line in lines):
                if words[0] not in ("devices", "web"):
                    continue
                if words[1] not in ("accepted", "duplicate", "already_linked"):
                    raise Trouble(f"the backend says: {' '.join(words)}")
                if words[:2] == ["devices", "accepted"]:
                    self.accepted.append((words[3], int(words[4]), words[7]))

    def close(self):
        self.process.kill()
        self.process.wait()


class Table:
    """A worker at a lane, whose scanner is a pseudo-terminal: scans bags and their children, one label after the other."""

    def __init__(self, directory, number, children, tail):
        self.lane, self.device = f"table-{number}", f"scanner-{number}"
        self.link = f"{directory}/{self.device}"
        self.labels = []  # all that were scanned, in order
        self.acknowledged = 0
        self._labels = self._make(number, children, tail)
        self._sent_at = None
        self.master, self._slave_path = self._open()
        os.symlink(self._slave_path, self.link)

    def _open(self):
        master, slave = os.openpty()
        tty.setraw(slave)
        path = os.ttyname(slave)
        os.close(slave)
        os.set_blocking(master, False)
        return master, path

    @staticmethod
    def _make(number, children, tail):
        for bag in range(number * 20_000, number * 20_000 + 20_000):
            yield f"SB{bag:05}"
            for child in range(children):
                yield f"LABEL NO. {number * 1_000_000 + bag % 20_000 * children + child:07} LOT NO. {tail}"

    def is_read(self):
        poll = select.poll()
        poll.register(self.master, 0)
        return not any(events & select.POLLHUP for _, events in poll.poll(0))

    @property
    def is_waiting(self):
        return len(self.labels) > self.acknowledged

    def scan(self, label=None):
        self.labels.append(label or next(self._labels))
        self._send()

    def _send(self):
        self._sent_at = time.monotonic()
        os.write(self.master, self.labels[-1].encode() + b"\r")

    def hear(self):
        """Whether the label was acknowledged; scans it again where it was refused, or nobody had the port open."""
        try:
            answer = os.read(self.master, 64)
        except OSError:  # nothing there, or nobody has it open
            answer = b""
        if not self.is_waiting:
            return False
        if answer.endswith(ACK):
            self.acknowledged += 1
            return True
        if time.monotonic() - self._sent_at > (0.05 if answer else 1):
            # What is written in the moment in which the gateway opens the port, it throws away.
            if self.is_read():
                self._send()
        return False

    def close(self):
        os.close(self.master)
        os.unlink(self.link)


class Gateway:
    """`scangate run` on a state directory, and the commands that an admin gives it."""

    def __init__(self, binaries, directory, state, backend, settings):
        self.program, self.directory, self.state = f"{binaries}/scangate", directory, state
        self.configuration = f"{directory}/scangate.toml"
        self.process = None
        self.log = f"{directory}/daemon.log"
        secret(f"{directory}/password", "demo-only\n")
        secret(f"{directory}/gateway-key", backend.key)
        auth = (f'{{ kind = "login", accounts = [{{ username = "dock7", password_file = "{directory}/password" }}] }}\n'
                'requests = { per_minute = 1_000_000, per_hour = 1_000_000 }' if backend.contract == "tracetrack-web"
                else f'{{ kind = "signature", key_file = "{directory}/gateway-key" }}')
        secret(self.configuration, f"""[gateway]
id = "dock-7"
state_dir = "{state}"
control_socket = "{directory}/control"
[spool]
min_free = 0
{settings}
[[uplink]]
name = "tracetrack"
url = "{backend.url}"
contract = "{backend.contract}"
auth = {auth}
""")

    def start(self, environment=None):
        """Starts it, and returns when it answers; what it says goes to a new log."""
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [self.program, "run", "--config", self.configuration], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=os.environ | (environment or {}))
        answer = until("the daemon to answer", lambda: self.process.poll() is not None or self.ask("status"))
        if self.process.poll() is not None:
            raise Trouble(f"the daemon ended with {self.process.returncode}: {self.said()[-1500:]}")
        return answer

    def stop(self):
        """SIGTERM; returns the exit code."""
        process, self.process = self.process, None
        process.send_signal(signal.SIGTERM)
        return process.wait(timeout=20)

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def said(self):
        with open(self.log) as log:
            return log.read()

    def begin(self, *words):
        """A command under way; its JSON is on stdout."""
        return subprocess.Popen([self.program, *words, "--json", "--config", self.configuration],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def ask(self, *words):
        """What a command says, or nothing where no daemon answers."""
        command = self.begin(*words)
        out, _ = command.communicate(timeout=20)
        return [json.loads(line) for line in out.splitlines()] if command.returncode in (0, 5) else None


def secret(path, text):
    with open(path, "w", opener=lambda p, flags: os.open(p, flags, 0o600)) as file:
        file.write(text)


def until(what, condition, seconds=20):
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise Trouble(f"waited {seconds} s for {what}")
        time.sleep(0.01)
    return value
