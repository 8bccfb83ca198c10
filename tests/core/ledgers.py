"""Changes decided on registries that are written as lines (tag_records.py)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from model_stage_deploy.core.ledger import Ledger
from model_stage_deploy.core.model import Model, TagRecord
from model_stage_deploy.core.registry import fold
from model_stage_deploy.core.writing import Change
from model_stage_deploy.flows.change import Asked
from tests.core.tag_records import START, commit, tags
from tests.fakes.tag_store import made

NOW = START + 100_000


def ledger(
    *lines: str,
    name: str = "m",
    now: float = NOW,
    stages: Sequence[str] | None = None,
    also: Iterable[TagRecord] = (),
) -> Ledger:
    """The ledger of a model whose tags are the lines."""
    return Ledger(name, [*tags(*lines), *also], now=now, stages=stages)


def change(asked: Asked, *lines: str, at: str = "A", on: Ledger | None = None) -> Change:
    """What is decided; `at` is the commit (A to F) that the ref of the question stands for."""
    return asked.check().decide(on or ledger(*lines, name=asked.model), commit(at) if asked.ref else "")


def names(of: Change) -> list[str]:
    """The names of its tags, in order."""
    return [tag.name for tag in of.tags]


def after(of: Change, *lines: str) -> Model:
    """The model that the change makes of the registry of the lines."""
    return fold([*tags(*lines), *map(made, of.tags)]).model(of.model)
