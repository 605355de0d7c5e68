"""What the devices way reads and writes. The only file that knows TraceTrack's tables: adapt it here, and only here."""
import hashlib
import zlib
from typing import Any, Iterable

from psycopg2.extensions import cursor as Cursor
from psycopg2.extras import execute_values

from .rules import Bags, Key, bag_label
from .scan import Scan

#: Advisory locks: batches that touch the same label come one after the other. Few enough that no server runs out of
#: room for locks, always taken in rising order, so that no two batches wait for each other.
_BUCKETS = 64
_LOCK_SPACE = 0x53434E


def gateway_of_token(cursor: Cursor, token: str) -> str | None:
    """The gateway that a bearer token belongs to, or None."""
    cursor.execute(
        "SELECT gateway FROM device_gateway_key WHERE token_sha256 = %s AND revoked_at IS NULL",
        (hashlib.sha256(token.encode()).digest(),))
    row = cursor.fetchone()
    return row[0] if row else None


def gateway_of_keyid(cursor: Cursor, keyid: str) -> tuple[str, bytes] | None:
    """The gateway and the secret of a keyid, or None."""
    cursor.execute(
        "SELECT gateway, secret FROM device_gateway_key"
        " WHERE keyid = %s AND secret IS NOT NULL AND revoked_at IS NULL", (storable(keyid),))
    row = cursor.fetchone()
    return (row[0], bytes(row[1])) if row else None


def claim(cursor: Cursor, gateway: str, batch_id: str, digest: bytes) -> tuple[bytes, bytes] | None:
    """Takes the batch id for this transaction, or returns (digest, reply) of whoever had it within 24 hours.

    A second request with the same id waits here until the first one has committed or failed.
    """
    cursor.execute(
        "INSERT INTO device_batch AS b (gateway, batch_id, digest) VALUES (%s, %s, %s)"
        " ON CONFLICT (gateway, batch_id) DO UPDATE SET digest = excluded.digest, reply = NULL, received_at = now()"
        " WHERE b.received_at < now() - interval '25 hours' RETURNING true", (gateway, batch_id, digest))
    if cursor.fetchone():
        return None
    cursor.execute(
        "SELECT digest, reply FROM device_batch WHERE gateway = %s AND batch_id = %s", (gateway, batch_id))
    row = cursor.fetchone()
    return (bytes(row[0]), bytes(row[1])) if row else None


def keep_reply(cursor: Cursor, gateway: str, batch_id: str, reply: bytes) -> None:
    """Stores the answer, in the transaction that did what it says."""
    cursor.execute(
        "UPDATE device_batch SET reply = %s WHERE gateway = %s AND batch_id = %s", (reply, gateway, batch_id))


def forget_old(cursor: Cursor) -> None:
    """Clears away some answers that are older than the contract wants; workers side by side take different ones."""
    cursor.execute(
        "DELETE FROM device_batch WHERE ctid = ANY(ARRAY(SELECT ctid FROM device_batch"
        " WHERE received_at < now() - interval '25 hours' ORDER BY received_at LIMIT 1000 FOR UPDATE SKIP LOCKED))")


def lock_labels(cursor: Cursor, scans: Iterable[Scan]) -> None:
    """Waits until no other batch works on these labels; the locks go with the transaction."""
    labels = {label for scan in scans for label in (bag_label(scan), scan.parent)}
    buckets = sorted({zlib.crc32(label.encode()) % _BUCKETS for label in labels})
    cursor.execute("SELECT pg_advisory_xact_lock(%s, b) FROM unnest(%s::int[]) AS b", (_LOCK_SPACE, buckets))


def keys(cursor: Cursor, scans: Iterable[Scan]) -> dict[str, Key]:
    """The registry's rows for these scans, by kid."""
    cursor.execute(
        "SELECT kid, gateway, dev, alg, key, disabled_at IS NOT NULL, revoked_at IS NOT NULL FROM device_key"
        " WHERE kid = ANY(%s)", (list({scan.kid for scan in scans}),))
    return {row[0]: Key(row[1], row[2], row[3], bytes(row[4]), row[5], row[6]) for row in cursor}


