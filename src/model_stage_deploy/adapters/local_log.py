"""The local deployment log: what GitHub's Deployments are there, for a repository that is deployed without GitHub.

It lies beside the tags, in the repository's own data. Events are only ever added: a deployment started, placed, ended,
was closed or retired, a version was approved. What a deployment is now follows from its events, in their order.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from model_stage_deploy.adapters.local_log_file import LogFile
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.evidence import Approved, Evidence
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.lifecycle import INACTIVE, SETTLED, SUCCESS, Recorded, Records
from model_stage_deploy.core.plan import Plan
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.records import payload_of, recorded_from
from model_stage_deploy.ports import Clock, Ending

PLACE = Path("model-stages", "deployments.sqlite3")
"""Where the log is below the data that all working trees of a repository share (`git rev-parse --git-common-dir`)."""
_IN_PROGRESS = "in_progress"
_SUMMARY = 500  # characters
_DIGITS = 18  # of an id: SQLite's whole numbers have 64 bits
_TO_RETIRE = """
SELECT id, attempt FROM events AS start
WHERE kind = 'started' AND model = ? AND stage = ? AND environment = ? AND id < ?
AND (SELECT state FROM events WHERE deployment = start.id ORDER BY id DESC LIMIT 1) = 'success'
"""


class LocalLog:
    """Fulfils the CodeHost port. `path` None keeps the log in memory: for a run that has no repository on disk.

    `who` is whom approvals are recorded for, and deployments of which nobody else is known.
    """

    def __init__(self, path: Path | None, *, who: str, clock: Clock, scrub: Callable[[str], str] = str) -> None:
        self._file = LogFile(path)
        self._who = _storable(who)
        self._clock = clock
        self._scrub = scrub
        self._owed: set[str] = set()  # deployments in place, of which that could not be written

    def start(self, plan: Plan, attempt: str, evidence: Evidence) -> str:
        """Record the start (see the port); for an attempt that is recorded already, its id."""
        payload = payload_of(plan, attempt, evidence, self._scrub)
        payload["actor"] = payload["actor"] or self._who
        with self._file.writing() as connection:
            found = _id_of(connection, attempt)
            if found is not None:
                return str(found)
            started = self._insert(
                connection,
                kind="started",
                attempt=attempt,
                model=plan.decision.model,
                stage=plan.decision.stage,
                environment=plan.environment,
                version=plan.decision.version,
                commit_id=plan.decision.commit,
                state=_IN_PROGRESS,
                payload=json.dumps(payload),
            )
            return str(started)

    def placed(self, plan: Plan, deployment_id: str) -> None:
        """Record that the deployer ended well (see the port). Where that fails, `finish` does it, too."""
        try:
            with self._file.writing() as connection:
                self._place(connection, plan, _start(connection, deployment_id, self._file.shown))
        except MachineryFailed as problem:
            self._owed.add(deployment_id)
            raise _unrecorded(plan, "that the deployer ended well", problem) from problem

    def finish(self, plan: Plan, attempt: str, deployment_id: str | None, ending: Ending) -> list[str]:
        """Record the end, and retire what was live before, in one transaction (see the port). No warnings."""
        try:
            with self._file.writing(hurry=ending.hurry) as connection:
                found = deployment_id or _id_of(connection, attempt)
                if found is not None:
                    self._finish(connection, plan, _start(connection, str(found), self._file.shown), ending)
        except MachineryFailed as problem:
            raise _unrecorded(plan, f"the end ({ending.state})", problem) from problem
        return []

    def close(self, record: Recorded, summary: str) -> None:
        """End an orphan (see the port). One that has ended meanwhile is left as it is."""
        with self._file.writing() as connection:
            start = _start(connection, record.id, self._file.shown)
            if self._record(connection, start).under_way:
                self._follow(connection, "closed", start, "error", summary)

    def records(self, model: str, stage: str, environment: str, *, limit: int, past: int = 0) -> Records:
        """What became of the deployments of model and stage (see the port)."""
        with self._file.reading() as connection:
            if connection is None:
                return Records()
            starts = connection.execute(
                "SELECT * FROM events WHERE kind = 'started' AND model = ? AND stage = ? AND environment = ? "
                "ORDER BY id DESC LIMIT ?",
                (*map(_storable, (model, stage, environment)), limit + 1),
            ).fetchall()
            found: list[Recorded] = []
            for start in starts[:limit]:
                found.append(self._record(connection, start))
                if len(found) >= past and any(record.settles for record in found):
                    break
            return Records(tuple(found), whole=len(found) == len(starts))

    def approve(self, model: str, version: str, stage: str, commit: str, message: str) -> str:
        """Record an approval (see the port). The name is what Git says of who we are: anybody may set that (T26)."""
        with self._file.writing() as connection:
            self._insert(
                connection,
                kind="approved",
                model=model,
                stage=stage,
                version=version,
                commit_id=commit,
                summary=self._line(message),
            )
        return self._who

    def approvals(self, model: str, version: str, stage: str, commit: str) -> Sequence[Approved]:
        """Approvals, newest first, one of each person (see the port)."""
        with self._file.reading() as connection:
            if connection is None:
                return ()
            rows = connection.execute(
                "SELECT who, time, summary FROM events WHERE kind = 'approved' AND model = ? AND version = ? "
                "AND stage = ? AND commit_id = ? ORDER BY id DESC",
                tuple(map(_storable, (model, version, stage, commit))),
            ).fetchall()
        with self._file.understood():
            found = [Approved(str(row["who"]), float(row["time"]), str(row["summary"])) for row in rows]
        newest: dict[str, Approved] = {}
        for approved in found:
            newest.setdefault(approved.by.casefold(), approved)
        return tuple(newest.values())

    def _record(self, connection: sqlite3.Connection, start: sqlite3.Row) -> Recorded:
        query = "SELECT * FROM events WHERE deployment = ? ORDER BY id"
        events = connection.execute(query, (start["id"],)).fetchall()
        with self._file.understood():
            return _folded(start, events)

    def _place(self, connection: sqlite3.Connection, plan: Plan, start: sqlite3.Row) -> None:
        self._follow(connection, "placed", start, _IN_PROGRESS, f"deployed; verifying {plan.decision.version}")

    def _finish(self, connection: sqlite3.Connection, plan: Plan, start: sqlite3.Row, ending: Ending) -> None:
        if str(start["id"]) in self._owed:
            self._place(connection, plan, start)
        self._follow(connection, "ended", start, ending.state, ending.summary, ending.environment_url or "")
        if ending.state in SETTLED:
            self._retire(connection, plan, start)

    def _follow(
        self, connection: sqlite3.Connection, kind: str, start: sqlite3.Row, state: str, summary: str, url: str = ""
    ) -> None:
        """Add what became of a deployment."""
        same = {key: start[key] for key in ("attempt", "model", "stage", "environment", "version", "commit_id")}
        self._insert(
            connection,
            kind=kind,
            deployment=start["id"],
            state=state,
            summary=self._line(summary),
            url=self._scrub(url),
            **same,
        )

    def _insert(self, connection: sqlite3.Connection, **given: Any) -> int:
        row = {
            "deployment": None,
            "attempt": "",
            "time": self._clock.now(),
            "who": self._who,
            **dict.fromkeys(("environment", "version", "commit_id", "state", "summary", "url", "payload"), ""),
            **given,
        }
        row = {key: _storable(value) if isinstance(value, str) else value for key, value in row.items()}
        columns, marks = ", ".join(row), ", ".join("?" * len(row))
        done = connection.execute(
            f"INSERT INTO events ({columns}) VALUES ({marks})",  # noqa: S608 - names of columns, all ours
            tuple(row.values()),
        )
        return int(done.lastrowid or 0)

    def _retire(self, connection: sqlite3.Connection, plan: Plan, start: sqlite3.Row) -> None:
        """What was live before is so no more: this one is, or nothing."""
        decision = plan.decision
        verb = "replaced by" if decision.action == "deploy" else "undeployed with"
        key = (start["model"], start["stage"], start["environment"], start["id"])
        for row in connection.execute(_TO_RETIRE, key).fetchall():
            older = _start(connection, str(row["id"]), self._file.shown)
            self._follow(connection, "retired", older, INACTIVE, f"{verb} {decision.model} {decision.version}")

    def _line(self, text: str) -> str:
        return one_line(self._scrub(text), _SUMMARY)


def _unrecorded(plan: Plan, what: str, problem: MachineryFailed) -> MachineryFailed:
    return MachineryFailed(
        Reason.END_NOT_RECORDED,
        f"{what} could not be recorded: {problem.message}",
        hint=f"{problem.hint}; what the log says of {plan.decision.model} in {plan.decision.stage} is out of date",
    )


def _id_of(connection: sqlite3.Connection, attempt: str) -> int | None:
    row = connection.execute(
        "SELECT id FROM events WHERE kind = 'started' AND attempt = ?", (_storable(attempt),)
    ).fetchone()
    return None if row is None else int(row["id"])


def _start(connection: sqlite3.Connection, deployment_id: str, shown: str) -> sqlite3.Row:
    """The start of a deployment. Raises MachineryFailed (log-failed) where the log has none of that id."""
    known = deployment_id.isascii() and deployment_id.isdigit() and len(deployment_id) <= _DIGITS
    number = int(deployment_id) if known else -1
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM events WHERE kind = 'started' AND id = ?", (number,)
    ).fetchone()
    if row is None:
        raise MachineryFailed(
            Reason.LOG_FAILED,
            f"the deployment log {shown} has no deployment {deployment_id[:40]!r}",
            hint="was the log moved away, or replaced, while the deployment ran? then bring it back",
        )
    return row


def _folded(start: sqlite3.Row, events: Iterable[sqlite3.Row]) -> Recorded:
    """A deployment as its events tell it, oldest first."""
    payload = json.loads(start["payload"])
    record = recorded_from(str(start["id"]), payload)
    run = payload.get("run")
    record = record._replace(
        state=start["state"],
        created=_moment(start["time"]),
        updated=_moment(start["time"]),
        log_url=str(run.get("url", "")) if isinstance(run, dict) else "",
    )
    for event in events:
        record = record._replace(state=event["state"], updated=_moment(event["time"]))
        if event["kind"] == "placed":
            record = record._replace(placed=True)
        elif event["kind"] in ("ended", "closed"):
            record = _ended(record, event)
    return record


def _ended(record: Recorded, event: sqlite3.Row) -> Recorded:
    return record._replace(
        outcome="" if event["state"] == INACTIVE else event["state"],
        ended=_moment(event["time"]),
        placed=record.placed or event["state"] == SUCCESS,
        environment_url=event["url"],
        summary=event["summary"],
    )


def _moment(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _storable(text: str) -> str:
    """Text that UTF-8 can hold: half a surrogate pair is spelled out."""
    return text.encode(errors="backslashreplace").decode()
