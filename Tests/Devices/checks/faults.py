"""What goes wrong with a serial scanner: cables, other programs, rights, a daemon that is killed."""
import shlex
import time

from checks import check
from checks.serial import attach
from devices import Gadget
from gateway import expect


@check("unplug-mid-scan")
def unplug_mid_scan(gateway, long):
    """Pulled out in the middle of a scan: the fragment is dropped and counted, the next scan is whole."""
    scanner = attach(gateway)
    bag, whole = gateway.labels(2)
    gateway.sh(f"printf '%s\\r\\n' {bag} >{scanner.ends['acm']}")
    gateway.expect_accepted("scanner-1", [bag])
    gateway.sh(f"printf 'FRAGMENT' >{scanner.ends['acm']}; sleep 0.5")
    scanner.unplug()
    gateway.until("the unplug to be seen", lambda: not gateway.device("scanner-1")["connected"])
    dropped = gateway.device("scanner-1")["dropped_by_reason"]
    expect(dropped == {"fragment": 1}, f"dropped: {dropped}")
    time.sleep(0.5)
    scanner.plug()
    gateway.until_read("scanner-1")
    gateway.sh(f"printf '%s\\r\\n' {shlex.quote(whole)} >{scanner.ends['acm']}")
    gateway.expect_accepted("scanner-1", [bag, whole])
    return ""


@check("replug")
def replug(gateway, long):
    """Pulled out and put in again many times, with scans each time."""
    scanner = attach(gateway)
    cycles = 50 if long else 5
    labels = gateway.labels(5 * (cycles + 1))
    slowest = 0.0
    for cycle in range(cycles + 1):
        if cycle:
            scanner.unplug()
            gateway.until("the unplug to be seen", lambda: not gateway.device("scanner-1")["connected"])
            time.sleep(0.5)
            scanner.plug()
            started = time.monotonic()
            gateway.until_read("scanner-1")
            slowest = max(slowest, time.monotonic() - started)
        gateway.write_lines("/root/scans", labels[5 * cycle:5 * cycle + 5])
        scanner.send("/root/scans", gap_ms=5).wait()
        gateway.until("the scans", lambda: gateway.device("scanner-1")["scans"] == 5 * cycle + 5)
    gateway.expect_accepted("scanner-1", labels)
    return f"{cycles} times; read again at most {slowest:.1f} s after its node was there"


def fault(gateway, name):
    """What the doctor says of a scanner's port, with its command."""
    lines = gateway.cli("doctor", check=False).splitlines()
    for line, after in zip(lines, lines[1:] + [""]):
        if line.startswith("FAULT") and f"port of {name}" in line:
            return line, after.partition("mend: ")[2]
    return "", ""


@check("busy")
def busy(gateway, long):
    """Another program holds the port: the daemon says so, says what to do, and reads it once that is done."""
    scanner = Gadget(gateway.guest, 0, "acm", "1eab:1d06", "ACM0001")
    holder = gateway.guest.start(f"""exec python3 -c '
import fcntl, os, time
port = os.open("{scanner.path}", os.O_RDWR | os.O_NOCTTY)
fcntl.ioctl(port, 0x540C)  # TIOCEXCL; the module termios is not in the machine
print("held", flush=True)
time.sleep(600)'""")
    holder.wait_for("held")
    gateway.add("scanner-1", "--port", scanner.path)
    said = gateway.until("the fault", lambda: gateway.device("scanner-1")["fault"])
    expect("busy" in said and scanner.path in said, f"the daemon says: {said}")
    line, mend = fault(gateway, "scanner-1")
    expect("busy" in line and scanner.path in mend, f"the doctor says: {line}, mend: {mend}")
    gateway.sh(mend, check=False)
    gateway.until_read("scanner-1", seconds=25)
    labels = gateway.labels(20)
    gateway.write_lines("/root/scans", labels)
    scanner.send("/root/scans", gap_ms=5).wait()
    gateway.expect_accepted("scanner-1", labels)
    return f"mended by: {mend}"


@check("no-permission")
def no_permission(gateway, long):
    """The daemon's user may not open the port: it says so, and the doctor's command (a udev rule) mends it for good."""
    gateway.guest.write("/etc/udev/rules.d/55-check.rules",
                        'SUBSYSTEM=="tty", KERNEL=="ttyACM*", GROUP="root", MODE="0600"\n')
    gateway.sh("udevadm control --reload")
    # An id that the shipped rules do not know.
    scanner = Gadget(gateway.guest, 0, "acm", "1234:0001", "ACM0001")
    gateway.add("scanner-1", "--port", scanner.path)
    said = gateway.until("the fault", lambda: gateway.device("scanner-1")["fault"])
    expect("ermission denied" in said and scanner.path in said, f"the daemon says: {said}")
    line, mend = fault(gateway, "scanner-1")
    expect("may not use it" in line and "udevadm trigger" in mend, f"the doctor says: {line}, mend: {mend}")
    gateway.sh(mend)
    gateway.until_read("scanner-1", seconds=25)
    scanner.unplug()
    time.sleep(0.5)
    scanner.plug()
    gateway.until_read("scanner-1", seconds=25)
    labels = gateway.labels(20)
    gateway.write_lines("/root/scans", labels)
    scanner.send("/root/scans", gap_ms=5).wait()
    gateway.expect_accepted("scanner-1", labels)
    return ""


@check("kill")
def kill(gateway, long):
    """kill -9 of the daemon while two scanners wait for a slow disk: what was acknowledged is there, each time."""
    # A daemon that acknowledges too early has then enough time between that and the commit to be killed in: the scan of
    # one scanner waits for the commit of the other's. iops_wr: writes a second.
    gateway.guest.machine.qmp("block_set_io_throttle", device="virtio0", bps=0, bps_rd=0, bps_wr=0, iops=0, iops_rd=0,
                              iops_wr=25)
    kills, every = (12, 30) if long else (3, 20)
    names = ("scanner-1", "scanner-2")
    scanners = [attach(gateway, name, port, serial=f"ACM000{port}", options=["--ack"]) for port, name in enumerate(names)]
    labels = {name: gateway.labels(kills * every + every // 2) for name in names}
    for name in names:
        gateway.write_lines(f"/root/{name}", labels[name])
    # Its last answer comes after the last kill; the other goes on during all of them.
    work = [scanner.send(f"/root/{name}", ack=True, kill=every * (name == "scanner-1"))
            for name, scanner in zip(names, scanners)]
    again = set()
    for name, job in zip(names, work):
        printed = job.wait(600)
        again |= {line.partition(" ")[2] for line in printed.splitlines() if line.startswith("again ")}
    for name in names:
        gateway.expect_accepted(name, labels[name], 180, again)
    restarts = int(gateway.sh("systemctl show --value -p NRestarts scangate"))
    expect(restarts == kills, f"{kills} kills, {restarts} restarts")
    return f"{2 * len(labels['scanner-1'])} scans, {kills} kills, {len(again)} scanned again"
