"""Verifier `metric`: is a number that Prometheus knows as it must be? prometheus.py reads its answers."""

from __future__ import annotations

import math
from typing import ClassVar
from urllib.parse import urlencode, urlsplit

from model_stage_deploy.core.durations import format_duration
from model_stage_deploy.core.expressions import Threshold, parse_threshold
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.policy import Check, MetricCheck
from model_stage_deploy.core.verdict import Finding, Verified
from model_stage_deploy.deployers.contract import Job
from model_stage_deploy.ports import Clock, Web, WebProblem, WebRequest, WebResponse
from model_stage_deploy.verifiers.asking import place, shown, with_ours
from model_stage_deploy.verifiers.prometheus import PATH, Reading, Unreadable, read
from model_stage_deploy.verifiers.sampling import Look, Rule, Sampled, sample

NO_POST = frozenset({405, 501})
"""Statuses of one that takes no POST; it is then asked by GET."""
HOPELESS = frozenset({"invalid-url", "invalid-header"})
"""Kinds of WebProblem that stay, however often one asks."""
_MEANS = {"pass": Finding.PASSED, "fail": Finding.FAILED, "inconclusive": Finding.INCONCLUSIVE}
_ALL = 1_000_000  # a cut might leave half a secret, which would not be known for one


class Metric:
    """Takes readings until they decide. One that cannot be had is taken once more, until the deadline."""

    kind: ClassVar[str] = "metric"

    def __init__(self, web: Web, clock: Clock) -> None:
        self._web = web
        self._clock = clock

    def describe(self, check: Check) -> list[str]:
        """See contract.Verifier."""
        asked = _part(check)
        often = f"{_needed(asked)} of {asked.samples} readings, {format_duration(asked.interval)} apart, must be good"
        return [
            f"ask Prometheus at {one_line(asked.prometheus, _ALL)}",
            *shown(asked.headers),
            *(f"  | {one_line(line, _ALL)}" for line in asked.query.rstrip("\n").split("\n")),
            f"wants a number {asked.threshold}; NaN or no data: {asked.nan}",
            *([f"waits for {format_duration(asked.delay)} first"] if asked.delay else []),
            *([often] if asked.samples > 1 else []),
            f"goes on for {format_duration(asked.deadline)} at most",
        ]

    def verify(self, job: Job, check: Check) -> Verified:
        """See contract.Verifier."""
        asked, name = _part(check), check.name or self.kind
        threshold = parse_threshold(asked.threshold)
        if urlsplit(asked.prometheus).query or urlsplit(asked.prometheus).fragment:
            return Verified(
                name, Finding.INCONCLUSIVE, "`prometheus` is the address of the server, without `?` and `#`"
            )
        warned: list[str] = []

        def look() -> Look:
            try:
                reading = read(self._ask(asked))
            except Unreadable as problem:
                return Look(Finding.INCONCLUSIVE, str(problem), final=problem.final)
            except WebProblem as problem:
                return Look(Finding.INCONCLUSIVE, one_line(str(problem), 300), final=problem.kind in HOPELESS)
            for warning in reading.warnings:
                if warning not in warned:
                    warned.append(warning)
                    job.output(f"Prometheus warns: {warning}\n")
            return _judged(asked, threshold, reading)

        if asked.delay:
            self._clock.sleep(asked.delay)
        left = max(0.0, asked.deadline - (asked.delay or 0.0))
        rule = Rule(asked.samples, _needed(asked), asked.interval, left, again=False)
        done = sample(
            self._clock, rule, look, lambda line: job.output(f"Prometheus at {place(asked.prometheus)}, {line}")
        )
        facts = {"readings": done.looks, "good": done.good, "seconds": round(done.seconds, 1), "warnings": len(warned)}
        return Verified(name, done.finding, _sentence(asked, done), facts)

    def _ask(self, check: MetricCheck) -> WebResponse:
        """The answer to the query: by POST, which takes a query of any length, or by GET where that is not taken."""
        url = check.prometheus.rstrip("/") + PATH
        form = urlencode({"query": check.query}, errors="surrogatepass")
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        headers = with_ours(check.headers, **kind)
        answer = self._web.send(WebRequest("POST", url, headers, form.encode(), check.request_timeout))
        if answer.status not in NO_POST:
            return answer
        return self._web.send(WebRequest("GET", f"{url}?{form}", with_ours(check.headers), b"", check.request_timeout))


def _part(check: Check) -> MetricCheck:
    if check.metric is None:
        raise ValueError("not a check of kind metric")
    return check.metric


def _needed(check: MetricCheck) -> int:
    return check.needed or check.samples


def _judged(check: MetricCheck, threshold: Threshold, reading: Reading) -> Look:
    if math.isnan(reading.value):
        what = "NaN" if reading.text else "no data"
        return Look(_MEANS[check.nan], f"{what}, which counts as {check.nan}")
    good = threshold.holds(reading.value)  # an infinite number never is
    return Look(Finding.PASSED if good else Finding.FAILED, f"{reading.text}, wanted {threshold}")


def _sentence(check: MetricCheck, done: Sampled) -> str:
    where = f"Prometheus at {place(check.prometheus)}"
    if not done.undecided and done.finding is not Finding.INCONCLUSIVE:
        return f"{where}: {done.seen} ({done.counted})"
    if done.undecided:
        within = format_duration(check.deadline)
        return f"{where}: not enough could be read within {within} ({done.counted}); the last one: {done.seen}"
    return f"{where}: {done.seen}"
