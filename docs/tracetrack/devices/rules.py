"""The bag rules, without a database: what becomes of each scan of a batch, and what has changed at its end."""
import re
from dataclasses import dataclass, field
from typing import Any

from .scan import Scan

PARENT_LABEL = re.compile(r"SB[0-9]{5}")
#: The width of TraceTrack's `bag.qr_id`.
LONGEST_LABEL = 255


@dataclass(frozen=True)
class Key:
    """A row of the key registry."""

    gateway: str
    dev: str
    alg: str
    key: bytes
    disabled: bool
    revoked: bool


@dataclass
class Bags:
    """As much of TraceTrack's bags as a batch touches; judging changes it, `store` writes the difference."""

    #: The type of each bag: parent or child.
    types: dict[str, str] = field(default_factory=dict)
    #: The parents of each child: one, but for what was cross-linked before devices came.
    parents: dict[str, list[str]] = field(default_factory=dict)
    #: The children of each parent.
    counts: dict[str, int] = field(default_factory=dict)

    def copy(self) -> "Bags":
        """The same, to be changed apart."""
        return Bags(dict(self.types), {child: list(own) for child, own in self.parents.items()}, dict(self.counts))


class Refused(Exception):
    """A scan that is not accepted: the code and a sentence."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text


class Duplicate(Exception):
    """This very scan, or this very link, is there already."""


def bag_label(scan: Scan) -> str:
    """The label as TraceTrack keeps it: upper case; bytes that are no text under a name of their own."""
    try:
        text = scan.data.decode()
    except UnicodeDecodeError:
        return "HEX:" + scan.data.hex().upper()
    return "HEX:" + scan.data.hex().upper() if "\0" in text else text.upper()


def shown(text: str) -> str:
    """A label in a sentence, short enough that 250 results stay far below 1 MiB."""
    return text if len(text) <= 100 else text[:100] + "…"


def check_identity(scan: Scan, key: Key | None) -> None:
    """Raises Refused where the device, its key or its signature is not right."""
    if key is None or key.gateway != scan.gateway or key.dev != scan.dev:
        raise Refused("unknown_device", "no such key is registered for this device")
    if not scan.is_signed_by(key.alg, key.key):
        raise Refused("bad_signature", "the signature is not that of the device's key")
    if key.revoked:
        raise Refused("revoked_key", "the key was revoked")
    if key.disabled:
        raise Refused("not_permitted", "the device may not scan")


def apply(scan: Scan, bags: Bags, most: int) -> dict[str, Any] | None:
    """Does what the scan says to `bags`; returns the feedback for the operator, or None. Raises Refused, Duplicate."""
    label = bag_label(scan)
    if scan.action == "scan" and scan.role == "parent":
        return _parent(scan, bags, most)
    if scan.action == "scan" and scan.role == "child":
        return _child(scan, label, bags, most)
    if scan.action == "unlink":
        _unlink(scan, label, bags)
    return None


def _parent(scan: Scan, bags: Bags, most: int) -> dict[str, Any]:
    # As it was read: a label in lower case is none of ours.
    label = scan.data.decode(errors="replace")
    if not PARENT_LABEL.fullmatch(label):
        raise Refused("business_rule", "a parent bag is SB and 5 digits")
    if bags.types.setdefault(label, "parent") != "parent":
        raise Refused("business_rule", f"{label} is a child bag, not a parent bag")
    return _feedback(label, bags.counts.get(label, 0), most)


def _child(scan: Scan, label: str, bags: Bags, most: int) -> dict[str, Any]:
    """Links to the parent that the scan itself was signed with, whatever came before it."""
    parent = scan.parent
    if not parent:
        raise Refused("business_rule", "the child has no parent")
    if parent not in bags.types:
        raise Refused("unknown_parent", f"{shown(parent)} has not been scanned yet")
    if bags.types[parent] != "parent":
        raise Refused("business_rule", f"{shown(parent)} is a child bag, not a parent bag")
    if len(label) > LONGEST_LABEL:
        raise Refused("business_rule", f"a label has at most {LONGEST_LABEL} characters")
    if bags.types.get(label) == "parent":
        raise Refused("business_rule", f"{shown(label)} is already a parent bag")
    linked = bags.parents.get(label, [])
    if parent in linked:
        raise Duplicate
    if linked:
        raise Refused("business_rule", f"{shown(label)} is already linked to parent bag {shown(linked[0])}")
    count = bags.counts.get(parent, 0)
    if count >= most:
        raise Refused("business_rule", "Parent bag is full")
    bags.types[label] = "child"
    bags.parents[label] = [parent]
    bags.counts[parent] = count + 1
    return _feedback(parent, count + 1, most)


def _unlink(scan: Scan, label: str, bags: Bags) -> None:
    """Undo: only the link to the scan's own parent; with its last link the child bag goes, as TraceTrack has it."""
    linked = bags.parents.get(label, [])
    if scan.parent not in linked:
        raise Refused("business_rule", f"{shown(label)} is not linked to {shown(scan.parent)}")
    linked.remove(scan.parent)
    bags.counts[scan.parent] = bags.counts.get(scan.parent, 1) - 1
    if not linked:
        del bags.parents[label]
        del bags.types[label]


def _feedback(parent: str, count: int, most: int) -> dict[str, Any]:
    return {"text": f"{parent} {count}/{most}", "child_count": count}
