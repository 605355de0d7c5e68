"""One scan of a batch: its syntax, the text that its device signed, and the signature."""
import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from .strictjson import Repeated

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
HEX16 = re.compile(r"[0-9a-f]{16}")
_AIM = re.compile(r"(\][A-Za-z][0-9A-Za-z])?")
_TIMESTAMP = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})\.([0-9]{3})Z")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")
ACTIONS = ("scan", "unlink", "bill", "return")
ROLES = ("parent", "child", "other")
SYMBOLOGIES = (
    "unknown", "QR", "MicroQR", "DataMatrix", "Aztec", "PDF417", "Code128", "GS1-128", "Code39", "Code93", "Codabar",
    "ITF", "EAN-13", "EAN-8", "DataBar")
LARGEST_INTEGER = 2**53 - 1


class Malformed(Exception):
    """A scan does not match the contract's syntax."""


@dataclass(frozen=True)
class Scan:
    """A scan of valid syntax, in the strings that were received. Nobody has verified its signature yet."""

    gateway: str
    id: str
    dev: str
    kid: str
    log: str
    seq: int
    lane: str
    lane_seq: int
    ts: str
    clk: str
    boot: str
    mono_ms: int
    action: str
    role: str
    parent: str
    operator: str
    corrects: str
    sym: str
    aim: str
    data: bytes
    raw: bytes | None
    sig: bytes

    def signing_text(self, alg: str) -> bytes:
        """The 23 fields, a line feed after each; `alg` is the registry's, never the message's."""
        data = b64u(hashlib.sha256(self.data).digest())
        raw = data if self.raw is None else b64u(hashlib.sha256(self.raw).digest())
        fields = (
            "SCAN1", alg, self.gateway, self.dev, self.kid, self.log, self.id, str(self.seq), self.lane,
            str(self.lane_seq), self.ts, self.clk, self.boot, str(self.mono_ms), self.action, self.role,
            b64u(self.parent.encode()), b64u(self.operator.encode()), self.corrects, self.sym, self.aim, data, raw)
        return "".join(field + "\n" for field in fields).encode()

    def is_signed_by(self, alg: str, key: bytes) -> bool:
        """Whether the device's key made the signature; compared in constant time."""
        text = self.signing_text(alg)
        if alg == "hs256":
            return hmac.compare_digest(hmac.digest(key, text, "sha256"), self.sig)
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(self.sig, text)
            return True
        except (InvalidSignature, ValueError):
            return False

    @property
    def captured_at(self) -> datetime | None:
        """The wall clock at capture, or None for the year 0, which neither Python nor PostgreSQL knows."""
        return _moment(self.ts)


def b64u(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64u(text: str) -> bytes:
    """The bytes of base64url without padding; raises ValueError, also where left-over bits are not zero."""
    if not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        raise ValueError("is no base64url")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    # Two texts must never decode to the same signature.
    if b64u(data) != text:
        raise ValueError("is no canonical base64url")
    return data


def key_id(key: bytes) -> str:
    """The id of a key or public key."""
    return hashlib.sha256(b"scangate kid v1\n" + key).hexdigest()[:16]


def readable_id(value: Any) -> str | None:
    """The id of a scan, however broken the rest is; None where nobody could be told."""
    text = value.get("id") if isinstance(value, dict) else None
    return text if isinstance(text, str) and UUID.fullmatch(text) else None


def parse(value: Any, gateway: str) -> Scan:
    """Reads one element of `scans`; raises Malformed with the field and what is wrong with it."""
    if not isinstance(value, dict):
        raise Malformed("scan: is no object")
    if isinstance(value, Repeated):
        raise Malformed("scan: names a key twice")
    _text(value, "alg", ("hs256", "ed25519"))
    sig = _bytes(value, "sig")
    if sig is None or len(sig) not in (32, 64):
        raise Malformed("sig: must be 43 or 86 characters of base64url")
    return Scan(
        gateway=gateway, id=_text(value, "id", UUID), dev=_text(value, "dev", NAME), kid=_text(value, "kid", HEX16),
        log=_text(value, "log", HEX16), seq=_integer(value, "seq"), lane=_text(value, "lane", NAME),
        lane_seq=_integer(value, "lane_seq"), ts=_timestamp(value), clk=_text(value, "clk", ("s", "u")),
        boot=_text(value, "boot", UUID), mono_ms=_integer(value, "mono_ms"), action=_text(value, "action", ACTIONS),
        role=_text(value, "role", ROLES), parent=_text(value, "parent"), operator=_text(value, "operator"),
        corrects=_text(value, "corrects", re.compile(f"({UUID.pattern})?")), sym=_text(value, "sym", SYMBOLOGIES),
        aim=_text(value, "aim", _AIM), data=_data(value), raw=_bytes(value, "raw"), sig=sig)


def _text(value: dict[str, Any], name: str, syntax: re.Pattern[str] | tuple[str, ...] | None = None) -> str:
    text = value.get(name)
    if not isinstance(text, str):
        raise Malformed(f"{name}: must be a string")
    matches = text in syntax if isinstance(syntax, tuple) else syntax is None or syntax.fullmatch(text)
    # A lone surrogate is no text: nobody could sign it.
    if not matches or not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise Malformed(f"{name}: does not match the contract's syntax")
    return text


def _integer(value: dict[str, Any], name: str) -> int:
    number = value.get(name)
    if type(number) is not int or not 0 <= number <= LARGEST_INTEGER:
        raise Malformed(f"{name}: must be an integer from 0 to 2^53 - 1")
    return number


def _bytes(value: dict[str, Any], name: str) -> bytes | None:
    if name not in value:
        return None
    try:
        return unb64u(_text(value, name))
    except ValueError as error:
        raise Malformed(f"{name}: must be base64url without padding") from error


def _data(value: dict[str, Any]) -> bytes:
    encoded = _bytes(value, "data_b64")
    if (encoded is None) == ("data" not in value):
        raise Malformed("data: one of data and data_b64 must be there")
    if encoded is not None:
        return encoded
    text = _text(value, "data")
    if "\0" in text:
        raise Malformed("data: must be a string without NUL")
    return text.encode()


def _timestamp(value: dict[str, Any]) -> str:
    text = _text(value, "ts", _TIMESTAMP)
    try:
        # The year 0 is a leap year, as 2000 is.
        _moment("2000" + text[4:] if text.startswith("0000") else text)
    except ValueError as error:
        raise Malformed("ts: does not match the contract's syntax") from error
    return text


def _moment(text: str) -> datetime | None:
    match = _TIMESTAMP.fullmatch(text)
    if match is None or match[1] == "0000":
        return None
    year, month, day, hour, minute, second, ms = (int(part) for part in match.groups())
    return datetime(year, month, day, hour, minute, second, ms * 1000, tzinfo=timezone.utc)
