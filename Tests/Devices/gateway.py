"""A gateway as an admin has it: the installed daemon under its unit in a guest, with a backend, and what both know.

Scans are judged by what the backend accepted (tracetrack-sim's store, by /sim/scans), and by `scangate scans find`.
"""
import base64
import json
import random
import secrets
import shlex
import string
import subprocess
import tempfile
import time
from pathlib import Path

from guest import Guest
from machine import MachineError

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent

CONFIGURATION = """
[gateway]
id = "dock-7"
[keys]
sealing_key_file = "/run/credentials/scangate.service/sealing-key"
[lane]
short_bag = "allow"
# Bags, and anything else as a child: what is typed is what the backend gets.
[[label]]
role = "parent"
match = "^SB[0-9]{5}$"
[[label]]
role = "child"
match = "(?s)^.+$"
[[uplink]]
name = "tracetrack"
url = "http://127.0.0.1:8471"
contract = "tracetrack-devices"
auth = { kind = "signature", key_file = "/etc/scangate/gateway.key" }
"""


class CheckFailed(Exception):
    """What was promised is not so; the message says what was seen."""


def expect(condition, what):
    if not condition:
        raise CheckFailed(what)


def install(files, directory):
    """Installs the daemon in a machine as docs/install.md says; returns a disk with the snapshot `installed`."""
    image = Path(directory) / "installed.qcow2"
    subprocess.run(["cp", "--reflink=auto", "--sparse=always", files / "snapshot.qcow2", image], check=True)
    with Guest(files, image, copy=False) as guest, tempfile.TemporaryDirectory() as made:
        subprocess.run(["make", "--no-print-directory", "install", f"DESTDIR={made}"], cwd=ROOT, check=True,
                       stdout=subprocess.DEVNULL)
        guest.put(*sorted(Path(made).iterdir()), into="/")
        subprocess.run(["strip", "-o", f"{made}/tracetrack-sim", ROOT / ".build/release/tracetrack-sim"], check=True)
        guest.put(Path(made) / "tracetrack-sim", *sorted((HERE / "tools").iterdir()), into="/usr/local/bin")
        missing = guest.sh("ldd /usr/bin/scangate /usr/local/bin/tracetrack-sim | grep 'not found'", check=False)
        if missing:
            raise MachineError(f"the machine lacks libraries: name their packages in machine/packages.txt\n{missing}")
        key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
        guest.write("/etc/scangate/scangate.toml", CONFIGURATION)
        guest.sh(f"""set -e
            /usr/lib/scangate/post-install
            install -m 600 -o scangate -g scangate /dev/stdin /etc/scangate/gateway.key <<<{key}
            systemd-run --quiet --unit=backend tracetrack-sim --listen 127.0.0.1:8471 --db /root/backend.db \
                --auth signature --gateway-key dock-7:{key}
            scangate config check
            systemctl enable --quiet --now scangate
            until curl -sf http://127.0.0.1:8471/health >/dev/null; do sleep 0.1; done
            scangate status
            journalctl --sync; sync""", seconds=120)
        guest.machine.forget("booted")
        guest.machine.save("installed")
    return image


