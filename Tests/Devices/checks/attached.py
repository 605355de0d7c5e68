"""HID-POS scanners, and how scanners of any kind come, change and are found."""
import re
import string

from checks import check
from checks.keyboard import typed
from checks.serial import attach
from devices import Gadget
from gateway import expect

# For a node to be there and read, beyond the time that udev takes. On hardware it is to be 0.5 s; the machine has about
# a tenth of its speed.
READ_WITHIN_SECONDS = 10


def reported(gateway, scanner, labels):
    gateway.write_lines("/root/reports", labels, end="\n")
    scanner.report("/root/reports").wait(900)


@check("hidpos")
def hidpos(gateway, long):
    """HID-POS: every label whole, also those of 80 characters, which take two reports."""
    scanner = Gadget(gateway.guest, 0, "hidpos", "0c2e:0b6a", "POS0001")
    gateway.add("scanner-1", "--kind", "hidpos", "--match", "usb=0c2e:0b6a")
    gateway.until_read("scanner-1")
    labels = gateway.labels(10_000 if long else 300)
    # Also exactly as long as a report, and one more.
    for i in range(1, len(labels), 7):
        if not labels[i].startswith("SB"):
            labels[i] = (labels[i] + string.ascii_letters * 2)[:(80, 56, 57)[i % 3]]
    reported(gateway, scanner, labels)
    gateway.expect_accepted("scanner-1", labels, 300)
    scanner.unplug()
    gateway.until("the unplug to be seen", lambda: not gateway.device("scanner-1")["connected"])
    gateway.sh("sleep 0.5")
    scanner.plug()
    gateway.until_read("scanner-1")
    labels += gateway.labels(20)
    reported(gateway, scanner, labels[-20:])
    gateway.expect_accepted("scanner-1", labels)
    return f"{len(labels)} scans"


@check("composite")
def composite(gateway, long):
    """A keyboard and a serial line in one device: each is read as what it is, and they do not take each other's node."""
    scanner = Gadget(gateway.guest, 0, "keyboard,acm", "05e0:1900", "CMP0001")
    gateway.add("keys", "--kind", "keyboard", "--match", "serial=CMP0001", "--layout", "us")
    gateway.add("line", "--kind", "serial", "--match", "serial=CMP0001")
    gateway.until_read("keys", "line")
    gateway.sh("sleep 0.5")
    parts = {"keys": gateway.labels(30), "line": gateway.labels(30)}
    gateway.write_lines("/root/line", parts["line"])
    line = scanner.send("/root/line", gap_ms=10)
    typed(gateway, scanner, parts["keys"], "--rate 50")
    line.wait()
    for name, labels in parts.items():
        gateway.expect_accepted(name, labels)
    return ""


@check("mode-change")
def mode_change(gateway, long):
    """Switched from keyboard to serial: another product id and class, the same serial number, the same device."""
    scanner = Gadget(gateway.guest, 0, "keyboard", "05e0:1200", "SYM0001")
    gateway.add("scanner-1", "--kind", "keyboard", "--match", "serial=SYM0001", "--layout", "us")
    gateway.until_read("scanner-1")
    gateway.sh("sleep 0.5")
    labels = gateway.labels(20)
    typed(gateway, scanner, labels[:10])
    gateway.expect_accepted("scanner-1", labels[:10])
    scanner.remove()
    gateway.until("the old mode to go", lambda: not gateway.device("scanner-1")["connected"])
    scanner = Gadget(gateway.guest, 0, "acm", "05e0:1701", "SYM0001")
    gateway.until_read("scanner-1")
    gateway.write_lines("/root/scans", labels[10:])
    scanner.send("/root/scans", gap_ms=5).wait()
    gateway.expect_accepted("scanner-1", labels)
    return ""


@check("discover")
def discover(gateway, long):
    """`device discover` lists what is attached, of every kind, and says which is registered; not a mere keyboard."""
    line = attach(gateway)
    Gadget(gateway.guest, 1, "keyboard", "05e0:1200", "SYM0001")
    Gadget(gateway.guest, 2, "hidpos", "0c2e:0b6a", "POS0001")
    Gadget(gateway.guest, 3, "keyboard", "05e0:1200", None)
    said = gateway.cli("device", "discover", "--json")
    for part in (line.nodes["tty"], "ACM0001", "SYM0001", "POS0001", "05e0:1200", "0c2e:0b6a", "dummy_hcd.3-1"):
        expect(part in said, f"no {part} in: {said}")
    return ""


@check("plug-to-reading")
def plug_to_reading(gateway, long):
    """How long after the kernel has made a node a scanner is read, beside the time that udev takes."""
    scanner = attach(gateway)
    figures = []
    for _ in range(5 if long else 2):
        scanner.unplug()
        gateway.until("the unplug to be seen", lambda: not gateway.device("scanner-1")["connected"])
        gateway.sh("sleep 0.5; journalctl --rotate -q; journalctl --vacuum-time=1s -q", check=False)
        monitor = gateway.guest.start("stdbuf -oL udevadm monitor --kernel --udev --subsystem-match=tty")
        monitor.wait_for("KERNEL - the kernel uevent")
        scanner.plug()
        gateway.until_read("scanner-1")
        said = monitor.stop()
        kernel, udev = (float(re.search(rf"^{who}\s*\[([\d.]+)\] add .*ttyACM", said, re.M)[1]) for who in ("KERNEL", "UDEV"))
        lines = gateway.sh("journalctl --sync; journalctl -u scangate -o short-monotonic | grep ': reading '").splitlines()
        read = float(re.search(r"\[\s*([\d.]+)\]", lines[-1])[1])
        figures.append((read - kernel, udev - kernel))
    worst = max(read - udev for read, udev in figures)
    expect(worst <= READ_WITHIN_SECONDS, f"read {worst:.1f} s after udev was done: {figures}")
    return ", ".join(f"{read:.2f} s (udev {udev:.2f} s)" for read, udev in figures)
