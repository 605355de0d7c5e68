"""The installed unit in a machine with devices: what it reaches, and what it does not."""
import fnmatch
import re

from checks import check
from checks.serial import attach
from devices import Ftdi, Gadget
from gateway import expect

# What every program has, serial ports, which the unit is for, and sound cards, for signals.
HARMLESS = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/ptmx",
            "/dev/pts/*", "/dev/ttyS[0-9]*", "/dev/snd/*"]
# What not even root may open inside the unit's control group. Not /dev/tty1: DeviceAllow= knows whole majors only, and
# the consoles have the same as ttyS. They are out of the daemon's reach because they are root's.
FORBIDDEN = ["/dev/vda", "/dev/mem", "/dev/kmsg", "/dev/port", "/dev/uinput", "/dev/uhid", "/dev/vcs1",
             "/dev/hvc0", "/dev/rtc0", "/dev/cpu_dma_latency", "/dev/loop-control", "/dev/bus/usb/*", "/dev/hidg*",
             "/dev/ttyGS*", "/dev/vport*"]


def reached(log, who):
    """The nodes that tools/reach.py could open: path to mode."""
    return {path: mode for mode, path in re.findall(rf"^reach {who} (\S+) (\S+)$", log, re.M) if mode != "end"}


@check("unit")
def unit(gateway, long):
    """The unit is READY in its sandbox, reaches its scanners and nothing else; systemd rates it 2.0 or better."""
    scanner = attach(gateway)
    adapter = Ftdi(gateway.guest, "FTDI0001")
    gateway.add("scanner-2", "--port", adapter.path)
    # What it has no business with: somebody's keyboard.
    Gadget(gateway.guest, 1, "keyboard", "046d:c31c", "KBD0001")
    gateway.sh("modprobe snd-dummy; udevadm settle")
    gateway.guest.write("/run/systemd/system/scangate.service.d/reach.conf", """[Service]
ExecStartPost=/usr/bin/python3 /usr/local/bin/reach.py daemon
ExecStartPost=+/usr/bin/python3 /usr/local/bin/reach.py root
""")
    gateway.sh("systemctl daemon-reload; systemctl restart scangate", seconds=120)
    state = gateway.sh("systemctl show --value -p ActiveState,NRestarts scangate").split()
    expect(sorted(state) == ["0", "active"], f"ActiveState and NRestarts: {state}")
    gateway.until_read("scanner-1", "scanner-2")
    log = gateway.log()
    ours = [scanner.nodes["tty"], gateway.sh(f"realpath {adapter.path}").strip()]
    for who in ("daemon", "root"):
        expect(f"reach {who} end" in log, f"the look from inside did not end\n{log[-2000:]}")
    daemon, root = reached(log, "daemon"), reached(log, "root")
    # The daemon holds them for itself; root opens them all the same, where the unit's device policy lets it.
    for path in ours:
        expect(root.get(path) == "rw", f"{path} cannot be opened in the unit: {root}")
    strange = [path for path in daemon if not any(fnmatch.fnmatch(path, good) for good in HARMLESS + ours)]
    expect(not strange, f"the daemon's user can open {strange}")
    there = gateway.sh(f"ls -d {' '.join(FORBIDDEN)} 2>/dev/null", check=False).split()
    expect({"/dev/vda", "/dev/mem", "/dev/uinput"} < set(there), f"the machine lacks nodes to try: {there}")
    bad = [path for path in there if path in root]
    expect(not bad, f"root inside the unit's device policy can open {bad}")
    rating = gateway.sh("systemd-analyze security --threshold=20 --no-pager scangate.service | tail -n 1", seconds=120)
    value = float(re.search(r"(\d+\.\d)", rating)[1])
    expect(value <= 2.0, rating)
    labels = gateway.labels(20)
    gateway.write_lines("/root/scans", labels)
    scanner.send("/root/scans", gap_ms=5).wait()
    gateway.expect_accepted("scanner-1", labels)
    return f"{len(there)} nodes are out of reach, exposure {value}"
