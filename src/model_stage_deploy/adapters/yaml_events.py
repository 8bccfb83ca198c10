"""PyYAML's event stream as a tree of nodes, without recursion and with a limit on depth. Nothing is constructed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import yaml

from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.mapping_document import Complaint, Place

MAX_DEPTH = 40

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_QUOTE = 'a text that begins with {{ must be quoted: "{{ … }}"'
_PLAIN_WORDS = (
    ("cannot start any token", "a tab, or a character like @, ` or %, cannot stand here; indent with spaces"),
    ("mapping values are not allowed", "a `:` cannot stand here; a text that holds `: ` must be quoted"),
    ("could not find expected ':'", "a `:` is missing after this key, or the line is indented wrongly"),
    ("did not find expected key", "the indentation does not fit the lines above"),
    ("expected <block end>", "the indentation does not fit the lines above"),
    ("did not find expected '-' indicator", "the indentation does not fit the list above"),
    ("unexpected end of stream", "a quote or bracket is not closed"),
    ("did not find expected ',' or", "a bracket is not closed, or a comma is missing"),
    ("expected ',' or", "a bracket is not closed, or a comma is missing"),
    ("did not find expected node content", "a value is missing here, or a bracket above is not closed"),
    ("undefined alias", "no `&` with this name stands above"),
)


class YamlProblem(Exception):
    """The file cannot be read at all; `complaint` says why and where."""

    def __init__(self, place: Place, message: str, hint: str = "", path: str = "") -> None:
        super().__init__(message)
        self.complaint = Complaint(place.line, place.column, path, message, hint)


@dataclass(slots=True)
class Node:
    """One node of the document. `items` of a mapping alternate keys and values; of an alias, it is its target.

    `plain` is True for an unquoted scalar, `flow` for a collection in brackets.
    """

    kind: Literal["scalar", "sequence", "mapping", "alias"]
    place: Place
    text: str = ""
    plain: bool = False
    tag: str | None = None
    flow: bool = False
    items: list[Node] = field(default_factory=list)


def read_nodes(text: str) -> Node | None:
    """The root node of the only document in `text`; None for an empty file. Raises YamlProblem."""
    composer = _Composer()
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            composer.take(event)
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        raise _syntax(text, _place(mark) if mark else Place(1, 1), problem.problem or "not YAML") from None
    except (yaml.YAMLError, ValueError) as problem:  # ValueError: a number in a directive or an escape out of range
        raise YamlProblem(Place(1, 1), f"not YAML: {one_line(str(problem), 200)}") from None
    return composer.root


class _Composer:
    """Takes events and builds the tree of the document."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self._open: list[Node] = []
        self._anchors: dict[str, Node] = {}
        self._documents = 0

    def take(self, event: Any) -> None:
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise YamlProblem(_place(event.start_mark), "a second document begins here", "remove the `---`")
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self._open.pop()
        elif isinstance(event, yaml.NodeEvent):
            self._add(event)

    def _add(self, event: Any) -> None:
        node = self._node(event)
        if self._open:
            self._open[-1].items.append(node)
        else:
            self.root = node
        if event.anchor and node.kind != "alias":
            self._anchors[event.anchor] = node
        if node.kind in ("mapping", "sequence"):
            self._open.append(node)
            if len(self._open) > MAX_DEPTH:
                raise YamlProblem(node.place, f"nested more than {MAX_DEPTH} levels deep")

    def _node(self, event: Any) -> Node:
        place = _place(event.start_mark)
        if isinstance(event, yaml.ScalarEvent):
            return Node("scalar", place, event.value, plain=event.implicit[0] and event.tag is None, tag=event.tag)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(str(event.anchor), place)
        kind: Literal["mapping", "sequence"] = "mapping" if isinstance(event, yaml.MappingStartEvent) else "sequence"
        return Node(kind, place, tag=event.tag, flow=bool(event.flow_style))

    def _alias(self, name: str, place: Place) -> Node:
        target = self._anchors.get(name)
        if target is None:
            raise YamlProblem(place, f"unknown alias *{one_line(name, 60)}", f"no &{one_line(name, 60)} stands above")
        if any(node is target for node in self._open):
            raise YamlProblem(place, f"the alias *{one_line(name, 60)} stands inside what it repeats")
        return Node("alias", place, items=[target])


def _place(mark: Any) -> Place:
    return Place(mark.line + 1, mark.column + 1)


def _syntax(text: str, place: Place, problem: str) -> YamlProblem:
    """A syntax error in plain words, with the usual cause."""
    lines = text.splitlines()
    near = "\n".join(lines[max(0, place.line - 2) : place.line])
    hint = next((words for part, words in _PLAIN_WORDS if part in problem), "")
    if ": {{" in near or "- {{" in near:
        hint = _QUOTE
    return YamlProblem(place, f"not YAML: {one_line(problem, 200)}", hint)
