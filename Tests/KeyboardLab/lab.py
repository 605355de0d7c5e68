#!/usr/bin/env python3
"""Reads keyboards in a machine with real input devices: grabs, restarts under systemd, unplugging, lights.

usage: lab.py KIT [NAME]...     KIT is the directory with guest.py and gadget; the probe is built before:
                                swift build --product keyboard-probe
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
KIT = Path(sys.argv[1])
sys.path.insert(0, str(KIT))

from guest import Guest  # noqa: E402

UNIT = """[Service]
Type=notify
Environment=LD_LIBRARY_PATH=/opt/probe SWIFT_BACKTRACE=enable=no
ExecStart=/opt/probe/keyboard-probe {node} {options}
ExecStop=/bin/kill -TERM $MAINPID
FileDescriptorStoreMax=16
StandardError=append:/run/probe.log
"""


class Machine:
    """A guest with one keyboard and the probe as a service."""

    def __init__(self, guest: Guest, options: str = "") -> None:
        self.guest = guest
        nodes = dict(line.rsplit(" ", 1) for line in guest.sh("gadget plug 0 hidkbd 05e0 1200 SYM0001").splitlines())
        self.event, self.gadget = nodes["host event"], nodes["device hidkbd"]
        self.node = "/dev/input/by-id/usb-ACME_Scanner_hidkbd_SYM0001-event-kbd"
        unit = UNIT.format(node=self.node, options=options)
        guest.sh(f"cat >/run/systemd/system/probe.service <<'X'\n{unit}X\nsystemctl daemon-reload; : >/run/probe.log")

    def start(self) -> None:
        self.guest.sh("systemctl start probe")
        self.wait("connected")
        time.sleep(1)

    def type(self, text: str, *flags: str) -> None:
        self.guest.sh(f"type_keys.py {self.gadget} '{text}' {' '.join(flags)}")

    def log(self) -> str:
        return self.guest.sh("cat /run/probe.log")

    def wait(self, text: str, count: int = 1) -> None:
        self.guest.wait_until(f"test $(grep -c -F -e '{text}' /run/probe.log) -ge {count}", text, 20)

    def scans(self) -> list[str]:
        return re.findall(r"scan (\S+)", self.log())

    def stored(self) -> str:
        return self.guest.sh("systemctl show -p NFileDescriptorStore --value probe").strip()


def expect(condition: bool, what: str) -> None:
    if not condition:
        raise AssertionError(what)


def reads(machine: Machine) -> str:
    """Scans are read, and nobody else sees a key."""
    machine.start()
    other = machine.guest.start(f"timeout 6 cat {machine.event} | wc -c")
    time.sleep(1)
    machine.type("SB00042")
    machine.wait("scan SB00042")
    expect(other.wait().strip() == "0", "another reader got keys")
    busy = machine.guest.sh(f"/opt/probe/record.py {machine.event} 1", check=False)
    expect("busy" in busy, f"a second grab was let in: {busy}")
    return "read; the other reader got 0 bytes"


def busy(machine: Machine) -> str:
    """A keyboard that another program holds is said to be so."""
    holder = machine.guest.start(f"/opt/probe/record.py {machine.event} 60")
    holder.wait_for("ready")
    machine.guest.sh("systemctl start probe")
    machine.wait("fuser -v")
    holder.stop()
    machine.wait("connected")
    return machine.log().splitlines()[1]


def restart(machine: Machine) -> str:
    """A scan typed while the daemon is stopped is read by the next one, and nobody else sees it."""
    machine.start()
    expect(machine.stored() == "1", f"{machine.stored()} descriptors in the store")
    machine.type("SB00001")
    machine.wait("scan SB00001")
    machine.guest.sh("mkdir -p /run/systemd/system/probe.service.d; printf '[Service]\\nExecStartPre=/bin/sleep 6\\n' "
                     ">/run/systemd/system/probe.service.d/slow.conf; systemctl daemon-reload")
    job = machine.guest.start("systemctl restart probe")
    machine.wait("stopped")
    other = machine.guest.start(f"timeout 5 cat {machine.event} | wc -c")
    time.sleep(1)
    machine.type("SB00002")
    expect("SB00002" not in machine.scans(), "somebody read it in the gap")
    job.wait()
    machine.wait("scan SB00002")
    machine.type("SB00003")
    machine.wait("scan SB00003")
    expect(other.wait().strip() == "0", "another reader got keys in the gap")
    expect(machine.scans() == ["SB00001", "SB00002", "SB00003"], f"{machine.scans()}")
    expect("dropped" not in machine.log(), machine.log())
    return f"{machine.scans()}; the other reader got 0 bytes in the gap"


def overflow(machine: Machine) -> str:
    """More than the kernel's queue holds in the gap: dropped and said, never guessed."""
    machine.start()
    machine.guest.sh("mkdir -p /run/systemd/system/probe.service.d; printf '[Service]\\nExecStartPre=/bin/sleep 6\\n' "
                     ">/run/systemd/system/probe.service.d/slow.conf; systemctl daemon-reload")
    job = machine.guest.start("systemctl restart probe")
    machine.wait("stopped")
    machine.type("SB00002 and far more than sixty-four events hold")
    job.wait()
    machine.wait("dropped")
    time.sleep(3)
    machine.type("SB00003")
    machine.wait("scan SB00003")
    expect(machine.scans() == ["SB00003"], f"{machine.scans()}")
    return machine.log().strip().splitlines()[-2]


