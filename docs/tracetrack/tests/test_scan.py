"""The contract's test vector, and the strictness that a verifier lives by."""
import hashlib
import hmac
import unittest
from typing import Any

from click import ClickException

from devices import scan, signature, strictjson
from devices.commands import read_secret

KEY = bytes(range(32))


def example() -> dict[str, Any]:
    """The scan of the contract's example."""
    return {
        "id": "019aa0c2-7a10-7f00-8000-5b1d2e3f4a5b", "dev": "scanner-3", "kid": "cc8abed72e46ea38",
        "log": "9f2c4a1be07d6358", "seq": 100017, "lane": "table-1", "lane_seq": 240011,
        "ts": "2026-11-21T03:59:58.004Z", "clk": "s", "boot": "1f0e8a52-6c1b-4b8e-9a53-2f1f6f0f7a11",
        "mono_ms": 8123456, "action": "scan", "role": "child", "parent": "SB00860", "operator": "OP-0042",
        "corrects": "", "sym": "QR", "aim": "]Q1", "data": "0016586", "raw": "TEFCRUwgTk8uIDAwMTY1ODYgTE9UIE5PLiA3Nw",
        "alg": "hs256", "sig": "KqNquttZs6-RdLnADnwdep7v7YOIvgZEMizVTZhzlPE"}


class VectorTests(unittest.TestCase):
    """Contract tracetrack-devices, "Test vector"."""

    def test_text_and_signature(self) -> None:
        """The text's end and length, and the signature."""
        one = scan.parse(example(), "dock-7")
        text = one.signing_text("hs256")
        self.assertEqual(len(text), 323)
        self.assertTrue(text.endswith(
            b"gJVKgBmnf_eoG2NsOy6Mg3c_C-SBub9Wct1ekOXE-hg\nHuLG03MhLV-dJUIYZC2074rwGz_kcenwlnjQCE7gUX0\n"))
        self.assertEqual(scan.key_id(KEY), "cc8abed72e46ea38")
        self.assertTrue(one.is_signed_by("hs256", KEY))
        self.assertFalse(one.is_signed_by("hs256", KEY[::-1]))
        self.assertFalse(one.is_signed_by("ed25519", KEY))

    def test_every_field_is_signed(self) -> None:
        """Any other value of any field makes another text."""
        text = scan.parse(example(), "dock-7").signing_text("hs256")
        other = {
            "id": "019aa0c2-7a10-7f00-8000-5b1d2e3f4a5c", "dev": "x", "kid": "0" * 16, "log": "0" * 16, "seq": 1,
            "lane": "x", "lane_seq": 1, "ts": "2026-11-21T03:59:58.005Z", "clk": "u",
            "boot": "1f0e8a52-6c1b-4b8e-9a53-2f1f6f0f7a12", "mono_ms": 1, "action": "unlink", "role": "parent",
            "parent": "", "operator": "", "corrects": example()["id"], "sym": "unknown", "aim": "", "data": "1",
            "raw": "MQ"}
        for name, value in other.items():
            changed = scan.parse(example() | {name: value}, "dock-7").signing_text("hs256")
            self.assertNotEqual(changed, text, name)
        self.assertNotEqual(scan.parse(example(), "dock-8").signing_text("hs256"), text)


