"""Says where GitLab's own OpenAPI description and `operations.json` differ: `compare.py openapi_v3.yaml`.

Run it by hand with a file from doc/api/openapi of GitLab's repository; tests only read `operations.json`.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

OURS = Path(__file__).parent / "operations.json"


def differences(ours: dict[str, Any], theirs: dict[str, Any]) -> Iterator[str]:
    """What we send, and they do not know; values that we take for theirs, and are not."""
    paths = {_shape(path): operations for path, operations in theirs["paths"].items()}
    for operation in ours["operations"]:
        found = paths.get(_shape(f"/api/v4{operation['path']}"), {}).get(operation["method"].lower())
        if found is None:
            yield f"{operation['id']}: there is no {operation['method']} {operation['path']}"
            continue
        known = {each["name"]: each.get("schema", {}) for each in found.get("parameters", ())}
        known |= _body(found, theirs)
        sent = operation.get("query", {}) | operation.get("body", {}).get("properties", {})
        for name, schema in sent.items():
            if name not in known:
                yield f"{operation['id']}: {name} is not known"
            elif "enum" in schema and (more := set(schema["enum"]) - set(known[name].get("enum", schema["enum"]))):
                yield f"{operation['id']}: {name} cannot be {', '.join(sorted(more))}"


def _body(operation: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    if "$ref" in schema:
        schema = theirs["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    properties: dict[str, Any] = schema.get("properties", {})
    return properties


def _shape(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


def main(argv: list[str]) -> int:
    theirs = yaml.safe_load(Path(argv[0]).read_text(encoding="utf-8"))
    found = list(differences(json.loads(OURS.read_text(encoding="utf-8")), theirs))
    print("\n".join(found) or "no difference")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