def kill(machine: Machine) -> str:
    """Killed in the middle of a scan: its rest is not a scan for the next process."""
    machine.start()
    machine.type("SB0", "--no-enter")
    machine.guest.sh("systemctl kill -s KILL probe; sleep 0.3")
    machine.type("0042")
    machine.guest.sh("systemctl reset-failed probe; systemctl start probe")
    machine.wait("connected", 2)
    time.sleep(1)
    machine.type("SB00043")
    machine.wait("scan SB00043")
    expect(machine.scans() == ["SB00043"], f"{machine.scans()}")
    return f"{machine.scans()}"


def unplug(machine: Machine) -> str:
    """The plug is pulled in the middle of a scan, and put back."""
    machine.start()
    machine.type("SB000", "--no-enter")
    machine.guest.sh("sleep 0.3; gadget unplug 0")
    machine.wait("disconnected")
    machine.guest.wait_until("test $(systemctl show -p NFileDescriptorStore --value probe) = 0", "an empty store")
    machine.guest.sh("gadget replug 0")
    machine.wait("connected(", 2)
    time.sleep(1)
    machine.type("SB00044")
    machine.wait("scan SB00044")
    expect("fragment" in machine.log() and machine.scans() == ["SB00044"], machine.log())
    expect(machine.stored() == "1", "the new grab is not in the store")
    return f"fragment, then {machine.scans()}"


def held(machine: Machine) -> str:
    """A key is down when the daemon starts: the console sees it come up."""
    machine.guest.sh(f"/opt/probe/type_reports.py {machine.gadget} 00:28")
    other = machine.guest.start(f"timeout 20 cat {machine.event} | od -An -v -w24 -tu2")
    machine.guest.sh("systemctl start probe; sleep 2")
    expect(machine.stored() == "0", "grabbed while a key was down")
    machine.guest.sh(f"/opt/probe/type_reports.py {machine.gadget} 00; sleep 2")
    expect(machine.stored() == "1", "not grabbed after the release")
    machine.type("SB00045")
    machine.wait("scan SB00045")
    events = [line.split()[8:] for line in other.wait().splitlines()]
    presses = [event for event in events if event[0] == "1" and event[2] == "1"]
    releases = [event for event in events if event[:3] == ["1", "28", "0"]]
    expect(len(releases) == 1 and not presses, f"the other reader got {events}")
    return "the other reader saw Enter come up, and nothing after"


def lights(machine: Machine) -> str:
    """The scanner's lights tell that a scan is stored."""
    listener = machine.guest.start(f"timeout 12 cat {machine.gadget} | od -An -v -w1 -tx1")
    machine.start()
    machine.type("SB00046")
    machine.wait("scan SB00046")
    seen = listener.wait().split()
    expect("05" in seen and seen[-1] == "01", f"reports {seen}")
    return f"output reports {seen}"


def main() -> int:
    checks = [reads, busy, restart, overflow, kill, unplug, held, lights]
    wanted = sys.argv[2:] or [check.__name__ for check in checks]
    probe = ROOT / ".build/debug/keyboard-probe"
    libraries = re.findall(r"=> (\S*/(?:libswift|libdispatch|libBlocks)\S*)", subprocess.check_output(["ldd", probe], text=True))
    failures = 0
    for check in checks:
        if check.__name__ not in wanted:
            continue
        with Guest() as guest:
            guest.put(probe, HERE / "record.py", HERE / "type_reports.py", *map(Path, libraries), into="/opt/probe")
            guest.put(KIT / "gadget", KIT / "type_keys.py", into="/usr/local/bin")
            machine = Machine(guest, "leds=true" if check is lights else "")
            try:
                print(f"PASS {check.__name__}: {check(machine)}", flush=True)
            except Exception as error:  # noqa: BLE001
                failures += 1
                print(f"FAIL {check.__name__}: {error}\n{machine.log()}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
