"""The two documents: every reference resolves, every example is valid, and they say what the code says."""
import os
import re
import unittest
from typing import Any, Iterator

import jsonschema
import yaml

from devices import incoming, rules, scan, view

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def load(name: str) -> Any:
    """One document."""
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        return yaml.safe_load(file)


DOCUMENTS = {name: load(name) for name in ("openapi.yaml", "asyncapi.yaml")}
OPENAPI = DOCUMENTS["openapi.yaml"]
SCHEMAS = OPENAPI["components"]["schemas"]


def resolve(document: str, reference: str) -> Any:
    """What a `$ref` points at; raises KeyError where there is nothing."""
    name, _, pointer = reference.partition("#/")
    value = DOCUMENTS[name or document]
    for part in pointer.split("/"):
        value = value[part.replace("~1", "/").replace("~0", "~")]
    return value


def references(value: Any) -> Iterator[str]:
    """Every `$ref` in a document."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def validate(value: Any, name: str) -> None:
    """Raises where a value is not of a schema of openapi.yaml."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$ref": f"#/components/schemas/{name}"}
    jsonschema.Draft202012Validator(schema | {"components": OPENAPI["components"]}).validate(value)


class DocumentTests(unittest.TestCase):
    """Both documents in themselves."""

    def test_every_reference_resolves(self) -> None:
        """Within a document and from one to the other."""
        for name, document in DOCUMENTS.items():
            found = list(references(document))
            self.assertGreater(len(found), 10)
            for reference in found:
                self.assertIsNotNone(resolve(name, reference), reference)

    def test_every_schema_is_one(self) -> None:
        """JSON Schema 2020-12, which OpenAPI 3.1 and AsyncAPI 3 take."""
        for schemas in (SCHEMAS, DOCUMENTS["asyncapi.yaml"]["components"]["schemas"]):
            for schema in schemas.values():
                jsonschema.Draft202012Validator.check_schema(schema)

    def test_versions(self) -> None:
        """The documents say which standard they follow."""
        self.assertTrue(OPENAPI["openapi"].startswith("3.1."))
        self.assertTrue(DOCUMENTS["asyncapi.yaml"]["asyncapi"].startswith("3."))

    def test_topics(self) -> None:
        """Each parameter of an address is declared, and each operation's messages are its channel's."""
        document = DOCUMENTS["asyncapi.yaml"]
        for channel in document["channels"].values():
            self.assertEqual(set(re.findall(r"\{(\w+)\}", channel["address"])), set(channel["parameters"]))
        for operation in document["operations"].values():
            for message in operation["messages"]:
                self.assertTrue(message["$ref"].startswith(operation["channel"]["$ref"] + "/messages/"))


class ExampleTests(unittest.TestCase):
    """The examples, and what is none."""

    batch = OPENAPI["components"]["examples"]["Batch"]["value"]

    def test_the_contracts_example(self) -> None:
        """It is valid, the code reads it, and its signature is the test vector's."""
        validate(self.batch, "Batch")
        validate(OPENAPI["components"]["examples"]["Reply"]["value"], "Reply")
        one = scan.parse(self.batch["scans"][0], self.batch["gateway"])
        self.assertTrue(one.is_signed_by("hs256", bytes(range(32))))

    def test_examples_of_the_answers(self) -> None:
        """Each example of an answer is of one of its schemas."""
        for status, answer in OPENAPI["paths"]["/api/fast_parent_scan"]["post"]["responses"].items():
            content = answer.get("content", {}).get("application/json", {})
            for example in content.get("examples", {}).values():
                value = example["value"] if "value" in example else resolve("openapi.yaml", example["$ref"])["value"]
                names = [one["$ref"].rsplit("/")[-1] for one in content["schema"]["anyOf"]]
                self.assertTrue(any(self.is_valid(value, name) for name in names), status)

    def test_what_the_code_refuses_the_schema_refuses(self) -> None:
        """One change each; both say no."""
        good = self.batch["scans"][0]
        changes: list[dict[str, Any]] = [
            {"seq": -1}, {"seq": 2**53}, {"seq": "1"}, {"dev": "-x"}, {"log": "9F2c4a1be07d6358"}, {"clk": "x"},
            {"ts": "2026-11-21 03:59:58.004Z"}, {"sym": "Qr"}, {"aim": "Q1"}, {"alg": "none"}, {"sig": "AA"},
            {"role": "uncle"}, {"action": "steal"}, {"corrects": "1"}, {"data": "a\0b"}, {"data_b64": "AA"},
            {"raw": "="}]
        for change in changes:
            self.assertFalse(self.is_valid(good | change, "Scan"), change)
            with self.assertRaises(scan.Malformed, msg=str(change)):
                scan.parse(good | change, "dock-7")
        for name in good.keys() - {"raw"}:
            self.assertFalse(self.is_valid({k: v for k, v in good.items() if k != name}, "Scan"), name)

    def test_words(self) -> None:
        """Lists and limits are those of the code."""
        properties = SCHEMAS["Scan"]["properties"]
        self.assertEqual(tuple(properties["sym"]["enum"]), scan.SYMBOLOGIES)
        self.assertEqual(tuple(properties["action"]["enum"]), scan.ACTIONS)
        self.assertEqual(tuple(properties["role"]["enum"]), scan.ROLES)
        self.assertEqual(SCHEMAS["Number"]["maximum"], scan.LARGEST_INTEGER)
        content = OPENAPI["paths"]["/api/fast_parent_scan"]["post"]["requestBody"]["content"]
        self.assertIn(f"{incoming.MEDIA_TYPE};v=1", content)
        source = "".join(self.source(module) for module in (rules, view, incoming))
        for code in re.findall(r'Refused\(\s*"(\w+)"', source):
            self.assertIn(code, SCHEMAS["Result"]["properties"]["code"]["enum"])
        answers = OPENAPI["paths"]["/api/fast_parent_scan"]["post"]["responses"]
        statuses = set(re.findall(r"(?:Refusal|_error)\((\d{3})", source))
        self.assertGreater(len(statuses), 6)
        self.assertLessEqual(statuses, set(answers))

    @staticmethod
    def is_valid(value: Any, name: str) -> bool:
        """Whether a value is of a schema."""
        try:
            validate(value, name)
            return True
        except jsonschema.ValidationError:
            return False

    @staticmethod
    def source(module: Any) -> str:
        """A module's text."""
        with open(module.__file__, encoding="utf-8") as file:
            return file.read()


if __name__ == "__main__":
    unittest.main()
