#!/usr/bin/python3
"""Batches at a steady rate against gunicorn and PostgreSQL of one's own: answers a second, and how long each took.

usage: bench.py [RATE] [SECONDS] [SCANS]      defaults: 500 batches a second, 10 s, 1 scan a batch

A batch has its moment; how long it took counts from there, whether or not the sender was late. Everything runs on this
machine, the sender too, and nothing is synced to disk (local.py): a rough figure, not a promise.
"""
import asyncio
import hashlib
import hmac
import json
import os
import secrets
import sys
import time
from collections import Counter

import psycopg2

from devices.scan import b64u, key_id, parse
from local import cluster, serving

KEY = secrets.token_bytes(32)
TOKEN = secrets.token_hex(16)
CONNECTIONS = 32


def register(url: str, scans: int) -> None:
    """One gateway, one device, and the bags that its scans are put into."""
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO device_gateway (gateway, user_id) VALUES ('dock-7', 1)")
        cursor.execute(
            "INSERT INTO device_gateway_key (keyid, gateway, token_sha256) VALUES ('dock-7:bench', 'dock-7', %s)",
            (hashlib.sha256(TOKEN.encode()).digest(),))
        cursor.execute(
            "INSERT INTO device_key (kid, gateway, dev, alg, key) VALUES (%s, 'dock-7', 'scanner-1', 'hs256', %s)",
            (key_id(KEY), KEY))
        cursor.execute(
            "INSERT INTO bag (qr_id, type) SELECT 'SB' || to_char(n, 'FM00000'), 'parent'"
            " FROM generate_series(0, %s) AS n",
            (scans // 30,))


def uuid(number: int) -> str:
    """An id of its own for each number."""
    return f"019aa0c2-7a10-7f00-8000-{number:012x}"


def scan(seq: int) -> dict[str, object]:
    """A child of a bag; 30 go into each."""
    one: dict[str, object] = {
        "id": uuid(seq), "dev": "scanner-1", "kid": key_id(KEY), "log": "9f2c4a1be07d6358", "seq": seq,
        "lane": "table-1", "lane_seq": seq, "ts": "2026-11-21T03:59:58.004Z", "clk": "s",
        "boot": "1f0e8a52-6c1b-4b8e-9a53-2f1f6f0f7a11", "mono_ms": seq, "action": "scan",
        "role": "child", "parent": f"SB{seq // 30:05d}", "operator": "", "corrects": "", "sym": "QR", "aim": "]Q1",
        "data": f"C{seq:09d}", "alg": "hs256", "sig": b64u(bytes(32))}
    text = parse(one, "dock-7").signing_text("hs256")
    return one | {"sig": b64u(hmac.digest(KEY, text, "sha256"))}


def request(number: int, scans: int) -> bytes:
    """One batch, ready to be sent."""
    batch_id = uuid(number | 1 << 47)
    batch = {"v": 1, "batch_id": batch_id, "gateway": "dock-7",
             "scans": [scan(seq) for seq in range(number * scans, (number + 1) * scans)]}
    body = json.dumps(batch).encode()
    head = (
        "POST /api/fast_parent_scan HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        "Content-Type: application/vnd.scan-batch+json;v=1\r\n"
        f'Idempotency-Key: "{batch_id}"\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {len(body)}\r\n\r\n')
    return head.encode() + body


async def send(port: int, work: "asyncio.Queue[tuple[float, bytes] | None]", took: list[float], words: Counter) -> None:
    """One connection: takes batches until there is no more."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while (item := await work.get()) is not None:
        due, sent = item
        writer.write(sent)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        body = await reader.readexactly(length)
        took.append(time.perf_counter() - due)
        words[head.split(b" ")[1].decode()] += 1
        for result in json.loads(body).get("results", []):
            words[result["status"]] += 1
    writer.close()


async def run(port: int, rate: int, seconds: int, scans: int) -> None:
    """Sends, and prints what was seen."""
    requests = [request(number, scans) for number in range(rate * seconds)]
    work: asyncio.Queue[tuple[float, bytes] | None] = asyncio.Queue()
    took: list[float] = []
    words: Counter = Counter()
    senders = [asyncio.create_task(send(port, work, took, words)) for _ in range(CONNECTIONS)]
    start = time.perf_counter() + 0.1
    for number, one in enumerate(requests):
        due = start + number / rate
        if (pause := due - time.perf_counter()) > 0:
            await asyncio.sleep(pause)
        work.put_nowait((due, one))
    for _ in senders:
        work.put_nowait(None)
    await asyncio.gather(*senders)
    elapsed = time.perf_counter() - start
    took.sort()
    at = {share: took[min(len(took) - 1, int(len(took) * share))] * 1000 for share in (0.5, 0.95, 0.99)}
    print(f"{len(took) / elapsed:.0f} batches/s of {scans}: p50 {at[0.5]:.1f} ms, p95 {at[0.95]:.1f} ms, "
          f"p99 {at[0.99]:.1f} ms; {dict(words)}; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


def main() -> None:
    """See the usage above."""
    rate, seconds, scans = (int(word) for word in (sys.argv[1:] + ["500", "10", "1"][len(sys.argv) - 1:]))
    with cluster() as directory, serving(directory) as told:
        register(told["dsn"], rate * seconds * scans)
        asyncio.run(run(told["port"], rate, seconds, scans))


if __name__ == "__main__":
    main()
