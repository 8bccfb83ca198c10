"""Reads a GitHub workflow file: YAML text -> the facts of core/workflows.py, or why it cannot be read.

Scalars are kept as written: YAML 1.1 would take the key `on` for a boolean.
"""

from __future__ import annotations

from typing import Any

from model_stage_deploy.adapters.safe_yaml import MAX_BYTES, MAX_NODES
from model_stage_deploy.adapters.yaml_events import MAX_DEPTH, Node, YamlProblem, read_nodes
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.workflows import NotAWorkflow, Workflow, understood

FOLDER = ".github/workflows"
ENDINGS = (".yml", ".yaml")
LARGEST = MAX_BYTES
"""Bytes of a file that is read."""
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


class UnreadableWorkflow(Exception):
    """The file is no workflow; the message says where and why, in one line."""


def read_workflow(path: str, data: bytes) -> Workflow:
    """The workflow that `data` holds. Raises UnreadableWorkflow."""
    if len(data) > LARGEST:
        message = f"{path}: it has {len(data):,} bytes, more than can be read"
        raise UnreadableWorkflow(message)
    try:
        root = read_nodes(data.decode("utf-8-sig"))
        if root is None:
            message = f"{path}: the file is empty"
            raise UnreadableWorkflow(message)
        return understood(path, _Values().of(root))
    except YamlProblem as problem:
        raise UnreadableWorkflow(f"{path}:{problem.complaint}") from None
    except NotAWorkflow as problem:
        raise UnreadableWorkflow(f"{path}: {one_line(str(problem), 300)}") from None
    except UnicodeDecodeError:
        message = f"{path}: the file is not UTF-8"
        raise UnreadableWorkflow(message) from None


class _Values:
    """Turns nodes into mappings, lists, texts and nulls; aliases are expanded, up to a limit."""

    def __init__(self) -> None:
        self._nodes = 0

    def of(self, node: Node, depth: int = 1) -> Any:
        """The value of a node. Raises YamlProblem for more than can be held."""
        place = node.place
        node = node.items[0] if node.kind == "alias" else node
        self._nodes += 1
        if self._nodes > MAX_NODES or depth > MAX_DEPTH:
            raise YamlProblem(place, "too large or too deeply nested, aliases expanded")
        if node.kind == "sequence":
            return [self.of(item, depth + 1) for item in node.items]
        if node.kind == "mapping":
            pairs = zip(node.items[::2], node.items[1::2], strict=True)
            return {self._key(key): self.of(value, depth + 1) for key, value in pairs}
        return None if node.plain and node.text in _NULLS else node.text

    def _key(self, node: Node) -> str:
        node = node.items[0] if node.kind == "alias" else node
        if node.kind != "scalar":
            raise YamlProblem(node.place, "a key must be plain text")
        return node.text
