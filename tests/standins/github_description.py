"""GitHub's OpenAPI description as the stand-in's law: which operations exist, which values they permit.

The rules that no schema states (limits, conflicts, ordering) live next door in `github_state`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from jsonschema import FormatChecker
from jsonschema.exceptions import ValidationError
from openapi_schema_validator import OAS30Validator
from referencing import Registry
from referencing.jsonschema import DRAFT4

_DATA = Path(__file__).parents[1] / "data" / "github"
SUBSET = _DATA / "openapi-subset.json"
GHES_SUBSET = _DATA / "ghes-subset.json"
_DOCUMENT = "urn:github-openapi"
_JSON = "application/json"


def _is_uri(value: object) -> bool:
    # GitHub declares "" the default of several fields of format uri, so the empty text must pass.
    return not isinstance(value, str) or value == "" or bool(urlsplit(value).scheme)


def _is_date_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


_FORMATS = FormatChecker(formats=())
_FORMATS.checks("uri", raises=ValueError)(_is_uri)
_FORMATS.checks("date-time", raises=ValueError)(_is_date_time)


@dataclass(frozen=True)
class Complaint:
    """One value that breaks the description: where it stands, which rule it breaks, in words."""

    field: str
    rule: str
    message: str


@dataclass(frozen=True)
class Operation:
    """One operation of the description, and how to recognise its (still percent-encoded) path."""

    id: str
    method: str
    template: str
    pattern: re.Pattern[str]
    docs_url: str
    spec: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Match:
    """A request line that the description knows, its path parameters decoded exactly once."""

    operation: Operation
    params: Mapping[str, str]


class Description:
    """The committed subset of GitHub's OpenAPI description, ready to route and to validate."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        resource = DRAFT4.create_resource(dict(document))
        self._registry: Registry[Any] = Registry().with_resource(_DOCUMENT, resource)
        self._validators: dict[str, OAS30Validator] = {}

    @classmethod
    def load(cls, path: Path = SUBSET) -> Description:
        return cls(json.loads(path.read_text(encoding="utf-8")))

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        return tuple(
            self._operation(template, method, spec)
            for template, methods in self.document["paths"].items()
            for method, spec in methods.items()
        )

    def match(self, method: str, path: str) -> Match | None:
        """Find the operation for a method and a path as it came over the wire (percent-encoded)."""
        for operation in self.operations:
            found = operation.pattern.fullmatch(path) if operation.method == method else None
            if found:
                params = {name: unquote(text, errors="strict") for name, text in found.groupdict().items()}
                return Match(operation, params)
        return None

    def parameter_complaints(self, match: Match, query: Mapping[str, str]) -> tuple[list[Complaint], list[Complaint]]:
        """Judge path and query parameters; return what breaks a schema, and what is not declared at all."""
        given = {"path": match.params, "query": query}
        broken: list[Complaint] = []
        declared: set[str] = set()
        for parameter, pointer in self._parameters(match.operation):
            name, place = parameter["name"], parameter["in"]
            if place == "query":
                declared.add(name)
            if name in given[place]:
                value = _coerce(given[place][name], parameter["schema"])
                broken += [
                    Complaint(name, each.rule, each.message) for each in self.complaints(f"{pointer}/schema", value)
                ]
            elif parameter.get("required"):
                broken.append(Complaint(name, "required", f"{name!r} is a required parameter"))
        return broken, [_undeclared(name) for name in query if name not in declared]

    def body_complaints(self, operation: Operation, body: Any) -> tuple[list[Complaint], list[Complaint]]:
        """Judge a request's JSON body; return what breaks the schema, and fields that nobody declared."""
        if "requestBody" not in operation.spec:
            return [], [] if body is None else [_undeclared("(body)")]
        pointer = f"{_pointer(operation)}/requestBody/content/{_escape(_JSON)}/schema"
        declared = operation.spec["requestBody"]["content"][_JSON]["schema"]["properties"]
        unknown = [name for name in body if name not in declared] if isinstance(body, dict) else []
        return self.complaints(pointer, body), [_undeclared(name) for name in unknown]

    def answer_complaints(self, operation: Operation, status: int, body: Any) -> list[Complaint]:
        """Judge an answer; a success status that the description does not declare is a complaint too."""
        declared = operation.spec["responses"].get(str(status))
        if declared is None:
            message = f"{operation.id} declares no answer {status}"
            return [Complaint("status", "responses", message)] if status < 400 else []
        pointer = f"{_pointer(operation)}/responses/{status}"
        if "$ref" in declared:
            pointer, declared = self._deref(declared["$ref"])
        if _JSON not in declared.get("content", {}):
            return []
        return self.complaints(f"{pointer}/content/{_escape(_JSON)}/schema", body)

    def complaints(self, pointer: str, value: Any) -> list[Complaint]:
        """Judge a value by the schema that stands at a JSON pointer of the document."""
        if pointer not in self._validators:
            schema = {"$ref": f"{_DOCUMENT}#{quote(pointer)}"}
            self._validators[pointer] = OAS30Validator(schema, registry=self._registry, format_checker=_FORMATS)
        found: Iterator[ValidationError] = self._validators[pointer].iter_errors(value)
        by_field: dict[str, Complaint] = {}
        for error in found:
            complaint = _complaint(error)
            by_field.setdefault(complaint.field, complaint)  # a null is faulted twice, once is enough
        return list(by_field.values())

    def _operation(self, template: str, method: str, spec: Mapping[str, Any]) -> Operation:
        pattern = re.escape(template).replace(r"\{", "{").replace(r"\}", "}")
        for parameter, _ in self._parameters_of(template, method, spec):
            if parameter["in"] == "path":
                name, text = parameter["name"], ".+" if parameter.get("x-multi-segment") else "[^/]+"
                pattern = pattern.replace(f"{{{name}}}", f"(?P<{name}>{text})")
        docs_url = spec["externalDocs"]["url"]
        return Operation(spec["operationId"], method.upper(), template, re.compile(pattern), docs_url, spec)

    def _parameters(self, operation: Operation) -> Iterator[tuple[Mapping[str, Any], str]]:
        return self._parameters_of(operation.template, operation.method.lower(), operation.spec)

    def _parameters_of(
        self, template: str, method: str, spec: Mapping[str, Any]
    ) -> Iterator[tuple[Mapping[str, Any], str]]:
        for index, parameter in enumerate(spec.get("parameters", ())):
            if "$ref" in parameter:
                pointer, target = self._deref(parameter["$ref"])
                yield target, pointer
            else:
                yield parameter, f"/paths/{_escape(template)}/{method}/parameters/{index}"

    def _deref(self, reference: str) -> tuple[str, Mapping[str, Any]]:
        pointer = reference.removeprefix("#")
        node: Any = self.document
        for part in pointer.split("/")[1:]:
            node = node[part.replace("~1", "/").replace("~0", "~")]
        return pointer, node


def _pointer(operation: Operation) -> str:
    return f"/paths/{_escape(operation.template)}/{operation.method.lower()}"


def _escape(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")


def _coerce(text: str, schema: Mapping[str, Any]) -> str | int:
    # Parameters travel as text; the schema says which of them are meant as numbers.
    is_number = schema.get("type") == "integer" and re.fullmatch(r"-?[0-9]{1,18}", text)
    return int(text) if is_number else text


def _undeclared(name: str) -> Complaint:
    return Complaint(name, "undeclared", f"{name!r} is not declared by the description")


def _complaint(error: ValidationError) -> Complaint:
    where = "/".join(str(part) for part in error.absolute_path)
    if error.validator == "required":
        # The path of a missing field is that of its owner, but people look for the field itself.
        where = "/".join(filter(None, [where, str(error.message).split("'")[1]]))
    return Complaint(where, str(error.validator), error.message[:500])
