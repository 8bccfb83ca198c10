"""Verifier `http`: does an address answer as the new version would? answers.py says what an answer means."""

from __future__ import annotations

import json
from typing import ClassVar

from model_stage_deploy.core.durations import format_duration
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.json_paths import told
from model_stage_deploy.core.policy import Check, HttpCheck
from model_stage_deploy.core.verdict import Finding, Verified
from model_stage_deploy.deployers.contract import Job
from model_stage_deploy.ports import Clock, Web, WebProblem, WebRequest
from model_stage_deploy.verifiers.answers import good_statuses, mistake, of_answer, of_problem
from model_stage_deploy.verifiers.asking import place, shown, with_ours
from model_stage_deploy.verifiers.sampling import Look, Rule, Sampled, sample

_ALL = 1_000_000  # a cut might leave half a secret, which would not be known for one


class Http:
    """Asks until the answers are good or the deadline is over."""

    kind: ClassVar[str] = "http"

    def __init__(self, web: Web, clock: Clock) -> None:
        self._web = web
        self._clock = clock

    def describe(self, check: Check) -> list[str]:
        """See contract.Verifier."""
        asked = _part(check)
        sampled = f"{_needed(asked)} of {asked.samples} requests in a row must be good" if asked.samples > 1 else ""
        wrong = mistake(asked)
        return [
            f"{asked.method} {one_line(asked.url, _ALL)}",
            *shown(asked.headers),
            *([f"  {one_line(asked.body, _ALL)}"] if asked.body is not None else []),
            *(f"wants {line}" for line in _wanted(asked)),
            *([sampled] if sampled else []),
            _how_long(asked),
            *([f"can never be good: {wrong}"] if wrong else []),
        ]

    def verify(self, job: Job, check: Check) -> Verified:
        """See contract.Verifier."""
        asked = _part(check)
        wrong = mistake(asked)
        if wrong:
            return Verified(check.name or self.kind, Finding.INCONCLUSIVE, wrong)
        request = _request(asked)

        def look() -> Look:
            try:
                return of_answer(asked, self._web.send(request))
            except WebProblem as problem:
                return of_problem(problem)

        rule = Rule(asked.samples, _needed(asked), asked.interval, asked.deadline, again=True)
        done = sample(self._clock, rule, look, lambda line: job.output(f"{asked.method} {place(asked.url)}, {line}"))
        facts = {"requests": done.looks, "good": done.good, "seconds": round(done.seconds, 1)}
        return Verified(check.name or self.kind, done.finding, _sentence(asked, done), facts)


def _part(check: Check) -> HttpCheck:
    if check.http is None:
        raise ValueError("not a check of kind http")
    return check.http


def _needed(check: HttpCheck) -> int:
    return check.needed or check.samples


def _request(check: HttpCheck) -> WebRequest:
    body = (check.body or "").encode("utf-8", "surrogatepass")
    return WebRequest(
        check.method, check.url, with_ours(check.headers, **_kind_of(check.body)), body, check.request_timeout
    )


def _kind_of(body: str | None) -> dict[str, str]:
    """The Content-Type of a body, as far as the user does not name it."""
    if body is None:
        return {}
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return {"Content-Type": "text/plain; charset=utf-8"}
    return {"Content-Type": "application/json"}


def _how_long(check: HttpCheck) -> str:
    every, most = format_duration(check.interval), format_duration(check.deadline)
    return f"asks every {every} until it is good, for {most} at most"


def _wanted(check: HttpCheck) -> list[str]:
    return [
        f"status {' or '.join(map(str, good_statuses(check)))}",
        *(f"header {one_line(name, 200)}: {one_line(value, _ALL)}" for name, value in (check.header or {}).items()),
        *(f"JSON {one_line(path, 200)}: {told(value)}" for path, value in (check.json_ or {}).items()),
        *([f"an answer that contains {json.dumps(check.contains)}"] if check.contains is not None else []),
    ]


def _sentence(check: HttpCheck, done: Sampled) -> str:
    where, within = place(check.url), format_duration(check.deadline)
    if done.finding is Finding.PASSED:
        return f"{where}: {done.seen} ({done.counted})"
    if done.finding is Finding.FAILED:
        return f"{where} did not answer as it should within {within}: {done.seen} ({done.counted})"
    if done.undecided:
        return f"{where}: {done.looks} requests within {within} are too few to tell; the last one: {done.seen}"
    return f"{where} cannot be asked: {done.seen} ({done.counted})"
