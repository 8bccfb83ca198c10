"""Another registry held against ours: what is new is written in order, what contradicts is named, the rest is left."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.errors import Refused
from model_stage_deploy.core.importing import Claim, Foreign, State, Wanted, decide, refusal, weigh
from model_stage_deploy.core.reasons import Reason
from tests.core.ledgers import after, ledger, names
from tests.core.tag_records import commit


def foreign(number: int, letter: str, version: str = "", **more: Any) -> Foreign:
    name = version or f"v{number}.0.0"
    return Foreign(str(number), name, commit(letter), float(number), f"version {number} in MLflow", **more)


def wanted(*versions: Foreign, **claims: str) -> Wanted:
    """Stages are given to versions by keywords: prod="2"."""
    return Wanted("m", "m", versions, tuple(Claim(stage, number, "alias x") for stage, number in claims.items()))


def states(weighed: Any) -> list[str]:
    return [one.state.value for one in (*weighed.rows, *weighed.seatings)]


def test_what_is_new_is_registered_in_the_order_of_its_creation_and_then_given_its_stages() -> None:
    asked = wanted(foreign(10, "B"), foreign(2, "A"), foreign(3, "C", "v0.3.0"), prod="10", dev="2")
    on = ledger()
    weighed = weigh(on, asked)
    assert states(weighed) == ["new"] * 5
    made = decide(on, weighed)
    assert names(made) == ["m@v2.0.0", "m@v0.3.0", "m@v10.0.0", "m#prod#1", "m#dev#2"]
    assert [tag.time for tag in made.tags] == sorted({tag.time for tag in made.tags})
    assert made.tags[0].message == "Import m v2.0.0: version 2 in MLflow"
    assert made.tags[3].message == "Import m v10.0.0 in prod, by alias x: version 10 in MLflow"
    model = after(made)
    assert {stage: model.holder(stage).version.name for stage in model.stages} == {  # type: ignore[union-attr]
        "dev": "v2.0.0",
        "prod": "v10.0.0",
    }


def test_what_is_there_already_is_left() -> None:
    lines = ("m@v1.0.0 A @1", "m@v2.0.0 B @2", "m#prod#1 A @3")
    on = ledger(*lines)
    weighed = weigh(on, wanted(foreign(1, "A"), foreign(2, "B"), foreign(3, "C"), prod="1", dev="3"))
    assert states(weighed) == ["there", "there", "new", "there", "new"]
    assert names(decide(on, weighed)) == ["m@v3.0.0", "m#dev#2"]
    assert not weigh(on, wanted(foreign(1, "A"), prod="1")).is_new


@pytest.mark.parametrize(
    ("lines", "asked", "reason", "why"),
    [
        (["m@v9.0.0 A"], wanted(foreign(1, "A")), Reason.ALREADY_REGISTERED, "commit aaaaaaaaaaaa is v9.0.0 here"),
        (["m@v1.0.0 B"], wanted(foreign(1, "A")), Reason.VERSION_TAKEN, "v1.0.0 is commit bbbbbbbbbbbb here"),
        (
            ["m@v1.0.0 A @1", "m@v1.0.0! A @9"],
            wanted(foreign(1, "A")),
            Reason.INACTIVE_VERSION,
            "was deregistered here",
        ),
        (
            [],
            wanted(foreign(1, "A"), foreign(2, "A")),
            Reason.ALREADY_REGISTERED,
            "version 1 is of commit aaaaaaaaaaaa",
        ),
        (
            [],
            wanted(foreign(1, "A"), foreign(2, "B", "v1.0.0")),
            Reason.VERSION_TAKEN,
            "version 1 is to be v1.0.0, too",
        ),
        (
            ["m@v1.0.0 A @1", "m#prod#1 A @9"],
            wanted(foreign(2, "B"), prod="2"),
            Reason.TAG_EXISTS,
            "prod has v1.0.0 here, by 'm#prod#1'",
        ),
        (
            ["m@v1.0.0 A @1", "m#prod#1 A @8", "m#prod!#2 A @9"],
            wanted(foreign(1, "A"), prod="1"),
            Reason.NOT_IN_STAGE,
            "v1.0.0 was taken out of prod here, by 'm#prod!#2'",
        ),
    ],
)
def test_what_contradicts_the_registry_keeps_the_model_out(
    lines: list[str], asked: Wanted, reason: Reason, why: str
) -> None:
    weighed = weigh(ledger(*lines), asked)
    problem = refusal(asked, weighed)
    assert problem is not None
    assert (problem.reason, problem.exit_code) == (reason, 3)
    assert why in problem.message
    assert "--skip-conflicts" in problem.hint


def test_two_versions_for_one_stage_are_a_conflict_and_the_same_one_twice_is_none() -> None:
    first, second = foreign(1, "A"), foreign(2, "B")
    both = Wanted("m", "m", (first, second), (Claim("prod", "1", "alias a"), Claim("prod", "2", "stage Production")))
    weighed = weigh(ledger(), both)
    assert [one.reason for one in weighed.seatings] == [Reason.AMBIGUOUS_VERSION] * 2
    assert "versions 1, 2 are all to have prod" in weighed.seatings[0].why
    twice = Wanted("m", "m", (first,), (Claim("prod", "1", "alias a"), Claim("prod", "1", "stage Production")))
    on = ledger()
    weighed = weigh(on, twice)
    assert states(weighed) == ["new", "new", "there"]
    assert names(decide(on, weighed)) == ["m@v1.0.0", "m#prod#1"]


def test_a_stage_that_gto_does_not_allow_is_a_conflict() -> None:
    weighed = weigh(ledger(stages=["dev"]), wanted(foreign(1, "A"), prod="1", dev="1"))
    assert states(weighed) == ["new", "conflict", "new"]
    assert weighed.conflicts[0].reason is Reason.STAGE_NOT_ALLOWED


def test_what_is_left_out_takes_its_stages_along_and_is_no_conflict() -> None:
    lost = Foreign("2", "v2.0.0", "", 2.0, why_not="MLflow does not say of which commit it is")
    asked = wanted(foreign(1, "A"), lost, prod="2", dev="1", qa="7")
    on = ledger()
    weighed = weigh(on, asked)
    assert states(weighed) == ["new", "left-out", "left-out", "new", "left-out"]
    assert refusal(asked, weighed) is None
    assert names(decide(on, weighed)) == ["m@v1.0.0", "m#dev#1"]
    assert [one.number for one in weighed.standing] == ["1"]


def test_a_commit_that_has_a_stage_without_a_version_gets_its_version() -> None:
    """R24: registering it names what the stage has."""
    on = ledger("m#prod#1 A @1")
    weighed = weigh(on, wanted(foreign(1, "A"), prod="1"))
    assert states(weighed) == ["new", "there"]
    assert names(decide(on, weighed)) == ["m@v1.0.0"]


def test_a_deprecated_model_is_not_brought_back_by_an_import() -> None:
    on = ledger("m@v1.0.0 A @1", "m@deprecated A @2")
    weighed = weigh(on, wanted(foreign(2, "B")))
    with pytest.raises(Refused, match="any new tag would take that back"):
        decide(on, weighed)


@given(
    st.lists(
        st.tuples(st.integers(1, 6), st.sampled_from("ABCDEF"), st.sampled_from(["", "v1.0.0", "v2.0.0"])),
        max_size=6,
        unique_by=lambda one: one[0],
    ),
    st.dictionaries(st.sampled_from(["prod", "dev"]), st.integers(1, 7).map(str)),
    st.sets(st.sampled_from(["m@v1.0.0 A @1", "m@v2.0.0 B @2", "m#prod#1 A @3", "m#dev#2 B @4", "m@v1.0.0!#3 A @5"])),
)
def test_an_import_that_was_written_finds_everything_there(
    versions: list[tuple[int, str, str]], claims: dict[str, str], lines: set[str]
) -> None:
    """Whatever is imported into whatever there is: at the second look what was new is there, and all else as before."""
    asked = wanted(*(foreign(number, letter, name) for number, letter, name in versions), **claims)
    on = ledger(*sorted(lines))
    weighed = weigh(on, asked)
    if not weighed.is_new:
        return
    made = decide(on, weighed)
    from tests.fakes.tag_store import made as record

    again = weigh(ledger(*sorted(lines), also=map(record, made.tags)), asked)
    assert not again.is_new
    pairs = [(before.state, now.state) for before, now in zip(weighed.rows, again.rows, strict=True)]
    pairs += [(before.state, now.state) for before, now in zip(weighed.seatings, again.seatings, strict=True)]
    assert all(now is (State.THERE if before is State.NEW else before) for before, now in pairs), pairs
