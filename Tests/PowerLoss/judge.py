"""What must be true of a gateway's state directory after a power cut, looked at while the daemon runs on it and after.

Written from the contract and not from the daemon's code: its verifier of signatures is this file's own.
"""
import base64
import contextlib
import hashlib
import hmac
import json
import os
import sqlite3
from dataclasses import dataclass, field

NEVER = ("error:", "begin anew", "set aside")


@dataclass
class Seen:
    """What the world outside had seen before the cut."""
    acknowledged: dict  # lane: how many of its labels
    accepted: list  # (lane, number in the lane, label) that the backend had said yes to
    judged: dict  # lane: how many of its scans the backend may have judged; nothing of other lanes
    devices: dict  # name: the kids that it may have now


@dataclass
class After:
    """What the daemon says when it has started on what is left, and of the scans that it then takes."""
    status: dict
    devices: list
    keys: list
    audit_is_whole: bool
    new_labels: dict  # lane: labels, each acknowledged
    exit_code: int
    said: str
    verified: dict = field(default_factory=dict)  # bytes: scan, of those whose signature was found right at an earlier cut
    removed: int = 0  # judged scans that are kept no more, as `judge` finds


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encode(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def signed_text(gateway, scan):
    """The 23 lines that a device signs (docs/tracetrack/README.md)."""
    data = scan["data"].encode() if "data" in scan else decode(scan["data_b64"])
    raw = decode(scan["raw"]) if "raw" in scan else data
    lines = ["SCAN1", scan["alg"], gateway, scan["dev"], scan["kid"], scan["log"], scan["id"], scan["seq"], scan["lane"],
             scan["lane_seq"], scan["ts"], scan["clk"], scan["boot"], scan["mono_ms"], scan["action"], scan["role"],
             encode(scan["parent"].encode()), encode(scan["operator"].encode()), scan["corrects"], scan["sym"], scan["aim"],
             encode(hashlib.sha256(data).digest()), encode(hashlib.sha256(raw).digest())]
    return "".join(f"{line}\n" for line in lines).encode()


def label(scan):
    return decode(scan["raw"]).decode() if "raw" in scan else scan["data"]


def short(labels):
    return [text[:24] for text in labels]


def parents(labels):
    """Each label's bag; a bag has none."""
    parent, result = "", []
    for text in labels:
        parent = text if text.startswith("SB") else parent
        result.append("" if text == parent else parent)
    return result


def judge(state, labels, seen, after):
    """Every violation, a sentence each. `labels`: lane → all that was ever scanned there, in order."""
    wrong = []
    if after.exit_code != 0:
        wrong.append(f"the daemon's exit code is {after.exit_code}")
    wrong += [f"the daemon says: {line}" for line in after.said.splitlines() if any(word in line for word in NEVER)]
    wrong += [f"there is a file {name}" for name in os.listdir(state) if "damaged" in name or name.endswith(".new")
              and not name.startswith(("sessions", "sealing-key"))]
    wrong += registry(seen, after)
    if not os.path.exists(f"{state}/spool.db"):
        return wrong + ["there is no spool.db"]
    for name in ("identity.db", "spool.db"):
        with contextlib.closing(sqlite3.connect(f"file:{state}/{name}?mode=ro", uri=True)) as file:
            try:
                result = file.execute("PRAGMA integrity_check").fetchall()
                wrong += [f"{name}: {text}" for (text,) in result if text != "ok"]
                if name == "spool.db":
                    wrong += scans(file, labels, seen, after)
            except sqlite3.Error as error:
                wrong.append(f"{name}: {error}")
    return wrong


def registry(seen, after):
    found = {device["name"]: device["kid"] for device in after.devices}
    for name, kids in seen.devices.items():
        if found.get(name) not in kids:
            yield f"device {name} was added with key {kids}, and is {found.get(name, 'not there')}"
    if not after.audit_is_whole:
        yield "the audit log is broken"
    opened = {(key["name"], key["kid"]) for key in after.keys}
    for name, kid in found.items():
        if (name, kid) not in opened:
            yield f"device {name}: its key {kid} cannot be exported"


def scans(spool, labels, seen, after):
    keys = {key["kid"]: decode(key["key"]) for key in after.keys}
    rows = spool.execute(
        "SELECT s.n, l.name, s.wire FROM scan s JOIN lane l ON l.id = s.lane ORDER BY s.n").fetchall()
    lanes, ids, numbers, logs = {}, set(), set(), []
    for n, lane, wire in rows:
        scan = after.verified.get(wire) or json.loads(wire)
        lanes.setdefault(lane, []).append((n, scan))
        if scan["log"] not in logs[-1:]:
            logs.append(scan["log"])
        if scan["id"] in ids or (scan["dev"], scan["seq"]) in numbers:
            yield f"scan {n} has an id or a number that an earlier one has: {wire}"
        ids.add(scan["id"])
        numbers.add((scan["dev"], scan["seq"]))
        if scan["lane"] != lane:
            yield f"scan {n} of lane {scan['lane']} is in lane {lane}"
        if wire not in after.verified:
            mac = hmac.digest(keys.get(scan["kid"], b""), signed_text("dock-7", scan), "sha256")
            if not hmac.compare_digest(encode(mac), scan["sig"]):
                yield f"scan {n}: its signature is wrong: {wire}"
            after.verified[wire] = scan
    if len(set(logs)) != len(logs):
        yield f"a log goes on after another has begun: {logs}"
    known = dict((name, rest) for name, *rest in spool.execute("SELECT name, id, seq, appended FROM lane"))
    devices = dict(spool.execute("SELECT name, seq FROM device"))
    for name, said in labels.items():
        yield from lane_is_right(spool, name, said, lanes.get(name, []), known.get(name), devices, seen, after)
    waiting = sum(lane["waiting"] for lane in after.status["lanes_listed"])
    if waiting != after.status["spool"]["waiting"]:
        yield f"{waiting} scans wait by lane, {after.status['spool']['waiting']} in all"
    if (held := spool.execute("SELECT count(*) FROM exception").fetchone()[0]):
        yield f"{held} scans are rejected or held"


def lane_is_right(spool, lane, said, rows, known, devices, seen, after):
    acknowledged, new = seen.acknowledged.get(lane, 0), after.new_labels.get(lane, [])
    if not rows:
        if acknowledged or new:
            yield f"{lane}: {acknowledged} scans were acknowledged, none is there"
        return
    # In order of capture, nothing between: a part of what was scanned, then what was scanned after the cut.
    found = [label(scan) for _, scan in rows]
    old = found[:len(found) - len(new)]
    # Each start has a log of its own, so that a number that was given before the cut and is lost cannot be met again.
    if {scan["log"] for _, scan in rows[:len(old)]} & {scan["log"] for _, scan in rows[len(old):]}:
        yield f"{lane}: what was scanned after the cut has the log of what was scanned before"
    if found[len(old):] != new:
        yield f"{lane}: scanned after the cut {new}, stored {short(found[len(old):])}"
    # Where none is left, the lane's own count has to say how many there were.
    first = said.index(old[0]) if old and old[0] in said else 0 if old else known[2] - len(new)
    last = first + len(old)
    after.removed += first
    if old != said[first:last]:
        yield (f"{lane}: scans are missing, doubled or out of order: {short(old[:2])} … {short(old[-2:])} is not "
               f"{short(said[first:last][-2:])}")
    if last < acknowledged:
        yield f"{lane}: {acknowledged} scans were acknowledged, {last} are there: lost {short(said[last:acknowledged][:3])}"
    if first > seen.judged.get(lane, first):
        yield f"{lane}: {first} scans were removed, the backend had judged {seen.judged[lane]} at the most"
    for (n, scan), parent in zip(rows, (parents(said[:last]) + parents(new))[first:]):
        if scan["parent"] != parent:
            yield f"{lane}: scan {n} has the bag {scan['parent']!r}, scanned in {parent!r}"
    order = [scan["lane_seq"] for _, scan in rows]
    if any(later <= earlier for earlier, later in zip(order, order[1:])):
        yield f"{lane}: numbers do not rise: {order[-5:]}"
    # What the backend has said yes to is there as it was, or was removed because of that; its number is nobody else's.
    by_number = {scan["lane_seq"]: scan for _, scan in rows}
    for number, text in ((number, text) for name, number, text in seen.accepted if name == lane):
        scan = by_number.get(number)
        if scan is None and number >= order[0]:
            yield f"{lane}: the backend has number {number}, which is gone"
        if scan is not None and scan["data"] != text:
            yield f"{lane}: number {number} was {text} at the backend, and is {scan['data']}"
    if known[1] != order[-1]:
        yield f"{lane}: the lane's number is {known[1]}, its last scan's {order[-1]}"
    if known[2] != last + len(new):
        yield f"{lane}: the lane counts {known[2]} scans, {last + len(new)} were stored"
    device, number = rows[-1][1]["dev"], rows[-1][1]["seq"]
    if devices.get(device) != number:
        yield f"{device}: its number is {devices.get(device)}, its last scan's {number}"
    # The bag that the gate believed in when it started is that of the last scan that is there.
    bags = [place for place, text in enumerate(said[:last]) if text.startswith("SB")]
    believed = next((one for one in after.status["lanes"] if one["name"] == lane), None)
    if bags and (not believed or (believed["parent"], believed["children"]) != (said[bags[-1]], last - bags[-1] - 1)):
        yield f"{lane}: its bag is {said[bags[-1]]} with {last - bags[-1] - 1} children, the gate has {believed}"
    cursor = spool.execute("SELECT n, settled FROM cursor WHERE lane = ?", (known[0],)).fetchone()
    n, settled = cursor or (0, 0)
    stored = first + sum(place <= n for place, _ in rows)
    if settled != stored:
        yield f"{lane}: the cursor has passed {stored} scans and counts {settled}"
    if first > settled:
        yield f"{lane}: {first} scans were removed, {settled} had been judged"
