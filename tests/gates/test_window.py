"""The gate `window`: is it the time to deploy, why not, and when will it be?"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from model_stage_deploy.core.policy import Window as Rule
from model_stage_deploy.core.verdict import Verdict
from model_stage_deploy.gates.window import Window
from tests.gates.judged import a_case, judged

BERLIN = {"zone": "Europe/Berlin", "days": "mon-fri", "hours": "09:00-17:00"}


def said(now: str, fold: int = 0, **rule: Any) -> Verdict:
    """What the gate says at a time in Berlin."""
    moment = datetime.fromisoformat(now).replace(tzinfo=ZoneInfo("Europe/Berlin"), fold=fold)
    return judged(Window(), Rule.model_validate({**BERLIN, **rule}), a_case(now=moment.timestamp()))


def test_within_the_window() -> None:
    verdict = said("2026-11-23T09:00")
    assert verdict.passed
    assert verdict.sentence == (
        "now, Mon 2026-11-23 09:00 Europe/Berlin, is within the window (mon-fri, 09:00-17:00, Europe/Berlin)"
    )


def test_a_refusal_says_when_the_window_opens() -> None:
    verdict = said("2026-11-20T17:00")
    assert verdict.code == "window-closed"
    assert verdict.sentence.startswith("now, Fri 2026-11-20 17:00 Europe/Berlin, is outside the window (mon-fri,")
    assert verdict.hint == ("the window opens on Mon 2026-11-23 09:00 Europe/Berlin, in 2d 16h: run this again then")
    assert verdict.facts["opens"] == "Mon 2026-11-23 09:00 Europe/Berlin"


def test_the_wait_is_rounded_up_and_knows_that_the_clock_changes() -> None:
    assert "in 15h 1m" in said("2026-11-23T17:59:30").hint
    assert "in 2d 15h" in said("2026-03-27T17:00").hint  # an hour less: Sunday the clock is put forward
    assert "in 2d 17h" in said("2026-10-23T17:00").hint


def test_a_freeze_says_why_and_until_when() -> None:
    freezes = [{"from": "2026-12-20", "to": "2027-01-02", "why": "end of\nthe year"}]
    verdict = said("2026-12-21T10:00", freezes=freezes)
    assert verdict.code == "window-frozen"
    assert verdict.sentence.endswith("is within a freeze until Sun 2027-01-03 00:00 Europe/Berlin: end of\\nthe year")
    assert "opens on Mon 2027-01-04 09:00" in verdict.hint
    assert said("2026-12-18T10:00", freezes=freezes).passed


def test_at_night_within_a_freeze_the_freeze_is_told() -> None:
    verdict = said("2026-12-21T23:00", freezes=[{"from": "2026-12-20", "to": "2026-12-21"}])
    assert verdict.code == "window-frozen"


def test_an_hour_shown_twice_is_open_twice() -> None:
    window: dict[str, Any] = {"days": "sun", "hours": "02:00-03:00"}
    assert said("2026-10-25T02:30", fold=0, **window).passed
    assert said("2026-10-25T02:30", fold=1, **window).passed
    assert said("2026-03-29T03:00", **window).hint.startswith("the window opens on Sun 2026-04-05 02:00")


def test_utc_unless_said_otherwise() -> None:
    verdict = judged(Window(), Rule.model_validate({"days": "mon-sun"}), a_case(now=0.0))
    assert verdict.passed
    assert "Thu 1970-01-01 00:00 UTC" in verdict.sentence
