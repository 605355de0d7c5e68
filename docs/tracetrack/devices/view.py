"""The batch's way through: read, prove, claim, judge, store, answer. One transaction a batch."""
import hashlib
import json
import logging
import time
from datetime import datetime, timezone
from typing import Any

import psycopg2
from flask import Request, Response, current_app, jsonify
from psycopg2 import errors
from psycopg2.extensions import cursor as Cursor

from . import incoming, rules, store
from .database import transaction
from .incoming import Batch, Refusal
from .scan import Malformed, Scan, parse, readable_id

log = logging.getLogger("devices")
#: Seconds after which a gateway is to ask again where the database does not answer.
RETRY_AFTER_S = 5
_ATTEMPTS = 5
# Another transaction was in the way: the same work, done again, finds its result.
_COLLISIONS = (errors.SerializationFailure, errors.DeadlockDetected, errors.UniqueViolation)
_FORGET_EVERY_S = 60
_forgotten_at = 0.0


def receive(request: Request) -> Response:
    """The answer to a batch. After it was sent, what it says is committed."""
    try:
        body = incoming.read_body(request)
        return Response(_answer(request, body), mimetype="application/json")
    except Refusal as refusal:
        log.warning("batch refused: %s %s", refusal.status, refusal.message)
        return _error(refusal.status, refusal.message)
    except psycopg2.Error as error:
        # Nothing was changed, or the commit's outcome is unknown: in both cases the same bytes again are right.
        log.error("the database: %s: %s", type(error).__name__, str(error).strip())
        response = _error(503, "the database does not answer; nothing is lost, send the same bytes again")
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
        return response


def _error(status: int, message: str) -> Response:
    response = jsonify(error=message)
    response.status_code = status
    return response


def _answer(request: Request, body: bytes) -> bytes:
    dsn = current_app.config["DEVICES_DATABASE_URL"]
    for left in reversed(range(_ATTEMPTS)):
        try:
            with transaction(dsn) as cursor:
                reply = _handle(cursor, request, body)
            break
        except _COLLISIONS:
            if left == 0:
                raise
    _forget_old(dsn)
    return reply


def _handle(cursor: Cursor, request: Request, body: bytes) -> bytes:
    secrets = incoming.Secrets(
        lambda token: store.gateway_of_token(cursor, token), lambda keyid: store.gateway_of_keyid(cursor, keyid))
    sender = incoming.authenticate(request, secrets)
    batch = incoming.parse(request, body)
    if batch.gateway != sender:
        raise Refusal(403, f"{sender} may not send for another gateway")
    digest = hashlib.sha256(body).digest()
    earlier = store.claim(cursor, sender, batch.id, digest)
    if earlier is None:
        reply = _reply(batch, judge(cursor, batch))
        store.keep_reply(cursor, sender, batch.id, reply)
        return reply
    if earlier[0] != digest:
        raise Refusal(422, "this Idempotency-Key was used for other bytes")
    return earlier[1]


def _reply(batch: Batch, results: list[dict[str, Any]]) -> bytes:
    now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    reply = {"v": 1, "batch_id": batch.id, "server_time": now, "results": results}
    return json.dumps(reply, ensure_ascii=False, separators=(",", ":")).encode()


def judge(cursor: Cursor, batch: Batch) -> list[dict[str, Any]]:
    """The results in the order of the batch; what was accepted is stored when it returns."""
    read = [(readable_id(value), _read(value, batch.gateway)) for value in batch.scans]
    scans = [scan for _, scan in read if isinstance(scan, Scan)]
    if not scans:
        return [_malformed(id, scan) for id, scan in read if id is not None]
    store.lock_labels(cursor, scans)
    keys = store.keys(cursor, scans)
    known = store.known(cursor, scans)
    before = store.bags(cursor, scans)
    after = before.copy()
    accepted: list[Scan] = []
    results: list[dict[str, Any]] = []
    most = current_app.config["DEVICES_CHILDREN_PER_PARENT"]
    for id, scan in read:
        # A scan whose id cannot be read gets no result: nobody could be told.
        if id is None:
            continue
        if not isinstance(scan, Scan):
            results.append(_malformed(id, scan))
            continue
        try:
            rules.check_identity(scan, keys.get(scan.kid))
            feedback = _accept(scan, known, after, most)
            accepted.append(scan)
            results.append({"id": id, "status": "accepted"} | ({"feedback": feedback} if feedback else {}))
        except rules.Duplicate:
            results.append({"id": id, "status": "duplicate"})
        except rules.Refused as refused:
            results.append({"id": id, "status": "rejected", "code": refused.code, "text": refused.text})
    store.save_bags(cursor, before, after)
    if accepted:
        store.save_scans(cursor, batch.id, accepted)
    return results


def _read(value: Any, gateway: str) -> Scan | str:
    try:
        return parse(value, gateway)
    except Malformed as error:
        return str(error)


def _malformed(id: str, reason: Scan | str) -> dict[str, Any]:
    return {"id": id, "status": "rejected", "code": "malformed", "text": str(reason)}


def _accept(scan: Scan, known: store.Known, bags: rules.Bags, most: int) -> dict[str, Any] | None:
    if known.is_known(scan):
        if known.is_same(scan):
            raise rules.Duplicate
        raise rules.Refused("seq_conflict", "this id or number belongs to another scan")
    feedback = rules.apply(scan, bags, most)
    known.add(scan)
    return feedback


def _forget_old(dsn: str) -> None:
    """Clears old answers away, now and then, in a transaction that no answer depends on."""
    global _forgotten_at
    if time.monotonic() - _forgotten_at < _FORGET_EVERY_S:
        return
    _forgotten_at = time.monotonic()
    try:
        with transaction(dsn) as cursor:
            store.forget_old(cursor)
    except psycopg2.Error as error:
        log.warning("old answers stay for now: %s", error)
