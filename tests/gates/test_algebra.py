"""A stricter mapping never allows more: whatever is asked on top, a refusal stays one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core import policy
from model_stage_deploy.core.lifecycle import Recorded, Records
from model_stage_deploy.core.policy import Gates
from model_stage_deploy.core.verdict import Answer, Verdict, failed, overall, passed, unknown
from model_stage_deploy.gates.needs import Needs
from model_stage_deploy.gates.window import Window
from tests.gates.judged import NOW, a_case
from tests.gates.stage_records import OTHER, attempt

STAGES = ("dev", "staging", "qa")


@st.composite
def _histories(draw: st.DrawFn) -> Records:
    """Attempts one after another, of the version or of another, ended in any way; what replaced what is inactive."""
    found: list[Recorded] = []
    ago = 100.0
    for _ in range(draw(st.integers(0, 6))):
        ago -= draw(st.integers(1, 15))
        outcome = draw(st.sampled_from(["success", "success", "success", "failure", "error", ""]))
        facts: dict[str, Any] = {} if draw(st.booleans()) else {"version": "v1.0.0", "commit": OTHER}
        if draw(st.integers(0, 9)) == 0:
            facts["action"] = "undeploy"
        checks, took = draw(st.sampled_from([0, 1])), draw(st.sampled_from([0.0, 0.5]))
        placed = outcome == "success" or draw(st.booleans())
        if placed and found and found[-1].state == "success":
            found[-1] = found[-1]._replace(state="inactive", updated=attempt(ago=ago - took).updated)
        found.append(attempt(outcome, ago=ago, took=took, checks=checks, placed=placed, **facts))
    return Records(tuple(reversed(found)), whole=draw(st.booleans()))


_FACTS = st.fixed_dictionaries({stage: _histories() for stage in STAGES})
_UNVERIFIABLE = st.frozensets(st.sampled_from(STAGES), max_size=1)
_NEED = st.fixed_dictionaries({"stage": st.sampled_from(STAGES), "verified": st.booleans()})
_NEEDS = st.lists(_NEED, min_size=1, max_size=3)
_SOAKS = st.one_of(st.none(), st.integers(1, 60 * 3600))


def needs(needed: list[dict[str, Any]], soak: int | None, facts: Any, unverifiable: frozenset[str]) -> Verdict:
    case = replace(a_case(), environments=dict.fromkeys(STAGES, "e"), unverifiable=unverifiable)
    return Needs.judge(Gates.model_validate({"needs": needed, "soak": soak}), facts, case)


@given(_NEEDS, _SOAKS, _FACTS, _UNVERIFIABLE, st.sampled_from(STAGES), st.booleans())
def test_one_more_needed_stage(needed: Any, soak: Any, facts: Any, without: Any, stage: str, verified: bool) -> None:
    more = needs([*needed, {"stage": stage, "verified": verified}], soak, facts, without)
    assert not more.passed or needs(needed, soak, facts, without).passed


@given(_NEEDS, st.integers(1, 60 * 3600), st.integers(1, 60 * 3600), _FACTS, _UNVERIFIABLE)
def test_a_longer_soak(needed: Any, soak: int, longer: int, facts: Any, without: Any) -> None:
    strict = needs(needed, soak + longer, facts, without)
    assert not strict.passed or needs(needed, soak, facts, without).passed
    assert not needs(needed, soak, facts, without).passed or needs(needed, None, facts, without).passed


@given(_NEEDS, _SOAKS, _FACTS, _UNVERIFIABLE)
def test_verified_rather_than_deployed(needed: Any, soak: Any, facts: Any, without: Any) -> None:
    strict = needs([{**need, "verified": True} for need in needed], soak, facts, without)
    assert not strict.passed or needs(needed, soak, facts, without).passed


@given(_NEEDS, _SOAKS, _FACTS, st.sampled_from(STAGES), st.sampled_from(["failure", "error"]))
def test_a_failure_on_top_never_helps(needed: Any, soak: Any, facts: Any, stage: str, outcome: str) -> None:
    worse = {
        **facts,
        stage: facts[stage]._replace(newest_first=(attempt(outcome, ago=0.1), *facts[stage].newest_first)),
    }
    after = needs(needed, soak, worse, frozenset())
    assert not after.passed or needs(needed, soak, facts, frozenset()).passed
    if stage in [need["stage"] for need in needed]:
        assert not after.passed


@given(_NEEDS, _SOAKS, _FACTS, st.integers(0, 100 * 3600))
def test_time_alone_never_takes_a_yes_back(needed: Any, soak: Any, facts: Any, later: int) -> None:
    case = replace(a_case(), environments=dict.fromkeys(STAGES, "e"))
    rule = Gates.model_validate({"needs": needed, "soak": soak})
    after = Needs.judge(rule, facts, replace(case, now=NOW + later))
    assert not Needs.judge(rule, facts, case).passed or after.passed


_DAYS = st.sets(st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]), min_size=1)
_TIMES = st.tuples(st.integers(0, 22), st.integers(0, 59)).map(lambda pair: f"{pair[0]:02}:{pair[1]:02}")
_SPAN = st.tuples(_TIMES, _TIMES).filter(lambda pair: pair[0] != pair[1]).map("-".join)
_SPANS = st.lists(_SPAN, min_size=1, max_size=2)
_MOMENTS = st.integers(1767225600, 1767225600 + 366 * 86400)


def overnight(span: str) -> bool:
    start, end = span.split("-")
    return end < start


def window(now: float, **rule: Any) -> Verdict:
    return Window.judge(policy.Window.model_validate(rule), None, a_case(now=now))


@given(_DAYS, _DAYS, _SPANS, _SPAN, _MOMENTS, st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe"]))
def test_a_narrower_window(days: set[str], more: set[str], spans: list[str], span: str, now: int, zone: str) -> None:
    narrow = window(now, zone=zone, days=",".join(days), hours=",".join(spans))
    assert not narrow.passed or window(now, zone=zone, days=",".join(days | more), hours=",".join(spans)).passed
    assert not narrow.passed or window(now, zone=zone, days=",".join(days), hours=",".join([*spans, span])).passed
    if not any(overnight(one) for one in spans):  # those reach into the day after, as documented
        assert not narrow.passed or window(now, zone=zone, days=",".join(days)).passed
    frozen = window(now, zone=zone, days=",".join(days), freezes=[{"from": "2026-02-01", "to": "2026-07-01"}])
    assert not frozen.passed or window(now, zone=zone, days=",".join(days)).passed


_VERDICTS = st.sampled_from([passed("a", "yes"), failed("b", "no", "no", "hint"), unknown("c", "who knows")])


@given(st.lists(_VERDICTS), _VERDICTS)
def test_one_more_gate(verdicts: list[Verdict], more: Verdict) -> None:
    for both in ([*verdicts, more], [more, *verdicts]):
        assert overall(both) is not Answer.PASSED or overall(verdicts) is Answer.PASSED
    if overall(verdicts) is Answer.FAILED:
        assert overall([*verdicts, more]) is Answer.FAILED
