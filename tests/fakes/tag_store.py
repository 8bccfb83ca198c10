"""A registry in memory, with others who change it at the same time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from model_stage_deploy.core.errors import Refused
from model_stage_deploy.core.model import TagRecord
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.tags import NotGtoTag, parse_tag
from model_stage_deploy.core.writing import NewTag
from model_stage_deploy.ports import TagClash


def made(tag: NewTag) -> TagRecord:
    """The record of a tag that was made."""
    return TagRecord(tag.name, "f" * 40, annotated=True, commit=tag.commit, time=tag.time, inner_name=tag.name)


@dataclass
class FakeTagStore:
    """Fulfils ports.TagStore. `rivals` change `records` just before our tags are made, one at each `make`."""

    records: list[TagRecord] = field(default_factory=list)
    here: list[str] = field(default_factory=list)
    refs: dict[str, str] = field(default_factory=lambda: {"HEAD": "a" * 40})
    files: dict[str, bytes] = field(default_factory=dict)
    rivals: list[Callable[[FakeTagStore], None]] = field(default_factory=list)
    signed: list[bool] = field(default_factory=list)
    looks: int = 0

    def tags(self, model: str) -> Sequence[TagRecord]:
        self.looks += 1
        return [record for record in self.records if _model_of(record.name) == model]

    def only_here(self, model: str) -> Sequence[str]:
        return [name for name in self.here if _model_of(name) == model]

    def commit_of(self, ref: str) -> str:
        if ref not in self.refs:
            raise Refused(Reason.UNKNOWN_REF, f"there is no {ref}")
        return self.refs[ref]

    def read_file(self, path: str) -> bytes | None:
        return self.files.get(path)

    def make(self, tags: Sequence[NewTag], *, sign: bool) -> None:
        if self.rivals:
            self.rivals.pop(0)(self)
        there = {record.name for record in self.records}
        taken = [tag.name for tag in tags if tag.name in there]
        if taken:
            raise TagClash(taken)
        self.records += map(made, tags)
        self.signed.append(sign)


def _model_of(name: str) -> str | None:
    try:
        return parse_tag(name).model
    except NotGtoTag:
        return None
