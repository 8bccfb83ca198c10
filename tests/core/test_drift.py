"""Each kind of drift by the case that defines it, and what holds of every registry and every set of records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.drift import (
    TRIES,
    Asks,
    Compared,
    Consent,
    Kind,
    Remedy,
    Seat,
    compare,
    in_order,
    with_targets,
)
from model_stage_deploy.core.lifecycle import Recorded, Records, State
from model_stage_deploy.core.mapping import StageSettings
from model_stage_deploy.core.policy import Events, Gates, Rollback
from tests.core.tag_records import START, commit, model

TAGS = ("m@v1.0.0 A @0", "m@v2.0.0 B @10", "m#prod#1 A @20", "m#prod#2 B @100")
"""prod has v1.0.0 from second 20 and v2.0.0 from second 100."""
V1, V2 = ("v1.0.0", "A", "m#prod#1"), ("v2.0.0", "B", "m#prod#2")
NOW = START + 100_000.0
DIGEST = "today"
UNASSIGNED = (*TAGS, "m#prod!#3 B @300")
EMPTIED = (*UNASSIGNED, "m#prod!#4 A @310")
DEREGISTERED = (*TAGS, "m@v2.0.0! B @300")
DEPRECATED = (*TAGS, "m@deprecated B @300")


def at(second: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(START + second, UTC).isoformat()


def deployed(of: tuple[str, str, str], second: int, **facts: Any) -> Recorded:
    """A record of V1 or V2 that ended well, verified, `second` seconds after START."""
    version, letter, tag = of
    good = {
        "outcome": "success",
        "ended": at(second + 5),
        "placed": True,
        "checks": 1,
        "digest": DIGEST,
        "actor": "bob",
    }
    record = Recorded(str(second), version, commit(letter), tag, "success", created=at(second), updated=at(second + 5))
    return record._replace(**{**good, **facts})


def failed(of: tuple[str, str, str], second: int, **facts: Any) -> Recorded:
    """One that failed before anything was put in place."""
    return deployed(of, second, **{"state": "failure", "outcome": "failure", "placed": False, **facts})


def begun(of: tuple[str, str, str], second: int, **facts: Any) -> Recorded:
    """One without an end."""
    return deployed(of, second, **{"state": "in_progress", "outcome": "", "ended": "", "placed": False, **facts})


def undeployed(of: tuple[str, str, str], second: int, **facts: Any) -> Recorded:
    """An undeployment that ended well."""
    return deployed(of, second, **{"state": "inactive", "outcome": "", "action": "undeploy", "placed": False, **facts})


def rolled_back(second: int, **facts: Any) -> Recorded:
    """Back to v1.0.0 by hand."""
    return deployed(V1, second, rollback=True, previous="v2.0.0", previous_tag="m#prod#2", **facts)


def standing(
    *records: Recorded,
    tags: tuple[str, ...] = TAGS,
    settings: StageSettings | None = None,
    working: str = "",
    whole: bool = True,
    now: float = NOW,
) -> Compared:
    """How prod stands; the newest record first."""
    of = settings or StageSettings("prod", "fake")
    return compare(Seat(model(*tags), "prod", Records(records, whole), of, "prod", DIGEST, now, working))


def mapped(**events: str) -> StageSettings:
    """Settings with `events:`."""
    return StageSettings("prod", "fake", events=Events.model_validate(events))


@dataclass(frozen=True)
class Case:
    """Records, newest first, and what is made of them: the kind, whether it is drift, the remedy and what it asks."""

    records: list[Recorded]
    kind: Kind
    drifted: bool = True
    remedy: Remedy = Remedy.DEPLOY
    asks: Asks = Asks.APPLY
    tag: str = "m#prod#2"
    more: dict[str, Any] = field(default_factory=dict)


ON_TIME, LATE = deployed(V1, 30), deployed(V2, 110)
HELD = Asks.FORCE
NOTHING: dict[str, Any] = {"remedy": Remedy.NONE, "tag": ""}
CASES: dict[str, Case] = {
    "all is well": Case([LATE, ON_TIME], Kind.IN_SYNC, False, **NOTHING),
    "nothing decided, nothing runs": Case([], Kind.IN_SYNC, False, **NOTHING, more={"tags": EMPTIED}),
    "the same version by another tag": Case(
        [LATE], Kind.IN_SYNC, False, **NOTHING, more={"tags": (*TAGS, "m#prod#3 B @400")}
    ),
    "the event was lost": Case([ON_TIME], Kind.BEHIND),
    "nothing was ever deployed": Case([], Kind.MISSING),
    "made inactive on GitHub": Case([deployed(V2, 110, state="inactive")], Kind.MISSING),
    "an older tag was deployed late": Case([deployed(V1, 105)], Kind.BEHIND),
    "its deployment failed": Case([failed(V2, 110), ON_TIME], Kind.FAILED),
    "its only deployment failed": Case([failed(V2, 110)], Kind.FAILED),
    "failed before, with other settings": Case(
        [failed(V2, 110 + n, digest="old") for n in range(TRIES)] + [ON_TIME], Kind.FAILED
    ),
    "failed too often": Case([failed(V2, 110 + n) for n in range(TRIES)] + [ON_TIME], Kind.FAILED, asks=HELD),
    "an older version failed too often": Case(
        [*[failed(V1, 30 + n) for n in range(TRIES)], deployed(V1, 21, commit=commit("Z"))], Kind.BEHIND
    ),
    "interrupted each time": Case(
        [begun(V2, 300), *[failed(V2, 110 + n, state="error", outcome="error") for n in range(TRIES - 1)], ON_TIME],
        Kind.INTERRUPTED,
        asks=HELD,
    ),
    "rolled back by hand, and then a rerun failed": Case(
        [failed(V2, 300), rolled_back(200), LATE], Kind.FAILED, asks=HELD
    ),
    "undeployed, and then a rerun failed": Case([failed(V2, 300), undeployed(V2, 200)], Kind.FAILED, asks=HELD),
    "its tag was moved": Case(
        [deployed(V2, 110, tag_object="e" * 40)],
        Kind.BEHIND,
        asks=HELD,
        more={"tags": (*TAGS[:3], "m#prod#2 A @100")},
    ),
    "its tag was moved, and the first try had failed": Case(
        [failed(V2, 110, tag_object="e" * 40), ON_TIME], Kind.FAILED, asks=HELD
    ),
    "its tag was made anew for the same version": Case(
        [deployed(V2, 110, tag_object="e" * 40)], Kind.IN_SYNC, False, **NOTHING
    ),
    "tried again over the running one, and failed": Case([failed(V2, 200), LATE], Kind.FAILED),
    "a rollback by hand failed": Case([failed(V1, 200, rollback=True), LATE], Kind.FAILED, asks=HELD),
    "an older one failed before the decision": Case([failed(V1, 50), ON_TIME], Kind.BEHIND),
    "rolled back by hand": Case([rolled_back(200), LATE], Kind.ROLLED_BACK, asks=HELD),
    "rolled back by a clock that is behind": Case([rolled_back(90)], Kind.ROLLED_BACK, asks=HELD),
    "forced back to an older one": Case([deployed(V1, 200, forced=True, previous="v2.0.0")], Kind.OVERRULED, asks=HELD),
    "forced before the decision": Case([deployed(V1, 50, forced=True)], Kind.BEHIND),
    "failed here and rolled back": Case(
        [rolled_back(200, automatic=True), failed(V2, 110, placed=True)], Kind.HELD, asks=HELD
    ),
    "the way back failed, too": Case(
        [failed(V1, 200, rollback=True, automatic=True, previous="v2.0.0", previous_tag="m#prod#2")],
        Kind.HELD,
        asks=HELD,
    ),
    "the hold of another tag is over": Case(
        [rolled_back(200, automatic=True)],
        Kind.BEHIND,
        tag="m#prod#3",
        more={
            "tags": (*TAGS, "m#prod#3 B @300"),
            "settings": StageSettings("prod", "fake", rollback=Rollback(hold=60)),
        },
    ),
    "somebody is at work": Case(
        [begun(V2, 110), ON_TIME], Kind.UNDER_WAY, False, **NOTHING, more={"working": "run 7 has its lock"}
    ),
    "its run died": Case([begun(V2, 110), ON_TIME], Kind.INTERRUPTED),
    "a run over the running one died": Case([begun(V2, 200), LATE], Kind.INTERRUPTED),
    "a rollback by hand died": Case([begun(V1, 200, rollback=True), LATE], Kind.INTERRUPTED, asks=HELD),
    "a run died after a rollback by hand": Case([begun(V2, 300), rolled_back(200)], Kind.INTERRUPTED, asks=HELD),
    "a run died where nothing is decided": Case([begun(V2, 110)], Kind.INTERRUPTED, **NOTHING, more={"tags": EMPTIED}),
    "its verification failed": Case(
        [deployed(V2, 110, state="failure", outcome="failure"), ON_TIME], Kind.UNVERIFIED, asks=HELD
    ),
    "its verification came to no end": Case(
        [deployed(V2, 110, state="error", outcome="error"), ON_TIME], Kind.UNVERIFIED, asks=HELD
    ),
    "other settings": Case([deployed(V2, 110, digest="old")], Kind.CHANGED, False, asks=Asks.SETTINGS),
    "a record that knows no settings": Case([deployed(V2, 110, digest="")], Kind.IN_SYNC, False, **NOTHING),
    "nobody asks for checks": Case([deployed(V2, 110, checks=0)], Kind.IN_SYNC, False, **NOTHING),
    "unassigned, and nobody says what follows": Case(
        [LATE], Kind.LEFTOVER, False, **NOTHING, more={"tags": UNASSIGNED}
    ),
    "unassigned, fall back": Case(
        [LATE],
        Kind.LEFTOVER,
        remedy=Remedy.TAKE_AWAY,
        tag="m#prod!#3",
        more={"tags": UNASSIGNED, "settings": mapped(unassign="fallback")},
    ),
    "unassigned, and nothing to fall back to": Case(
        [ON_TIME], Kind.LEFTOVER, False, **NOTHING, more={"tags": EMPTIED, "settings": mapped(unassign="fallback")}
    ),
    "unassigned, undeploy": Case(
        [LATE],
        Kind.LEFTOVER,
        remedy=Remedy.TAKE_AWAY,
        tag="m#prod!#3",
        more={"tags": UNASSIGNED, "settings": mapped(unassign="undeploy")},
    ),
    "emptied, the older one still runs, undeploy": Case(
        [ON_TIME],
        Kind.LEFTOVER,
        remedy=Remedy.TAKE_AWAY,
        tag="m#prod!#4",
        more={"tags": EMPTIED, "settings": mapped(unassign="undeploy")},
    ),
    "unassigned and undeployed": Case(
        [undeployed(V2, 310), deployed(V2, 110, state="inactive")],
        Kind.UNDEPLOYED,
        False,
        **NOTHING,
        more={"tags": UNASSIGNED, "settings": mapped(unassign="undeploy")},
    ),
    "unassigned before it was deployed": Case([ON_TIME], Kind.IN_SYNC, False, **NOTHING, more={"tags": UNASSIGNED}),
    "deregistered, fall back": Case(
        [LATE],
        Kind.LEFTOVER,
        remedy=Remedy.TAKE_AWAY,
        tag="m@v2.0.0!",
        more={"tags": DEREGISTERED, "settings": mapped(deregister="fallback")},
    ),
    "deprecated": Case([LATE], Kind.IN_SYNC, False, **NOTHING, more={"tags": DEPRECATED}),
    "deprecated, undeploy": Case(
        [LATE],
        Kind.LEFTOVER,
        remedy=Remedy.TAKE_AWAY,
        tag="m@deprecated",
        more={"tags": DEPRECATED, "settings": mapped(deprecate="undeploy")},
    ),
    "deprecated, undeploy, and the version is held": Case(
        [rolled_back(200, automatic=True), failed(V2, 110, placed=True)],
        Kind.LEFTOVER,
        **NOTHING,
        more={"tags": DEPRECATED, "settings": mapped(deprecate="undeploy")},
    ),
    "deprecated and undeployed": Case(
        [undeployed(V2, 310)],
        Kind.UNDEPLOYED,
        False,
        **NOTHING,
        more={"tags": DEPRECATED, "settings": mapped(deprecate="undeploy")},
    ),
    "undeployed, and the model is in use again": Case(
        [undeployed(V2, 310)],
        Kind.UNDEPLOYED,
        asks=HELD,
        more={"tags": (*DEPRECATED, "m@v3.0.0 C @400"), "settings": mapped(deprecate="undeploy")},
    ),
    "undeployed before the decision": Case([undeployed(V1, 50)], Kind.MISSING),
    "its tag was deleted": Case([LATE], Kind.LEFTOVER, asks=HELD, tag="m#prod#1", more={"tags": TAGS[:-1]}),
    "all its tags were deleted": Case([LATE], Kind.LEFTOVER, **NOTHING, more={"tags": TAGS[:2]}),
    "the tags are ambiguous": Case(
        [], Kind.UNKNOWN, False, **NOTHING, more={"tags": ("m@v1 A", *TAGS, "m@v9.0.0 B @9")}
    ),
    "the records do not go back far enough": Case(
        [failed(V2, 110)], Kind.UNKNOWN, False, **NOTHING, more={"whole": False}
    ),
    "a state that nobody knows": Case([deployed(V2, 110, state="lost")], Kind.UNKNOWN, False, **NOTHING),
}


@pytest.mark.parametrize("name", CASES)
def test_case(name: str) -> None:
    case = CASES[name]
    found = standing(*case.records, **case.more)
    assert (found.kind, found.drifted, found.remedy, found.tag) == (case.kind, case.drifted, case.remedy, case.tag)
    if case.remedy is not Remedy.NONE:
        assert found.asks is case.asks


def test_every_kind_has_a_case() -> None:
    assert {case.kind for case in CASES.values()} == set(Kind) - {Kind.UNMAPPED, Kind.INCOMPLETE}


def test_a_stage_that_is_as_decided_may_lack_it_at_some_targets() -> None:
    same = next(case for case in CASES.values() if case.kind is Kind.IN_SYNC and case.records)
    found = standing(*same.records, **same.more)
    assert with_targets(found, []) is found
    lacking = with_targets(found, ["eu-1"])
    assert (lacking.kind, lacking.drifted, lacking.without) == (Kind.INCOMPLETE, True, ("eu-1",))
    assert lacking.heals(Consent(apply=True))
    behind = next(case for case in CASES.values() if case.kind is Kind.BEHIND)
    other = standing(*behind.records, **behind.more)
    assert with_targets(other, ["eu-1"]) is other


def test_what_a_person_did_on_purpose_is_never_healed_by_apply_alone() -> None:
    by_hand = {Kind.ROLLED_BACK, Kind.OVERRULED, Kind.HELD, Kind.UNVERIFIED}
    for case in CASES.values():
        found = standing(*case.records, **case.more)
        if found.kind in by_hand:
            assert not found.heals(Consent(apply=True, settings=True))
            assert found.heals(Consent(apply=True, force=True))
            assert not found.heals(Consent(force=True))


def test_other_settings_count_only_where_somebody_asks() -> None:
    found = standing(deployed(V2, 110, digest="old"))
    assert (found.counts(Consent()), found.counts(Consent(settings=True))) == (False, True)
    assert (found.heals(Consent(apply=True)), found.heals(Consent(apply=True, settings=True))) == (False, True)


def row(name: str, stage: str, second: int, *needs: str) -> Compared:
    of = model(f"{name}@v1.0.0 A", f"{name}#{stage}#1 A @{second}", name=name)
    settings = StageSettings("e", "fake", gates=Gates.model_validate({"needs": list(needs)} if needs else {}))
    return compare(Seat(of, stage, Records(), settings, "e", DIGEST, NOW))


def test_a_stage_comes_after_those_that_it_needs_and_else_as_decided() -> None:
    rows = [
        row("m", "prod", 100, "staging"),
        row("m", "staging", 200, "dev"),
        row("m", "dev", 300),
        row("n", "prod", 50, "staging"),
    ]
    ordered = [found.place for found in in_order(rows)]
    assert sorted(ordered) == sorted(found.place for found in rows)
    assert [stage for name, stage in ordered if name == "m"] == ["dev", "staging", "prod"]


def test_needs_that_go_in_a_circle_hinder_nothing() -> None:
    rows = [row("m", "prod", 100, "staging"), row("m", "staging", 200, "prod")]
    assert [found.place for found in in_order(rows)] == [("m", "prod"), ("m", "staging")]


_SECONDS = st.integers(1, 12).map(lambda number: number * 40)
_TAG_LINES = st.lists(
    st.tuples(st.sampled_from(["m#prod", "m#prod!", "m@v2.0.0!", "m@deprecated"]), st.sampled_from("AB"), _SECONDS),
    max_size=6,
).map(
    lambda drawn: (
        *TAGS[:2],
        *(
            f"{name}{f'#{number}' if '#' in name else ''} {'B' if '@' in name else letter} @{second}"
            for number, (name, letter, second) in enumerate(drawn, 1)
        ),
    )
)
_RECORD = st.builds(
    lambda of, make, second, facts: make(of, second, **facts),
    st.sampled_from([V1, V2]),
    st.sampled_from([deployed, failed, begun, undeployed]),
    _SECONDS,
    st.fixed_dictionaries(
        {},
        optional={
            "rollback": st.just(True),
            "automatic": st.just(True),
            "forced": st.just(True),
            "digest": st.sampled_from(["", "old", DIGEST]),
            "placed": st.booleans(),
            "previous": st.sampled_from(["v1.0.0", "v2.0.0"]),
        },
    ),
)
_RECORDS = st.lists(_RECORD, max_size=5).map(lambda drawn: sorted(drawn, key=lambda one: -int(one.id)))
_POLICIES = st.fixed_dictionaries(
    dict.fromkeys(["unassign", "deregister", "deprecate"], st.sampled_from(["fallback", "undeploy", "ignore"]))
)


def lines_once(lines: tuple[str, ...]) -> tuple[str, ...]:
    """No tag twice."""
    return tuple({line.split(" ")[0]: line for line in lines}.values())


@given(lines=_TAG_LINES.map(lines_once), records=_RECORDS, policies=_POLICIES)
def test_a_heal_is_of_what_the_registry_says_and_leaves_nothing_to_heal(
    lines: tuple[str, ...], records: list[Recorded], policies: dict[str, str]
) -> None:
    settings = mapped(**policies)
    found = standing(*records, tags=lines, settings=settings)
    consent = Consent(apply=True, settings=True, force=True)
    assert found.drifted or found.kind is Kind.CHANGED or not found.heals(consent)
    if found.remedy is Remedy.NONE:
        return
    of, holder = model(*lines), found.life.holder
    if found.remedy is Remedy.DEPLOY:
        assert holder is not None
        assert found.tag == holder.event.tag.text
    else:
        assert of.event_of(found.tag) is not None
    undeploys = found.remedy is Remedy.TAKE_AWAY and found.policy == "undeploy"
    running = found.life.running
    if undeploys:
        assert running is not None
        gone = (running.version, "A" if running.commit == commit("A") else "B", running.tag)
        after = [undeployed(gone, 9000), *(one._replace(state="inactive") for one in records)]
    else:
        assert holder is not None
        letter = "A" if holder.version.commit == commit("A") else "B"
        after = [deployed((holder.version.name, letter, holder.event.tag.text), 9000), *records]
    healed = standing(*after, tags=lines, settings=settings)
    # What an unassignment undeployed may leave the stage with an older version that is decided again: then it is said.
    assert not healed.counts(consent) or (undeploys and healed.asks is Asks.FORCE)


@given(lines=_TAG_LINES.map(lines_once), records=_RECORDS)
def test_without_a_word_in_the_mapping_nothing_is_taken_away(lines: tuple[str, ...], records: list[Recorded]) -> None:
    found = standing(*records, tags=lines)
    assert found.remedy is not Remedy.TAKE_AWAY
    if found.life.state is State.DEPLOYED and not found.life.differs:
        assert found.kind in (Kind.IN_SYNC, Kind.CHANGED, Kind.LEFTOVER, Kind.HELD, Kind.FAILED, Kind.UNVERIFIED)
