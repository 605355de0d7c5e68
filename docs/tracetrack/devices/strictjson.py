"""JSON as a verifier must read it: nothing that two readers could understand differently gets through."""
import json
import re
from typing import Any

_PLAIN_INTEGER = re.compile(r"0|[1-9][0-9]{0,15}")


class NotJSON(ValueError):
    """The bytes are no JSON text in UTF-8."""


class OddNumber:
    """A number with sign, fraction, exponent or more than 16 digits: the contract has none."""


class Repeated(dict[str, Any]):
    """An object that names a key twice. It holds the members that are named once or say the same each time."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__()
        conflicting = set()
        for key, value in pairs:
            if key in self and self[key] != value:
                conflicting.add(key)
            self[key] = value
        for key in conflicting:
            del self[key]


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    return members if len(members) == len(pairs) else Repeated(pairs)


def _integer(text: str) -> int | OddNumber:
    return int(text) if _PLAIN_INTEGER.fullmatch(text) else OddNumber()


def _refuse(text: str) -> None:
    raise NotJSON(f"{text} is no JSON")


def loads(body: bytes) -> Any:
    """The value of a JSON text; raises NotJSON."""
    try:
        return json.loads(
            body.decode("utf-8"), object_pairs_hook=_members, parse_int=_integer, parse_float=lambda _: OddNumber(),
            parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise NotJSON(str(error)[:200]) from error
