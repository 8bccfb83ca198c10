"""What was decided beside what is running: sentences, table rows and the JSON document of `status`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from model_stage_deploy.core.journey import Journey, Step
from model_stage_deploy.core.lifecycle import Lifecycle, Recorded, State, is_of
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.registry import Finding
from model_stage_deploy.core.seen import Seen
from model_stage_deploy.core.way import spot_of
from model_stage_deploy.report.columns import Block, Table
from model_stage_deploy.report.pages import warnings
from model_stage_deploy.report.registry import held, moment, warning, when
from model_stage_deploy.report.seen import document as seen_document
from model_stage_deploy.report.way import decided_cell, running_cell

SCHEMA = "model-stage-deploy/status/v1"
NOT_ASKED = (
    "what is running is not shown: set GITHUB_TOKEN and GITHUB_REPOSITORY=OWNER/NAME, so that GitHub's deployments "
    "can be read (--no-github: do not ask)"
)
_UNMAPPED = (Reason.UNMAPPED_STAGE, Reason.UNMAPPED_IGNORED)
_DAY = 10  # characters of an ISO 8601 time


def document(
    rows: Sequence[Lifecycle],
    journeys: Iterable[Journey],
    findings: Iterable[Finding],
    *,
    recorded_in: str,
    seen: Sequence[Seen] = (),
) -> dict[str, Any]:
    """`status --json`. `recorded_in` says where deployments are recorded: github, gitlab, git, log; "" for unknown.

    `seen` are the deployers' answers, where they were asked.
    """
    answers = {(one.model, one.stage): one for one in seen}
    return {
        "schema": SCHEMA,
        "asked": bool(recorded_in),
        "recorded_in": recorded_in or None,
        "stages": [_stage(row) | {"seen": seen_document(answers.get((row.model, row.stage)))} for row in rows],
        "journeys": [journey_document(journey) for journey in journeys],
        "warnings": [warning(finding) for finding in findings],
    }


def page(
    rows: Sequence[Lifecycle], journeys: Iterable[Journey], findings: Sequence[Finding], *, asked: bool
) -> Iterator[Block]:
    """The same for people: a table, what differs, what is not known, and the ways of versions."""
    if not rows:
        yield "no model has a stage yet: git tag -a 'MODEL#staging#1' -m 'to staging' COMMIT"
    else:
        yield Table(table_rows(rows, asked=asked))
    for row in rows:
        sentence = difference(row)
        plain = row.state is State.APPROVED and row.running is None  # the table says it all
        if sentence and not plain:
            yield f"{row.model}: {sentence}"
    yield from problems(rows)
    for journey in journeys:
        yield f"{journey.model} {journey.version}: {way(journey)}"
    yield from warnings(findings)


def table_rows(rows: Sequence[Lifecycle], *, asked: bool) -> list[tuple[str, ...]]:
    """Rows of the table; the first is the heading. Without GitHub: the decided side."""
    heading = ("MODEL", "STAGE", "DECIDED", "TAG", "SINCE", *(("STATE", "RUNNING", "SINCE", "LINK") if asked else ()))
    return [heading, *(_cells(row, asked=asked) for row in rows)]


def difference(row: Lifecycle) -> str:
    """One sentence where a person should know more than the state: decision and reality differ, or it failed."""
    if row.state is State.UNKNOWN:
        return ""
    newest = row.newest
    if row.state is State.DEPLOYING and newest is not None:
        return _under_way(row, newest)
    if not row.differs:
        if row.state is not State.FAILED or newest is None:
            return ""
        if not row.running_known:
            return f"{row.stage} should have {_decided(row)}; {_failed(newest)}"
        return f"{row.stage} has {_decided(row)}, as it should; but {_failed(newest)}"
    running = f"{_name(row.running, row)} is running" if row.running else "nothing is running"
    return f"{row.stage} should have {_decided(row)}, but {running}{_why(row)}"


def _under_way(row: Lifecycle, newest: Recorded) -> str:
    ours = row.holder is not None and is_of(newest, row.holder.version)
    if newest.action != "deploy":
        return f"{_name(newest, row)} is being taken out of {row.stage}"
    should = "" if ours else f"{row.stage} should have {_decided(row)}, but "
    if newest.placed:
        return f"{should}{_name(newest, row)} was deployed to {row.stage} and is being verified"
    until = f"; {_name(row.running, row)} is running until then" if row.running else ""
    return f"{should}{_name(newest, row)} is being deployed to {row.stage}{until}"


def _failed(newest: Recorded) -> str:
    """What the newest record says of how it failed, in a clause."""
    if newest.action != "deploy":
        return f"the newest attempt, to take {newest.version} away, failed"
    if newest.failed_here:
        return f"its verification failed: {newest.version} was deployed, and is running"
    if newest.placed:
        return f"{newest.version} was deployed, and its verification came to no end"
    return f"the newest deployment, of {newest.version}, failed"


def way(journey: Journey) -> str:
    """`registered → staging approved → staging deployed → …`, with days."""
    return " → ".join(_step(step) for step in journey.steps) or "no step"


def journey_document(journey: Journey) -> dict[str, Any]:
    """A journey as JSON: model, version, commit, steps in order of time; absent values null."""
    return {
        "model": journey.model,
        "version": journey.version,
        "commit": journey.commit,
        "steps": [
            {
                "kind": step.kind.value,
                "stage": step.stage or None,
                "time": moment(int(step.time)),
                "tag": step.tag or None,
                "deployment": step.deployment or None,
                "rollback": step.rollback,
                "ok": step.ok,
            }
            for step in journey.steps
        ],
    }


def _stage(row: Lifecycle) -> dict[str, Any]:
    return {
        "model": row.model,
        "stage": row.stage,
        "state": row.state.value,
        "differs": row.differs,
        "message": difference(row),
        "decided": None if row.holder is None else held(row.holder) | {"by": row.holder.event.record.tagger},
        "running": record_document(row.running),
        "newest": record_document(row.newest),
        "environment": row.environment or None,
        "reason": row.reason.value if row.reason else None,
        "problem": row.problem or None,
        "hint": row.hint or None,
    }


def record_document(record: Recorded | None) -> dict[str, Any] | None:
    """A deployment as JSON; None for none."""
    if record is None:
        return None
    return {
        "deployment": record.id,
        "version": record.version,
        "commit": record.commit,
        "tag": record.tag,
        "state": record.state,
        "action": record.action,
        "placed": record.placed,
        "verified": record.verified,
        "rollback": record.rollback,
        "automatic": record.automatic,
        "created": record.created or None,
        "ended": record.ended or None,
        "url": record.environment_url or None,
        "log": record.log_url or None,
    }


def _cells(row: Lifecycle, *, asked: bool) -> tuple[str, ...]:
    holder, running, spot = row.holder, row.running, spot_of(row)
    tag = (holder.event.tag.text, when(holder.event)[:_DAY]) if holder is not None else ("-", "-")
    said = (row.model, row.stage, decided_cell(spot), *tag)
    if not asked:
        return said
    since = (running.ended or running.created)[:_DAY] if running else "-"
    return (*said, spot.state.value, running_cell(spot), since, _link(row))


def _link(row: Lifecycle) -> str:
    """Where to look: the log of what is under way or failed, else the place of what runs."""
    newest, running = row.newest, row.running
    if newest is not None and row.state in (State.DEPLOYING, State.FAILED) and newest.log_url:
        return newest.log_url
    return (running.environment_url or running.log_url or "-") if running else "-"


def problems(rows: Sequence[Lifecycle]) -> Iterator[str]:
    """Each reason why something is not known, once, with the stages that it holds for."""
    told: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row.problem:
            problem = "the mapping does not name it" if row.reason in _UNMAPPED else row.problem
            told.setdefault((problem, "" if row.reason in _UNMAPPED else row.hint), []).append(
                f"{row.model} {row.stage}"
            )
    for (problem, hint), places in told.items():
        yield f"not known for {', '.join(places)}: {problem}"
        if hint:
            yield f"  what to do: {hint}"


def _decided(row: Lifecycle) -> str:
    return row.holder.version.name if row.holder else "nothing"


def _name(record: Recorded | None, row: Lifecycle) -> str:
    """The version of a record; with its commit, where the decided one has the same name and is another."""
    if record is None:
        return "nothing"
    holder = row.holder
    same_name = holder is not None and holder.version.name == record.version and not is_of(record, holder.version)
    return f"{record.version} of commit {record.commit[:12]}" if same_name else record.version


def _why(row: Lifecycle) -> str:
    newest, holder = row.newest, row.holder
    if holder is None:
        tried = newest is not None and newest.action != "deploy"
        return ": to undeploy it failed" if tried else ": the stage was emptied by tags, which stops nothing"
    if row.state is State.FAILED and newest is not None:
        ours = is_of(newest, holder.version) and newest.action == "deploy"
        return ": its deployment failed" if ours else f": {_failed(newest)}"
    if row.state is State.ROLLED_BACK:
        automatic = row.running is not None and row.running.automatic
        return f": {_decided(row)} failed, and was rolled back automatically" if automatic else ": it was rolled back"
    if row.state is State.REMOVED:
        undeployed = newest is not None and newest.action != "deploy"
        return ": it was undeployed" if undeployed else ": its deployment was made inactive"
    if row.is_newer_than_decided and row.running is not None:
        return f": it was deployed after {holder.event.tag.text} was made"
    return f": {holder.event.tag.text} was not deployed yet"


def _step(step: Step) -> str:
    day = moment(int(step.time))[:_DAY]
    name = f"{step.stage} {step.kind.value}" if step.stage else step.kind.value
    return f"{name} {'by rollback ' if step.rollback else ''}{day}"
