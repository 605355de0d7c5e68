"""The request around a batch: size, digest, who sends it, and its JSON. What is wrong here refuses it as a whole."""
import time
import zlib
from dataclasses import dataclass
from typing import Any, Callable
from urllib.parse import urlsplit

from flask import Request

from . import signature
from .scan import NAME, UUID
from .strictjson import NotJSON, Repeated, loads

MEDIA_TYPE = "application/vnd.scan-batch+json"
#: The largest body, before and after it is unpacked.
LARGEST_BODY = 1 << 20
#: What is read and thrown away of a larger one, so that the sender sees its 413 and no reset connection.
LARGEST_DRAINED = 16 << 20


class Refusal(Exception):
    """A request that is refused as a whole."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message


@dataclass(frozen=True)
class Batch:
    """A batch whose header is valid; each scan is still to be read."""

    id: str
    gateway: str
    scans: list[Any]


@dataclass(frozen=True)
class Secrets:
    """How to look up what a sender shows: the gateway of a token, the gateway and key of a keyid; None: unknown."""

    of_token: Callable[[str], str | None]
    of_keyid: Callable[[str], tuple[str, bytes] | None]


def is_batch(request: Request) -> bool:
    """Whether the request is of the contract tracetrack-devices; all others stay with the old view."""
    return request.method == "POST" and request.mimetype == MEDIA_TYPE


def read_body(request: Request) -> bytes:
    """The bytes as sent, digest checked; raises Refusal."""
    if request.mimetype_params.get("v") != "1":
        raise Refusal(415, f"Content-Type must be {MEDIA_TYPE};v=1")
    if request.headers.get("Content-Encoding", "identity").lower() not in ("identity", "gzip"):
        raise Refusal(415, "Content-Encoding must be gzip or absent")
    body = _read(request, LARGEST_BODY + 1)
    if len(body) > LARGEST_BODY:
        _read(request, LARGEST_DRAINED)
        raise Refusal(413, "the batch is too large")
    digest = request.headers.get("Content-Digest")
    if digest is not None and digest != signature.content_digest(body):
        raise Refusal(400, "Content-Digest is not that of the body")
    return body


def _read(request: Request, most: int) -> bytes:
    chunks: list[bytes] = []
    left = most
    while left > 0 and (chunk := request.stream.read(min(left, 1 << 16))):
        chunks.append(chunk)
        left -= len(chunk)
    return b"".join(chunks)


def authenticate(request: Request, secrets: Secrets) -> str:
    """The gateway that sends; raises Refusal with 401."""
    try:
        if "Signature-Input" in request.headers:
            return _signer(request, secrets)
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        gateway = secrets.of_token(token.strip()) if scheme.lower() == "bearer" else None
        if gateway is None:
            raise signature.Unsigned("the request is not signed, and its bearer token is missing or unknown")
        return gateway
    except signature.Unsigned as error:
        raise Refusal(401, str(error)) from error


def _signer(request: Request, secrets: Secrets) -> str:
    signed = signature.parse(request.headers["Signature-Input"], request.headers.get("Signature", ""))
    known = secrets.of_keyid(signed.keyid)
    if known is None:
        raise signature.Unsigned("the request's signature is wrong, or its key is unknown")
    gateway, secret = known
    required = ["@method", "@path", "@authority", "content-digest", "content-type"]
    required += [name for name in ("content-encoding", "idempotency-key") if name in request.headers]
    signature.verify(signed, _components(request), required, secret, time.time())
    return gateway


def _components(request: Request) -> dict[str, str]:
    values = {name.lower(): value.strip() for name, value in request.headers.items()}
    # The path as it was sent; a server that does not tell it has decoded it, which is the same for this path.
    sent = request.environ.get("RAW_URI") or request.path
    authority = request.headers.get("Host", "").lower()
    port = ":443" if request.scheme == "https" else ":80"
    return values | {
        "@method": request.method, "@path": urlsplit(sent).path, "@authority": authority.removesuffix(port)}


def parse(request: Request, body: bytes) -> Batch:
    """Unpacks and reads the batch; raises Refusal."""
    if request.headers.get("Content-Encoding", "").lower() == "gzip":
        body = _unpack(body)
    try:
        value = loads(body)
    except NotJSON as error:
        raise Refusal(400, f"the batch is no JSON: {error}") from error
    batch = _header(value)
    # A sender that leaves the header out is held to the batch's own id.
    if request.headers.get("Idempotency-Key", f'"{batch.id}"') != f'"{batch.id}"':
        raise Refusal(400, "Idempotency-Key must be the batch_id in quotes")
    return batch


def _unpack(body: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        plain = unpacker.decompress(body, LARGEST_BODY + 1)
    except zlib.error as error:
        raise Refusal(400, "the body is no gzip") from error
    if len(plain) > LARGEST_BODY:
        raise Refusal(413, "the batch is too large")
    if not unpacker.eof or unpacker.unused_data:
        raise Refusal(400, "the body is no gzip")
    return plain


def _header(value: Any) -> Batch:
    if not isinstance(value, dict) or isinstance(value, Repeated):
        raise Refusal(400, "batch: must be an object that names each key once")
    if value.get("v") is True or value.get("v") != 1:
        raise Refusal(400, "v: must be 1")
    batch_id, gateway, scans = value.get("batch_id"), value.get("gateway"), value.get("scans")
    if not isinstance(batch_id, str) or not UUID.fullmatch(batch_id):
        raise Refusal(400, "batch_id: must be a lower-case UUID")
    if not isinstance(gateway, str) or not NAME.fullmatch(gateway):
        raise Refusal(400, "gateway: must be a name of 1 to 63 characters")
    if not isinstance(scans, list):
        raise Refusal(400, "scans: must be an array")
    return Batch(batch_id, gateway, scans)