def known(cursor: Cursor, scans: list[Scan]) -> "Known":
    """Which of these ids and numbers are stored already, and for which scan."""
    cursor.execute(
        "SELECT event_id::text, gateway, dev, log, seq, sig FROM device_scan WHERE event_id = ANY(%s::uuid[])"
        " UNION SELECT event_id::text, d.gateway, d.dev, d.log, d.seq, sig FROM device_scan AS d"
        " JOIN unnest(%s::text[], %s::text[], %s::text[], %s::bigint[]) AS s(gateway, dev, log, seq)"
        " ON (d.gateway, d.dev, d.log, d.seq) = (s.gateway, s.dev, s.log, s.seq)",
        ([scan.id for scan in scans], [scan.gateway for scan in scans], [scan.dev for scan in scans],
         [scan.log for scan in scans], [scan.seq for scan in scans]))
    found = Known()
    for event_id, gateway, dev, log, seq, sig in cursor:
        found.by_id[event_id] = bytes(sig)
        found.by_number[(gateway, dev, log, seq)] = event_id
    return found


class Known:
    """The scans that are stored, or accepted earlier in this batch."""

    def __init__(self) -> None:
        self.by_id: dict[str, bytes] = {}
        self.by_number: dict[tuple[str, str, str, int], str] = {}

    def is_known(self, scan: Scan) -> bool:
        """Whether its id or its number is taken."""
        return scan.id in self.by_id or _number(scan) in self.by_number

    def is_same(self, scan: Scan) -> bool:
        """Whether both belong to this very scan."""
        return self.by_number.get(_number(scan)) == scan.id and self.by_id.get(scan.id) == scan.sig

    def add(self, scan: Scan) -> None:
        """Remembers a scan that has been accepted."""
        self.by_id[scan.id] = scan.sig
        self.by_number[_number(scan)] = scan.id


def _number(scan: Scan) -> tuple[str, str, str, int]:
    return (scan.gateway, scan.dev, scan.log, scan.seq)


def bags(cursor: Cursor, scans: Iterable[Scan]) -> Bags:
    """The bags that these scans name, their links and counts. Rows are locked against TraceTrack's own views too."""
    labels = sorted({storable(label) for scan in scans for label in (bag_label(scan), scan.parent) if label})
    cursor.execute("SELECT qr_id, type FROM bag WHERE qr_id = ANY(%s) ORDER BY id FOR UPDATE", (labels,))
    found = Bags(types=dict(cursor.fetchall()))
    if not found.types:
        return found
    cursor.execute(
        "SELECT c.qr_id, p.qr_id FROM link AS l JOIN bag AS c ON c.id = l.child_bag_id"
        " JOIN bag AS p ON p.id = l.parent_bag_id WHERE c.qr_id = ANY(%s) ORDER BY l.id", (list(found.types),))
    for child, parent in cursor:
        found.parents.setdefault(child, []).append(parent)
    cursor.execute(
        "SELECT p.qr_id, count(*) FROM link AS l JOIN bag AS p ON p.id = l.parent_bag_id WHERE p.qr_id = ANY(%s)"
        " GROUP BY p.qr_id", (list(found.types),))
    found.counts.update(cursor.fetchall())
    return found


