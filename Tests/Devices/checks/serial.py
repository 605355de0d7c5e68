"""Serial scanners behind each driver: every scan arrives once, unaltered, in order."""
from checks import check
from devices import Ftdi, Gadget, Pl2303
from gateway import expect

# What a line of 115200 baud carries of labels with some 23 bytes each. USB has no such limit, see flood.
LINE_SPEED_GAP_MS = 2


def attach(gateway, name="scanner-1", port=0, vendor_product="1eab:1d06", serial="ACM0001", options=()):
    """A CDC-ACM scanner that the daemon reads."""
    scanner = Gadget(gateway.guest, port, "acm", vendor_product, serial)
    gateway.add(name, "--port", scanner.path, *options)
    gateway.until_read(name)
    return scanner


@check("cdc-acm")
def cdc_acm(gateway, long):
    """CDC-ACM, driver cdc_acm, at the full speed of a line of 115200 baud."""
    scanner = attach(gateway)
    labels = gateway.labels(10_000 if long else 300)
    gateway.write_lines("/root/scans", labels)
    scanner.send("/root/scans", gap_ms=LINE_SPEED_GAP_MS).wait(600)
    gateway.expect_accepted("scanner-1", labels, 300)
    return f"{len(labels)} scans"


@check("flood")
def flood(gateway, long):
    """CDC-ACM without any pause and without answers: the scanner is held back, and nothing is refused."""
    scanner = attach(gateway)
    labels = gateway.labels(10_000 if long else 3_000)
    gateway.write_lines("/root/scans", labels)
    scanner.send("/root/scans").wait(300)
    gateway.expect_accepted("scanner-1", labels, 300)
    return f"{len(labels)} scans at once"


@check("pl2303")
def pl2303(gateway, long):
    """A PL2303 adapter, driver pl2303: labels, line settings and answers."""
    adapter = Pl2303(gateway.guest, "PLS0001")
    gateway.add("scanner-1", "--port", adapter.path, "--baud", "19200", "--ack")
    gateway.until_read("scanner-1")
    labels = gateway.labels(3_000 if long else 200)
    gateway.write_lines("/root/scans", labels)
    adapter.send("/root/scans", gap_ms=10).wait(600)
    gateway.expect_accepted("scanner-1", labels, 120)
    said = adapter.said()
    expect("line 19200 8N1" in said, f"the adapter was not told the line's speed: {said[:500]}")
    received = bytes.fromhex("".join(line.split()[1] for line in said.splitlines() if line.startswith("received")))
    expect(received == b"\x06" * len(labels), f"{len(labels)} scans, answers {received[:50]} ({len(received)} bytes)")
    return f"{len(labels)} scans, each answered with 06"


@check("ftdi")
def ftdi(gateway, long):
    """An FTDI adapter, driver ftdi_sio; pulled out and put in again in between."""
    adapter = Ftdi(gateway.guest, "FTDI0001")
    gateway.add("scanner-1", "--port", adapter.path)
    gateway.until_read("scanner-1")
    labels = gateway.labels(5_000 if long else 300)
    half = len(labels) // 2
    for number, part in enumerate((labels[:half], labels[half:])):
        if number:
            adapter.unplug()
            adapter.plug()
            gateway.until_read("scanner-1")
        adapter.line.sendall("".join(label + "\r" for label in part).encode())
        gateway.expect_accepted("scanner-1", labels[:half + number * len(labels)], 120)
    return f"{len(labels)} scans"


@check("two-scanners")
def two_scanners(gateway, long):
    """Two scanners at two lanes at the same time: each lane has its own, in its own order."""
    first = attach(gateway)
    second = attach(gateway, "scanner-2", 1, serial="ACM0002")
    count = 3_000 if long else 150
    parts = {"scanner-1": (first, gateway.labels(count)), "scanner-2": (second, gateway.labels(count))}
    for name, (_, labels) in parts.items():
        gateway.write_lines(f"/root/{name}", labels)
    jobs = [scanner.send(f"/root/{name}", gap_ms=2 * LINE_SPEED_GAP_MS) for name, (scanner, _) in parts.items()]
    for job in jobs:
        job.wait(600)
    for name, (_, labels) in parts.items():
        gateway.expect_accepted(name, labels, 120)
    return f"{count} scans each"
