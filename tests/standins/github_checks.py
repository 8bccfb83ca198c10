"""Check runs that a client of the stand-in made, and GitHub's rules for them that no schema states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tests.standins.github_forge import ForgeState, run_answer
from tests.standins.github_state import Refusal


@dataclass(frozen=True)
class MadeCheckRun:
    """A check run as it was made and updated; `annotations` of all updates, in their order."""

    id: int
    sha: str
    name: str
    conclusion: str | None
    details_url: str | None
    title: str
    summary: str
    annotations: tuple[Mapping[str, Any], ...] = ()


def create(forge: ForgeState, made: dict[int, MadeCheckRun], sha: str | None, body: Mapping[str, Any]) -> MadeCheckRun:
    """Make one. Raises: Refusal 422 for an unknown commit, or a path that is not below the repository's top."""
    if sha is None or sha != body["head_sha"]:
        raise Refusal(422, f"No commit found for SHA: {body['head_sha']}")
    annotations = _annotations(body)
    status = "completed" if body.get("conclusion") else body.get("status", "queued")
    listed = forge.add_run(sha, body["name"], body.get("conclusion"), status)
    output = body.get("output", {})
    run = MadeCheckRun(
        id=listed.id,
        sha=sha,
        name=body["name"],
        conclusion=body.get("conclusion"),
        details_url=body.get("details_url"),
        title=output.get("title", ""),
        summary=output.get("summary", ""),
        annotations=annotations,
    )
    made[run.id] = run
    return run


def update(made: dict[int, MadeCheckRun], number: int, body: Mapping[str, Any]) -> MadeCheckRun:
    """Change one; annotations are added to those that are there. Raises: Refusal 404, 422."""
    if number not in made:
        raise Refusal(404, "Not Found")
    run, output = made[number], body.get("output", {})
    made[number] = replace(
        run,
        conclusion=body.get("conclusion", run.conclusion),
        title=output.get("title", run.title),
        summary=output.get("summary", run.summary),
        annotations=(*run.annotations, *_annotations(body)),
    )
    return made[number]


def answer(base: str, forge: ForgeState, run: MadeCheckRun) -> dict[str, Any]:
    """The run as GitHub tells it."""
    listed = next(each for each in forge.runs[run.sha] if each.id == run.id)
    told = run_answer(base, run.sha, listed)
    output = {"title": run.title, "summary": run.summary, "annotations_count": len(run.annotations)}
    return {
        **told,
        "html_url": f"https://github.com/org/models/runs/{run.id}",
        "details_url": run.details_url,
        "output": told["output"] | output,
    }


def _annotations(body: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    found = tuple(body.get("output", {}).get("annotations", ()))
    for each in found:
        if each["path"].startswith("/") or each["start_line"] < 1 or each["end_line"] < each["start_line"]:
            raise Refusal(422, "Validation Failed", [{"resource": "CheckAnnotation", "code": "invalid"}])
    return found
