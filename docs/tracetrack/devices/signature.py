"""How a gateway proves itself: an RFC 9421 signature with HMAC-SHA256, or a bearer token. No database here."""
import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass

_ITEM = r'"[a-z0-9@_-]+"'
_INPUT = re.compile(
    rf'(?P<label>[a-z*][a-z0-9_.*-]*)=(?P<parameters>\((?P<names>{_ITEM}(?: {_ITEM})*)\)(?P<rest>(?:;[a-z]+=[^;,]+)*))')
#: Seconds that a request's signature may be off.
WINDOW_S = 300


class Unsigned(Exception):
    """The request does not prove who sent it."""


@dataclass(frozen=True)
class SignedRequest:
    """The two headers, taken apart. Nothing is verified yet."""

    names: list[str]
    created: int
    keyid: str
    parameters: str
    signature: bytes

    def base(self, values: dict[str, str]) -> bytes:
        """The signature base (RFC 9421, section 2.5), over the parameters as received."""
        lines = [f'"{name}": {values[name]}\n' for name in self.names]
        return ("".join(lines) + f'"@signature-params": {self.parameters}').encode()


def content_digest(body: bytes) -> str:
    """The value of Content-Digest (RFC 9530) over the bytes as sent."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def parse(signature_input: str, signature: str) -> SignedRequest:
    """Reads `Signature-Input` and `Signature`, of one signature each; raises Unsigned."""
    match = _INPUT.fullmatch(signature_input.strip())
    if match is None:
        raise Unsigned("Signature-Input cannot be read")
    parameters = dict(item.split("=", 1) for item in match["rest"].split(";")[1:])
    names = [name[1:-1] for name in match["names"].split(" ")]
    if len(set(names)) != len(names) or parameters.get("alg", '"hmac-sha256"') != '"hmac-sha256"':
        raise Unsigned("the signature must be hmac-sha256, over each component once")
    created, keyid = parameters.get("created", ""), parameters.get("keyid", "")
    if not re.fullmatch(r"[0-9]{1,12}", created) or not re.fullmatch(r'"[^"\\]{1,200}"', keyid):
        raise Unsigned("the signature must name created and keyid")
    code = re.fullmatch(rf"{re.escape(match['label'])}=:([A-Za-z0-9+/=]+):", signature.strip())
    try:
        given = base64.b64decode(code[1], validate=True) if code else b""
    except binascii.Error as error:
        raise Unsigned("Signature cannot be read") from error
    return SignedRequest(names, int(created), keyid[1:-1], match["parameters"], given)


def verify(signed: SignedRequest, values: dict[str, str], required: list[str], secret: bytes, now_s: float) -> None:
    """Raises Unsigned where the signature is not that of this request by this key, or not of now."""
    missing = [name for name in required if name not in signed.names]
    absent = [name for name in signed.names if name not in values]
    if missing or absent:
        raise Unsigned(f"the signature must cover {', '.join(missing)}" if missing else "a signed header is not there")
    if not hmac.compare_digest(hmac.digest(secret, signed.base(values), "sha256"), signed.signature):
        raise Unsigned("the request's signature is wrong, or its key is unknown")
    if abs(now_s - signed.created) > WINDOW_S:
        raise Unsigned("the request was signed more than 5 minutes from now")