class StrictTests(unittest.TestCase):
    """What two readers could understand differently."""

    def test_numbers(self) -> None:
        """Integers without sign, fraction, exponent, leading zero, within 2^53 - 1."""
        for text in ("-1", "-0", "1.0", "1e0", "9007199254740992", "1" * 5000, "true", "null", '"1"'):
            value = strictjson.loads(f'{{"seq":{text}}}'.encode())
            with self.assertRaises(scan.Malformed, msg=text):
                scan.parse(example() | value, "dock-7")
        for text in ("01", "NaN", "+1", "0x1"):
            with self.assertRaises(strictjson.NotJSON, msg=text):
                strictjson.loads(text.encode())
        self.assertEqual(strictjson.loads(b"9007199254740991"), 2**53 - 1)

    def test_repeated_keys(self) -> None:
        """A scan that names a key twice is malformed, and still answered where its id is beyond doubt."""
        value = strictjson.loads(b'{"id":"019aa0c2-7a10-7f00-8000-5b1d2e3f4a5b","seq":1,"seq":1}')
        self.assertIsNotNone(scan.readable_id(value))
        with self.assertRaises(scan.Malformed):
            scan.parse(value, "dock-7")
        self.assertIsNone(scan.readable_id(strictjson.loads(
            b'{"id":"019aa0c2-7a10-7f00-8000-5b1d2e3f4a5b","id":"019aa0c2-7a10-7f00-8000-5b1d2e3f4a5c"}')))

    def test_text(self) -> None:
        """No lone surrogate, no digits of other alphabets, no second way to write a signature."""
        surrogate = strictjson.loads(b'{"operator":"\\ud800"}')
        for change in (surrogate, {"ts": "２026-11-21T03:59:58.004Z"}, {"ts": "2026-02-29T00:00:00.000Z"},
                       {"sig": example()["sig"][:-1] + "F"}, {"sig": example()["sig"] + "="}, {"lane": "table-1\n"}):
            with self.assertRaises(scan.Malformed, msg=str(change)):
                scan.parse(example() | change, "dock-7")
        self.assertIsNone(scan.parse(example() | {"ts": "0000-02-29T00:00:00.000Z"}, "dock-7").captured_at)

    def test_depth_and_encodings(self) -> None:
        """Hostile depth, other encodings and a byte order mark are no JSON here."""
        for body in (b"[" * 100_000, "{}".encode("utf-16"), b"\xef\xbb\xbf{}", b'"\xff"', b""):
            with self.assertRaises(strictjson.NotJSON):
                strictjson.loads(body)


class RequestSignatureTests(unittest.TestCase):
    """RFC 9421: the example of appendix B.2.5, which is signed with HMAC-SHA256."""

    def test_appendix_b_2_5(self) -> None:
        """The standard's own key, components and signature."""
        secret = scan.base64.b64decode(
            "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==")
        signed = signature.parse(
            'sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"',
            "sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:")
        values = {
            "date": "Tue, 20 Apr 2021 02:07:55 GMT", "@authority": "example.com", "content-type": "application/json"}
        signature.verify(signed, values, ["date"], secret, 1618884473 + 299)
        for change, required, now in (
                ({"date": "x"}, ["date"], 1618884473), ({}, ["@method"], 1618884473), ({}, ["date"], 1618884473 + 301)):
            with self.assertRaises(signature.Unsigned):
                signature.verify(signed, values | change, required, secret, now)

    def test_hostile_headers(self) -> None:
        """What cannot be read is refused, never guessed."""
        code = scan.base64.b64encode(hmac.digest(KEY, b"", hashlib.sha256)).decode()
        for text in ("", "sig1", "sig1=()", 'sig1=("date" "date");created=1;keyid="a"', 'sig1=("date");keyid="a"',
                     'sig1=("date");created=1', 'sig1=("date");created=-1;keyid="a"',
                     'sig1=("date");created=1;keyid="a";alg="none"',
                     'sig1=("date");created=1;keyid="a", sig2=("date")'):
            with self.assertRaises(signature.Unsigned, msg=text):
                signature.parse(text, f"sig1=:{code}:")
        with self.assertRaises(signature.Unsigned):
            signed = signature.parse('sig1=("date");created=1;keyid="a"', "sig2=::")
            signature.verify(signed, {"date": ""}, [], KEY, 1)


class KeyFileTests(unittest.TestCase):
    """`flask devices gateway --key-file`."""

    def test_only_a_whole_key_is_registered(self) -> None:
        """An empty or torn file would make a key that others could guess."""
        self.assertEqual(read_secret(scan.b64u(KEY) + "\n"), KEY)
        for text in ("", "\n", scan.b64u(KEY)[:40], scan.b64u(KEY + KEY), "no key!"):
            with self.assertRaises(ClickException, msg=text):
                read_secret(text)


if __name__ == "__main__":
    unittest.main()
