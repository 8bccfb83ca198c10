"""YAML from strangers: places kept, nothing constructed, every size bounded.

PyYAML's own loaders lose places, keep the last of two equal keys, expand alias bombs and recurse without end on
nested lists; so its events are read instead (yaml_events.py), and unquoted scalars by yaml_scalars.py.
"""

from __future__ import annotations

import re
from typing import Any

from model_stage_deploy.adapters.yaml_events import MAX_DEPTH, Node, YamlProblem, read_nodes
from model_stage_deploy.adapters.yaml_scalars import read_plain
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.mapping_document import Complaint, Document, Path, Place, dotted

MAX_BYTES = 1024 * 1024
MAX_NODES = 100_000
"""Nodes after aliases are expanded."""
MAX_TEXT = 4 * 1024 * 1024
"""Characters of all texts together, each counted as often as an alias repeats it."""

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_TEXT_TAG = "tag:yaml.org,2002:str"


def read_yaml(data: bytes) -> tuple[Document, list[Complaint]]:
    """The document, and complaints about keys, tags and the like that did not keep it from being read.

    Raises YamlProblem where nothing can be read: syntax, size, nesting, encoding, an empty file.
    """
    root = read_nodes(_decoded(data))
    if root is None:
        raise YamlProblem(Place(1, 1), "the file is empty")
    builder = _Builder()
    value = builder.build(root, (), 1)
    broken = frozenset(builder.broken)
    document = Document(value, builder.keys, builder.values, builder.written, builder.doubtful, broken)
    return document, builder.complaints


def _decoded(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise YamlProblem(Place(1, 1), f"the file has {len(data):,} bytes; {MAX_BYTES:,} (1 MiB) are allowed")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise YamlProblem(Place(1, 1), "the file is UTF-16", "save it as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        before = data[: problem.start].decode("utf-8-sig", "replace")
        raise YamlProblem(_end_of(before), "the file is not UTF-8", "save it as UTF-8") from None
    found = _UNPRINTABLE.search(text)
    if found:
        what = one_line(found.group())
        raise YamlProblem(_end_of(text[: found.start()]), f"the control character {what} is not allowed", "remove it")
    return text


def _end_of(text: str) -> Place:
    """The place right after `text`."""
    return Place(text.count("\n") + 1, len(text) - text.rfind("\n"))


class _Builder:
    """Turns nodes into plain values, expanding aliases, and notes places and complaints by path."""

    def __init__(self) -> None:
        self.complaints: list[Complaint] = []
        self.keys: dict[Path, Place] = {}
        self.values: dict[Path, Place] = {}
        self.written: dict[Path, str] = {}
        self.doubtful: dict[Path, str] = {}
        self.broken: set[Path] = set()
        self._nodes = 0
        self._text = 0

    def build(self, node: Node, path: Path, depth: int) -> Any:
        """The value of a node that stands at `path`."""
        self.values[path] = node.place
        if node.kind == "alias":
            node = node.items[0]
        self._count(node, path, depth)
        if node.tag not in (None, _TEXT_TAG) or (node.tag and node.kind != "scalar"):
            self._complain(node.place, path, f"the tag {one_line(node.tag or '', 60)} is not allowed", "remove it")
        if node.kind == "sequence":
            return [self.build(item, (*path, index), depth + 1) for index, item in enumerate(node.items)]
        if node.kind == "mapping":
            return self._mapping(node, path, depth)
        return self._scalar(node, path)

    def _count(self, node: Node, path: Path, depth: int) -> None:
        self._nodes += 1
        self._text += len(node.text)
        if self._nodes > MAX_NODES or self._text > MAX_TEXT:
            limit = f"{MAX_NODES:,} values or {MAX_TEXT:,} characters"
            raise YamlProblem(node.place, f"more than {limit}, aliases expanded", "use fewer aliases")
        if depth > MAX_DEPTH:
            raise YamlProblem(self.values[path], f"nested more than {MAX_DEPTH} levels deep, aliases expanded")

    def _scalar(self, node: Node, path: Path) -> Any:
        if not node.plain:
            return node.text
        plain = read_plain(node.text)
        if plain.doubtful:
            self.doubtful[path] = node.text
        elif isinstance(plain.value, (bool, int, float)):
            self.written[path] = node.text
        return plain.value

    def _mapping(self, node: Node, path: Path, depth: int) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key_node, value_node in zip(node.items[::2], node.items[1::2], strict=True):
            key = self._key(key_node, path, braces=node.flow)
            if key is None:
                continue
            here = (*path, key)
            if key in made:
                first = self.keys[here].line
                self._complain(key_node.place, here, f"is written twice; first in line {first}", "keep one of them")
                self.broken.discard(here)  # the first one is looked at like any other
                continue
            self.keys[here] = key_node.place
            made[key] = self.build(value_node, here, depth + 1)
        return made

    def _key(self, node: Node, path: Path, *, braces: bool) -> str | None:
        """The text of a key; None (and a complaint) for what is no text."""
        place = node.place
        node = node.items[0] if node.kind == "alias" else node
        self._count(node, path, 0)
        shown = one_line(node.text, 60)
        if node.kind != "scalar" or node.tag not in (None, _TEXT_TAG):
            template = braces and node.kind == "mapping"
            hint = 'a template must be quoted: "{{ … }}"' if template else ""
            self._complain(place, path, "a key must be plain text", hint)
        elif not node.plain:
            return node.text
        elif node.text == "<<":
            self._complain(place, path, "merge keys (<<) are not supported", "shared settings go under `defaults:`")
        else:
            plain = read_plain(node.text)
            if isinstance(plain.value, str) and not plain.doubtful:
                return node.text
            what = _no_text(node.text, plain.value)
            self._complain(place, path, f"the unquoted key `{shown}` is {what}, no text", f'quote it: "{shown}"')
        return None

    def _complain(self, place: Place, path: Path, message: str, hint: str = "") -> None:
        self.complaints.append(Complaint(place.line, place.column, dotted(path), message, hint))
        self.broken.add(path)


def _no_text(text: str, value: object) -> str:
    """What YAML readers make of an unquoted key."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float)):
        return "a number"
    return f"a {'boolean' if text.isalpha() else 'number'} to some YAML readers"
