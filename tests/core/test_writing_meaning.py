"""Whatever the registry and whatever is asked: a change that is accepted means exactly that, to us and to GTO.

The second part is the reverse of test_gto_differential.py: there GTO and we read what strangers wrote, here what we
write. MSD_LONG=1 tries more.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model_stage_deploy.core.errors import ModelStageError
from model_stage_deploy.core.ledger import Ledger
from model_stage_deploy.core.model import Model, TagRecord
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.registry import fold
from model_stage_deploy.core.tags import parse_tag
from model_stage_deploy.core.writing import Change, How
from model_stage_deploy.core.writing_stages import Archive, Promote, Unassign
from model_stage_deploy.core.writing_versions import Deprecate, Deregister, Register
from model_stage_deploy.flows.change import Asked
from tests.core.tag_records import current, lightweight, record
from tests.core.test_gto_differential import (  # `home` is a fixture: nobody's own configuration
    COMMITS,
    LONG,
    MODELS,
    STAGES,
    VERSIONS,
    Line,
    compare,
    home,
    registries,
)
from tests.fakes.tag_store import made
from tests.standins.registries import FIRST_MOMENT

__all__ = ["home"]
pytestmark = pytest.mark.timeout(3600 if LONG else 120)
PATIENT = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
LETTERS = "ABCDEF"[:COMMITS]

_STAGE = st.sampled_from(STAGES)
_VERSION = st.sampled_from((*VERSIONS, "v0.0.1", "v0.0.2"))
_PERHAPS = st.one_of(st.just(""), _VERSION)
_HOW = st.builds(
    lambda simple, force: How("", simple, force), st.sampled_from((None, None, True, False)), st.booleans()
)
_LETTER = st.sampled_from(LETTERS)
_YES_OR_NO = st.booleans()


def _asked(kind: Callable[..., Asked], **given: st.SearchStrategy[Any]) -> st.SearchStrategy[Asked]:
    """Questions of one kind about the model m; what is not given has its default (which `builds` would make up)."""
    return st.fixed_dictionaries({**given, "how": _HOW}).map(lambda values: kind("m", **values))


_ASKED: st.SearchStrategy[Asked] = st.one_of(
    _asked(Register, ref=_LETTER, version=_PERHAPS),
    _asked(Register, ref=_LETTER, bump=st.sampled_from((None, "major", "minor"))),
    _asked(Promote, to=_STAGE, version=_VERSION, archive=_YES_OR_NO),
    _asked(Promote, to=_STAGE, ref=_LETTER, bare=_YES_OR_NO, archive=_YES_OR_NO),
    _asked(Promote, to=_STAGE, ref=_LETTER, register_as=_VERSION),
    _asked(Promote, to=_STAGE, source=_STAGE, archive=_YES_OR_NO),
    _asked(Unassign, stage=_STAGE, version=_PERHAPS),
    _asked(Unassign, stage=_STAGE, ref=_LETTER),
    _asked(Unassign, stage=_STAGE, every=st.just(True)),
    _asked(Deregister, version=_VERSION),
    _asked(Deregister, ref=_LETTER),
    _asked(Deprecate, ref=st.one_of(st.just(""), _LETTER)),
    _asked(Archive, version=_VERSION, deregister=_YES_OR_NO),
)


def records(lines: list[Line]) -> list[TagRecord]:
    """The tags of generated lines, in memory."""
    return [
        record(line.name, LETTERS[line.at - 1], time=FIRST_MOMENT + line.second)
        if line.annotated
        else lightweight(line.name, LETTERS[line.at - 1])
        for line in lines
    ]


def decided(asked: Asked, ledger: Ledger) -> Change | None:
    """The change, None where it is refused: by a rule, never by a defect."""
    try:
        return asked.check().decide(ledger, asked.ref.lower() * 40)
    except ModelStageError as refusal:
        assert refusal.reason is not Reason.INTERNAL_ERROR, refusal.message
        assert refusal.exit_code in (2, 3)
        return None


def of_m(tags: list[TagRecord]) -> list[TagRecord]:
    """What a store gives for the model m."""
    return [tag for tag in tags if tag.name.startswith(("m@", "m#"))]


@dataclass(frozen=True)
class Step:
    """One change of one model, some seconds after the one before."""

    model: str
    asked: Asked
    wait: int


_MODEL = st.sampled_from((*(model.replace("=", ":") for model in MODELS), "m", "m", "m"))
_WAIT = st.sampled_from((0, 1, 60))
_BEGINNING = [Step("m", Register("m", letter), 0) for letter in "AB"]
_STEPS = st.lists(st.builds(Step, _MODEL, _ASKED, _WAIT), min_size=1, max_size=14).map(_BEGINNING.__add__)


def written(steps: list[Step]) -> list[TagRecord]:
    """What our own writers make of a sequence of changes."""
    there: list[TagRecord] = []
    now = FIRST_MOMENT
    for step in steps:
        now += step.wait
        mine = [tag for tag in there if parse_tag(tag.name).model == step.model]
        asked: Asked = step.asked._replace(model=step.model)  # type: ignore[attr-defined]
        change = decided(asked, Ledger(step.model, mine, now=now))
        if change is not None:
            there += map(made, change.tags)
    return there


@settings(max_examples=4000 if LONG else 250, suppress_health_check=PATIENT)
@given(
    st.one_of(registries().map(records), _STEPS.map(written)),
    st.lists(_ASKED, min_size=5, max_size=5),
    st.integers(-310, 100),
)
def test_an_accepted_change_means_what_was_asked(there: list[TagRecord], questions: list[Asked], later: int) -> None:
    newest = max(tag.time or FIRST_MOMENT for tag in there)
    before = fold(there)
    for asked in questions:
        change = decided(asked, Ledger("m", of_m(there), now=newest + later))
        hypothesis.event(f"{type(asked).__name__}: {'refused' if change is None else 'accepted'}")
        if change is None:
            continue
        after = fold([*there, *map(made, change.tags)])
        assert_good_tags(change, there)
        assert_meaning(asked, change, before.models.get("m", Model("m")), after.model("m"))
        for other in ("n/x", "a/b:m"):
            theirs, same = before.models.get(other), after.models.get(other)
            assert (theirs and theirs.events) == (same and same.events)


def assert_good_tags(change: Change, there: list[TagRecord]) -> None:
    """New names, of this model, each later than all before."""
    names = [tag.name for tag in change.tags]
    assert names
    assert len(set(names)) == len(names)
    assert not {tag.name for tag in there} & set(names)
    assert {parse_tag(name).model for name in names} == {"m"}
    times = [tag.time for tag in change.tags]
    counted = [event.time for event in fold(of_m(there)).models.get("m", Model("m")).events]
    assert times == sorted(set(times))
    assert times[0] > max(counted, default=0)


def assert_meaning(asked: Asked, change: Change, before: Model, after: Model) -> None:
    """What was asked is so afterwards, and no stage changed that has nothing to do with it."""
    touched = {tag.commit for tag in change.tags}
    if isinstance(asked, Promote):
        assert current(after, asked.to) == change.version
        assert not asked.version or change.version == asked.version
        assert not asked.archive or len(after.holders(asked.to)) == 1
        assert asked.bare or change.version in {version.name for version in after.versions if version.registered}
    elif isinstance(asked, Unassign):
        held = [holder.version.commit for holder in after.holders(asked.stage)]
        assert not touched & set(held)
        assert not (asked.every and held)
    elif isinstance(asked, Register | Deregister):
        [version] = [version for version in after.at(str(change.commit)) if version.name == change.version]
        assert version.is_active() == isinstance(asked, Register)
    elif isinstance(asked, Deprecate):
        assert after.deprecated
    elif isinstance(asked, Archive):
        [version] = [version for version in after.at(str(change.commit)) if version.name == asked.version]
        assert not any(map(version.is_in, version.assignments))
    if before.ambiguous:
        assert set(after.ambiguous) == set(before.ambiguous)
        return
    assert not after.ambiguous
    moved = {stage for stage in STAGES if current(before, stage) != current(after, stage)}
    assert {move.stage for move in change.moves} >= moved
    if isinstance(asked, Promote | Unassign):
        own = asked.to if isinstance(asked, Promote) else asked.stage
        for stage in moved - {own}:  # a commit got its name there
            assert change.registered is not None, stage


@pytest.mark.thorough
@settings(max_examples=1000 if LONG else 30, suppress_health_check=PATIENT)
@given(_STEPS)
def test_b16_gto_reads_what_we_write(steps: list[Step]) -> None:
    lines = [
        Line(tag.name, LETTERS.index(str(tag.commit)[0].upper()) + 1, int(tag.time or 0) - FIRST_MOMENT)
        for tag in written(steps)
    ]
    with tempfile.TemporaryDirectory() as folder:
        differs = compare(lines, Path(folder, "registry"))
    assert differs in ("", "B4"), "we never make a model ambiguous"
    hypothesis.event(f"{differs or 'agrees'}, {len(lines)} tags")