def save_bags(cursor: Cursor, before: Bags, after: Bags) -> None:
    """Writes the difference between two states of the bags, and nothing else."""
    was, now = _links(before), _links(after)
    if gone := [link for link in was if link not in now]:
        execute_values(
            cursor,
            "DELETE FROM link USING (VALUES %s) AS gone(child, parent), bag AS c, bag AS p WHERE c.qr_id = gone.child"
            " AND p.qr_id = gone.parent AND link.child_bag_id = c.id AND link.parent_bag_id = p.id", gone)
    # A child bag that was taken out and is now a parent goes and comes back: old scans of it were of a child.
    if removed := sorted(label for label, kind in before.types.items() if after.types.get(label) != kind):
        cursor.execute(
            "UPDATE scan SET child_bag_id = NULL FROM bag WHERE bag.id = child_bag_id AND qr_id = ANY(%s)", (removed,))
        cursor.execute("DELETE FROM bag WHERE qr_id = ANY(%s)", (removed,))
    if added := sorted((label, kind) for label, kind in after.types.items() if before.types.get(label) != kind):
        execute_values(
            cursor, "INSERT INTO bag (qr_id, type, created_at) VALUES %s", added,
            template="(%s, %s, now() AT TIME ZONE 'utc')")
    if made := [link for link in now if link not in was]:
        execute_values(
            cursor,
            "INSERT INTO link (parent_bag_id, child_bag_id, created_at) SELECT p.id, c.id, now() AT TIME ZONE 'utc'"
            " FROM (VALUES %s) AS made(child, parent) JOIN bag AS c ON c.qr_id = child"
            " JOIN bag AS p ON p.qr_id = parent",
            made)


def _links(bags: Bags) -> dict[tuple[str, str], None]:
    """A set that keeps its order."""
    return {(child, parent): None for child, own in bags.parents.items() for parent in own}


def save_scans(cursor: Cursor, batch_id: str, accepted: list[Scan]) -> None:
    """Stores what was accepted: a row of `scan` for each bag scanned, as TraceTrack counts them, and our own beside."""
    counted = [scan for scan in accepted if scan.action == "scan" and scan.role in ("parent", "child")]
    ids: dict[str, int] = {}
    if counted:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('scan', 'id')) FROM generate_series(1, %s)", (len(counted),))
        ids = {scan.id: row[0] for scan, row in zip(counted, cursor.fetchall())}
        execute_values(
            cursor,
            'INSERT INTO scan (id, "timestamp", parent_bag_id, child_bag_id, user_id)'
            " SELECT v.id, now() AT TIME ZONE 'utc', p.id, c.id, g.user_id"
            " FROM (VALUES %s) AS v(id, gateway, parent, child)"
            " JOIN device_gateway AS g ON g.gateway = v.gateway LEFT JOIN bag AS p ON p.qr_id = v.parent"
            " LEFT JOIN bag AS c ON c.qr_id = v.child", [_scan_row(scan, ids[scan.id]) for scan in counted])
    execute_values(
        cursor,
        "INSERT INTO device_scan (event_id, scan_id, gateway, dev, kid, log, seq, lane, lane_seq, captured_at,"
        " clock_synced, boot, mono_ms, action, role, label, raw, parent, operator, corrects, sym, aim, sig, batch_id)"
        " VALUES %s", [_device_row(scan, ids.get(scan.id), batch_id) for scan in accepted])


def _scan_row(scan: Scan, scan_id: int) -> tuple[Any, ...]:
    label = bag_label(scan)
    return (scan_id, scan.gateway) + ((label, None) if scan.role == "parent" else (scan.parent, label))


def _device_row(scan: Scan, scan_id: int | None, batch_id: str) -> tuple[Any, ...]:
    return (
        scan.id, scan_id, scan.gateway, scan.dev, scan.kid, scan.log, scan.seq, scan.lane, scan.lane_seq,
        scan.captured_at, scan.clk == "s", scan.boot, scan.mono_ms, scan.action, scan.role, scan.data, scan.raw,
        storable(scan.parent), storable(scan.operator), scan.corrects or None, scan.sym, scan.aim, scan.sig, batch_id)


def storable(text: str) -> str:
    """Text as PostgreSQL takes it: it has no NUL, so a picture of one stands for it."""
    return text.replace("\0", "\u2400")
