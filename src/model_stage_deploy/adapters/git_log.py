"""The deployment log in Git: records of deployments as journals on the registry's own remote (git_journal.py).

For every host that has no place for such records: Jenkins and others, whose workspace, and with it the log in `.git`,
is gone when the job ends; and GitLab, whose Deployments hold no payload (what people see there: gitlab_deployments.py).
It needs nothing but a remote that takes pushes, it is where the tags are that it tells of, and whoever can change it
can change those as well. One journal for each model, stage and environment, so that deployments do not wait for
another; what a deployment is now follows from its entries, in their order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from model_stage_deploy.adapters.git_journal import Draft, Entry, GitJournals, Moved, is_whole
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.evidence import Approved, Evidence
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.lifecycle import ENDED_BADLY, INACTIVE, SETTLED, SUCCESS, Recorded, Records
from model_stage_deploy.core.plan import Plan
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.records import payload_of, recorded_from
from model_stage_deploy.core.tags import slug
from model_stage_deploy.ports import Clock, Ending

_IN_PROGRESS = "in_progress"
_SUMMARY = 500  # characters
_NAME = 120  # characters of a journal's name: each makes a file name on the server
_ID = 16  # hex digits of the commit that a deployment goes by
_TIMES = 20  # times that somebody else may be quicker

Decide = Callable[[Sequence[Entry]], Sequence[Draft]]


class GitLog:
    """Fulfils the CodeHost port. `who` is whom approvals are recorded for, and deployments of whom nobody is known."""

    def __init__(self, journals: GitJournals, *, who: str, clock: Clock, scrub: Callable[[str], str] = str) -> None:
        self._journals = journals
        self._who = who
        self._clock = clock
        self._scrub = scrub
        self._places: dict[str, str] = {}  # deployment -> journal, of those that were read or written
        self._owed: dict[str, list[Draft]] = {}  # what the remote could not be told: it goes before the next entry

    def start(self, plan: Plan, attempt: str, evidence: Evidence) -> str:
        """Record the start (see the port); for an attempt that is recorded already, its id."""
        payload = payload_of(plan, attempt, evidence, self._scrub)
        payload["actor"] = payload["actor"] or one_line(self._scrub(self._who), _SUMMARY)
        name, decision = _journal(plan), plan.decision
        line = f"{decision.action} {decision.model} {decision.version} in {decision.stage}"
        draft = self._draft("started", line, attempt=attempt, payload=payload)

        def decide(entries: Sequence[Entry]) -> Sequence[Draft]:
            return [] if _find(entries, attempt) else [draft]

        entries = self._write(name, decide)
        found = _find(entries, attempt)
        if found is None:
            raise AssertionError(attempt)
        self._places[found] = name
        return found

    def placed(self, plan: Plan, deployment_id: str) -> None:
        """Record that the deployer ended well (see the port). Where that fails, the next entry brings it along."""
        draft = self._follow("placed", deployment_id, _IN_PROGRESS, f"deployed; verifying {plan.decision.version}")
        try:
            self._write(_journal(plan), lambda entries: _after(entries, deployment_id, draft), needs=deployment_id)
        except MachineryFailed as problem:
            self._owed.setdefault(_journal(plan), []).append(draft)
            raise _unrecorded(plan, "that the deployer ended well", problem) from problem

    def finish(self, plan: Plan, attempt: str, deployment_id: str | None, ending: Ending) -> list[str]:
        """Record the end (see the port); that also retires what was live before. No warnings.

        A bad end that could not be recorded goes with the next entry: that of the attempt which answers it.
        """
        name = _journal(plan)
        drafts: list[Draft] = []
        try:
            found = deployment_id or self._found(name, attempt, ending)
            if found is None:
                return []
            url = one_line(self._scrub(ending.environment_url or ""), 2 * _SUMMARY)
            drafts = [self._follow("ended", found, ending.state, ending.summary, url=url)]
            self._write(name, lambda entries: _after(entries, found, *drafts), needs=found, hurry=ending.hurry)
        except MachineryFailed as problem:
            if ending.state in ENDED_BADLY:
                self._owed.setdefault(name, []).extend(drafts)
            raise _unrecorded(plan, f"the end ({ending.state})", problem) from problem
        return []

    def close(self, record: Recorded, summary: str) -> None:
        """End an orphan (see the port). One that has ended meanwhile is left as it is."""
        draft = self._follow("closed", record.id, "error", summary)

        def decide(entries: Sequence[Entry]) -> Sequence[Draft]:
            known = next((each for each in _folded(entries) if each.id == record.id), None)
            return [draft] if known is not None and known.under_way else []

        self._write(self.journal_of(record.id), decide, needs=record.id)

    def journal_of(self, deployment_id: str) -> str:
        """The journal of a deployment that was read or started here. Raises MachineryFailed (log-failed)."""
        if deployment_id not in self._places:
            raise _no_deployment(deployment_id)
        return self._places[deployment_id]

    def place_of(self, deployment_id: str) -> tuple[str, str]:
        """Model and stage of a deployment that was read or started here. Raises MachineryFailed (log-failed)."""
        name = self.journal_of(deployment_id)
        entries = self._journals.read(name, enough=lambda found: _has(found, deployment_id), fresh=False)
        payload = next((e.facts.get("payload") for e in entries if e.commit.startswith(deployment_id)), None)
        known: Mapping[str, Any] = payload if isinstance(payload, dict) else {}
        return str(known.get("model", "")), str(known.get("stage", ""))

    def reread(self, deployment_id: str) -> Sequence[Recorded]:
        """The deployments of its journal as they are now, newest first, down to that one at least."""
        name = self.journal_of(deployment_id)
        return _folded(self._journals.read(name, enough=lambda found: _has(found, deployment_id)))

    def records(self, model: str, stage: str, environment: str, *, limit: int, past: int = 0) -> Records:
        """What became of the deployments of model and stage (see the port)."""
        name = _named(model, stage, environment)

        def taken(entries: Sequence[Entry]) -> tuple[list[Recorded], int]:
            ours = _folded(entries, (model, stage, environment))
            found: list[Recorded] = []
            for record in ours[:limit]:
                found.append(record)
                if _suffices(found, past):
                    break
            return found, len(ours)

        def enough(entries: Sequence[Entry]) -> bool:
            found, _ = taken(entries)
            return len(found) == limit or _suffices(found, past)

        entries = self._journals.read(name, enough=enough)
        found, there = taken(entries)
        self._places |= dict.fromkeys((record.id for record in found), name)
        return Records(tuple(found), whole=len(found) == there and is_whole(entries))

    def approve(self, model: str, version: str, stage: str, commit: str, message: str) -> str:
        """Record an approval (see the port). The name is what Git says of who we are: anybody may set that (T26)."""
        facts = {"model": model, "version": version, "stage": stage, "commit": commit, "who": self._who}
        line = f"{self._who} approves {model} {version} for {stage}"
        text = one_line(self._scrub(message), _SUMMARY)
        draft = self._draft("approved", line, summary=text, **facts)
        self._write(_approvals(model, version, stage), lambda _: [draft])
        return self._who

    def approvals(self, model: str, version: str, stage: str, commit: str) -> Sequence[Approved]:
        """Approvals, newest first, one of each person (see the port)."""
        wanted = {"model": model, "version": version, "stage": stage, "commit": commit}
        newest: dict[str, Approved] = {}
        for entry in reversed(self._journals.read(_approvals(model, version, stage), enough=lambda _: False)):
            facts, who = entry.facts, str(entry.facts.get("who", ""))
            if who and all(facts.get(key) == value for key, value in wanted.items()):
                newest.setdefault(who.casefold(), Approved(who, entry.time, str(facts.get("summary", ""))))
        return tuple(newest.values())

    def _found(self, name: str, attempt: str, ending: Ending) -> str | None:
        """The deployment of an attempt whose start was cut short; None where it never came to be."""
        if ending.hurry:  # what we know must do: to ask could take all the time that is left
            known = self._journals.read(name, enough=lambda _: True, fresh=False)
        else:
            known = self._journals.read(name, enough=lambda entries: _find(entries, attempt) is not None)
        return _find(known, attempt)

    def _write(self, name: str, decide: Decide, *, needs: str = "", hurry: bool = False) -> Sequence[Entry]:
        """Add what `decide` makes of the entries, with what is owed before it; all entries that are known then.

        `needs` is a deployment whose start must be there. Raises MachineryFailed.
        """
        owed = self._owed.get(name, [])
        fresh = False
        for _ in range(_TIMES):
            entries = self._journals.read(name, enough=lambda found: not needs or _has(found, needs), fresh=fresh)
            if needs and not _has(entries, needs):
                if fresh:
                    raise _no_deployment(needs)
                fresh = True
                continue
            drafts = decide(entries)
            if not drafts:
                return entries
            try:
                added = self._journals.add(name, [*owed, *drafts], hurry=hurry)
            except Moved:
                fresh = True
                continue
            self._owed.pop(name, None)
            return [*entries, *added]
        raise MachineryFailed(
            Reason.LOG_FAILED,
            "others add to the deployment log faster than this run can",
            hint="is the stage deployed from many jobs without a lock? then run one at a time",
        )

    def _follow(self, kind: str, deployment: str, state: str, summary: str, *, url: str = "") -> Draft:
        """An entry on what became of a deployment."""
        text = one_line(self._scrub(summary), _SUMMARY)
        return self._draft(kind, f"{kind}: {text}", deployment=deployment, state=state, summary=text, url=url)

    def _draft(self, kind: str, line: str, **facts: object) -> Draft:
        return Draft(kind, self._clock.now(), facts, self._scrub(line))


def _named(model: str, stage: str, environment: str) -> str:
    return f"run/{slug(f'{model} {stage} {environment}', limit=_NAME)}"


def _approvals(model: str, version: str, stage: str) -> str:
    return f"approve/{slug(f'{model} {version} {stage}', limit=_NAME)}"


def _journal(plan: Plan) -> str:
    return _named(plan.decision.model, plan.decision.stage, plan.environment)


def _suffices(found: Sequence[Recorded], past: int) -> bool:
    return len(found) >= past and any(record.settles for record in found)


def _find(entries: Sequence[Entry], attempt: str) -> str | None:
    """The deployment of an attempt."""
    starts = (entry for entry in reversed(entries) if entry.kind == "started")
    return next((entry.commit[:_ID] for entry in starts if entry.facts.get("attempt") == attempt), None)


def _has(entries: Sequence[Entry], deployment: str) -> bool:
    return any(entry.kind == "started" and entry.commit[:_ID] == deployment for entry in entries)


def _after(entries: Sequence[Entry], deployment: str, *drafts: Draft) -> Sequence[Draft]:
    """The drafts, less those that a push whose answer was lost has brought already."""
    there = {(e.kind, e.facts.get("state"), e.time) for e in entries if e.facts.get("deployment") == deployment}
    return [draft for draft in drafts if (draft.kind, draft.facts.get("state"), draft.time) not in there]


def _folded(entries: Sequence[Entry], place: tuple[str, str, str] | None = None) -> Sequence[Recorded]:
    """Deployments as their entries tell them, newest first; with `place` (model, stage, environment) only those."""
    found: dict[str, Recorded] = {}
    for entry in entries:
        if entry.kind == "started":
            if place is None or _place(entry) == place:
                record = _started(entry)
                found[record.id] = record
            continue
        known = found.get(str(entry.facts.get("deployment", "")))
        if known is None:
            continue
        found[known.id] = record = _followed(known, entry)
        if entry.kind == "ended" and record.state in SETTLED:
            found |= {older.id: older for older in _retired(found, record, _moment(entry.time))}
    return tuple(reversed(found.values()))


def _place(entry: Entry) -> tuple[object, object, object]:
    payload = entry.facts.get("payload")
    known: Mapping[str, Any] = payload if isinstance(payload, dict) else {}
    return known.get("model"), known.get("stage"), known.get("environment")


def _started(entry: Entry) -> Recorded:
    payload = entry.facts.get("payload")
    known: Mapping[str, Any] = payload if isinstance(payload, dict) else {}
    run, begun = known.get("run"), _moment(entry.time)
    url = str(run.get("url", "")) if isinstance(run, dict) else ""
    record = recorded_from(entry.commit[:_ID], known)
    return record._replace(state=_IN_PROGRESS, created=begun, updated=begun, log_url=url)


def _followed(record: Recorded, entry: Entry) -> Recorded:
    """A deployment after one more entry."""
    state, moment = str(entry.facts.get("state", "")), _moment(entry.time)
    if entry.kind == "placed":
        return record._replace(placed=True, updated=moment if record.under_way else record.updated)
    if entry.kind not in ("ended", "closed") or (entry.kind == "closed" and not record.under_way):
        return record
    return record._replace(
        state=state,
        updated=moment,
        outcome="" if state == INACTIVE else state,
        ended=moment,
        placed=record.placed or state == SUCCESS,
        environment_url=str(entry.facts.get("url", "")),
        summary=str(entry.facts.get("summary", "")),
    )


def _retired(found: Mapping[str, Recorded], settled: Recorded, moment: str) -> Iterator[Recorded]:
    """What was live before is so no more: this one is, or nothing."""
    for record in found.values():
        if record.id == settled.id:
            return
        if record.state == SUCCESS:
            yield record._replace(state=INACTIVE, updated=moment)


def _moment(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _unrecorded(plan: Plan, what: str, problem: MachineryFailed) -> MachineryFailed:
    return MachineryFailed(
        Reason.END_NOT_RECORDED,
        f"{what} could not be recorded: {problem.message}",
        hint=f"{problem.hint}; what the log says of {plan.decision.model} in {plan.decision.stage} is out of date",
    )


def _no_deployment(deployment_id: str) -> MachineryFailed:
    return MachineryFailed(
        Reason.LOG_FAILED,
        f"the deployment log has no deployment {one_line(deployment_id, 40)!r}",
        hint="was its ref under refs/model-stages/log deleted while the deployment ran? then push it again",
    )
