"""The gate `window`: is it now the time to deploy?"""

from __future__ import annotations

from typing import Any, ClassVar

from model_stage_deploy.core import policy
from model_stage_deploy.core.durations import spoken
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.verdict import Verdict, failed, passed
from model_stage_deploy.core.windows import Schedule, read_window
from model_stage_deploy.gates.contract import Case

_AGAIN = "run this again then"


class Window:
    """Deploy hours and freezes, by the clock on the wall of a time zone."""

    name: ClassVar[str] = "window"

    def facts(self, rule: policy.Window, case: Case) -> None:
        """Nothing: the time is all there is to know, and the case holds it."""

    @staticmethod
    def judge(rule: policy.Window, facts: Any, case: Case) -> Verdict:  # noqa: ARG004 - the contract
        """Whether `case.now` lies within the window and in no freeze."""
        schedule = read_window(rule)
        now = _shown(schedule, case.now)
        if schedule.is_open(case.now):
            return passed("window", f"now, {now}, is within the window ({_words(rule)})", now=now)
        opens = schedule.next_open(case.now)
        known = {"now": now, "opens": None if opens is None else _shown(schedule, opens)}
        hint = "nobody knows when the window opens: change `window` in the mapping"
        if opens is not None:
            hint = f"the window opens on {known['opens']}, in {spoken(opens - case.now, up=True)}: {_AGAIN}"
        freeze = schedule.freeze_at(case.now)
        if freeze is None:
            return failed("window", "closed", f"now, {now}, is outside the window ({_words(rule)})", hint, **known)
        why = f": {one_line(freeze.why, 200)}" if freeze.why else ""
        until = _shown(schedule, freeze.end)
        return failed("window", "frozen", f"now, {now}, is within a freeze until {until}{why}", hint, **known)


def _shown(schedule: Schedule, moment: float) -> str:
    """`Mon 2026-11-23 09:00 Europe/Berlin`."""
    local = schedule.local(moment)
    day = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[local.weekday()]
    return f"{day} {local:%Y-%m-%d %H:%M} {schedule.zone_name}"


def _words(rule: policy.Window) -> str:
    parts = [one_line(part, 200) for part in (rule.days, rule.hours) if part]
    parts += ["freezes"] if rule.freezes else []
    return ", ".join([*parts, rule.zone])