class Gateway:
    """One check's gateway, on a machine of its own; a context manager."""

    def __init__(self, files, image, seed):
        self.guest = Guest(files, image, "installed")
        self.random = random.Random(seed)
        self.bags = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.guest.close()

    def sh(self, *arguments, **options):
        return self.guest.sh(*arguments, **options)

    # The admin's side.
    def cli(self, *words, check=True):
        """What a `scangate` command prints, run as root; its errors too."""
        return self.sh("scangate " + shlex.join(words), check=check)

    def ask(self, *words):
        """What a `scangate` command says with --json, as soon as there is a daemon that answers."""
        # Whatever its status: `status` exits with 5 while something is wrong.
        command = f"scangate {shlex.join(words)} --json 2>/dev/null"
        return json.loads(self.until(f"an answer to {command}", lambda: self.sh(command, check=False).strip()))

    def add(self, name, *options, lane=None):
        """Registers a scanner, and its key with the backend, which refuses what others have signed."""
        key = self.cli("device", "add", name, "--lane", lane or name, "--json", *options)
        self.sh(f"curl -sfd {shlex.quote(key.strip())} http://127.0.0.1:8471/sim/keys")

    def device(self, name):
        """A device as `device list --json` shows it."""
        return next(device for device in self.ask("device", "list")["devices"] if device["name"] == name)

    def counts(self):
        """What became of each device's scans, for messages."""
        shown = ("name", "scans", "repeated", "refused_by_reason", "dropped_by_reason", "fault")
        return "\n".join(str({key: device[key] for key in shown}) for device in self.ask("device", "list")["devices"])

    def until(self, what, condition, seconds=60):
        """Waits until a condition of the check's own is true; returns its value."""
        end = time.monotonic() + seconds
        while not (value := condition()):
            if time.monotonic() > end:
                raise CheckFailed(f"waited {seconds} s in vain for {what}\n{self.log()[-1500:]}\n{self.counts()}")
            time.sleep(0.3)
        return value

    def until_read(self, *names, seconds=60):
        """Waits until the daemon reads these scanners."""
        for name in names:
            self.until(f"{name} to be read", lambda: self.device(name)["connected"], seconds)

    def log(self):
        return self.sh("journalctl --sync; journalctl -u scangate -o cat")

    # The worker's side.
    def labels(self, count, alphabet=string.ascii_letters + string.digits + "-./ ", least=4, most=32):
        """Labels of bags with up to 30 children each; no two are alike, and one that is altered is none of them."""
        labels = []
        while len(labels) < count:
            self.bags += 1
            labels.append(f"SB{self.bags:05d}")
            for child in range(min(30, count - len(labels))):
                length = self.random.randint(least, most)
                tail = "".join(self.random.choices(alphabet, k=length - 1)) + self.random.choice(string.digits)
                labels.append(f"{self.bags:05d}{child:02d}{tail}")
        return labels

    def expect_accepted(self, lane, labels, seconds=120, again=()):
        """The backend has exactly these labels of the lane: none lost, altered or doubled, and in this order.

        `again`: labels that were scanned twice in a row because there was no answer, and may be there twice.
        """
        # The cheap questions first: each look costs tenths of a second in there.
        self.until(f"{len(labels)} scans of {lane} at the backend", lambda: (
            self.backend()["scan_rows"] >= len(labels) and self.ask("status")["spool"]["waiting"] == 0
            and self.accepted_count(lane) >= len(labels)), seconds)
        rows = [row for row in self.accepted() if row["lane"] == lane]
        rows = [row for i, row in enumerate(rows)
                if not (i and row["label"] in again and row["label"] == rows[i - 1]["label"])]
        got = [row["label"] for row in rows]
        if got != labels:
            at = next((i for i, pair in enumerate(zip(got, labels)) if pair[0] != pair[1]), min(len(got), len(labels)))
            raise CheckFailed(f"{lane}: {len(labels)} scanned, {len(got)} accepted; from {at} on scanned "
                              f"{labels[at:at + 3]}, accepted {got[at:at + 3]}\n{self.cli('status', check=False)}")
        state = self.backend()
        for trouble in ("rejected", "accepted_twice", "order_broken", "wrong_parent"):
            expect(state[trouble] == 0, f"the backend counts {trouble}: {state[trouble]}")
        parent = ""
        for row in rows:
            parent = row["label"] if row["role"] == "parent" else parent
            expect(row["role"] == "parent" or row["parent"] == parent, f"{row['label']} is in {row['parent']}, not {parent}")
        for label in (labels[0], labels[-1]):
            found = [scan for scan in self.ask("scans", "find", label)["scans"]
                     if scan["scan"].get("data") == label]
            expect(len(found) == 1, f"scans find {label!r} finds {len(found)} scans")

    def backend(self):
        """The backend's counters."""
        return json.loads(self.sh("curl -sf http://127.0.0.1:8471/sim/state"))

    def accepted_count(self, lane):
        """How many scans of the lane the backend has."""
        # Counted in the guest: the rows themselves would take seconds at each look.
        return sum(int(count) for count in self.sh(
            f"""for after in 0 10000 20000; do curl -sf "http://127.0.0.1:8471/sim/scans?after=$after&limit=10000" |
                grep -o '"lane":"{lane}"' | wc -l; done""").split())

    def accepted(self):
        """All that the backend has accepted, in its order."""
        rows, after = [], 0
        while True:
            page = json.loads(self.sh(f"curl -sf 'http://127.0.0.1:8471/sim/scans?after={after}&limit=10000'"))
            if not page["scans"]:
                return rows
            rows += page["scans"]
            after = page["next"]

    def write_lines(self, path, labels, end="\r\n"):
        """A file in the guest with what a serial scanner sends for these labels."""
        self.guest.write(path, "".join(label + end for label in labels))
