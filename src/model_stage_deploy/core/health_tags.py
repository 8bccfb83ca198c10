"""Checks of single tags: those that do not count, those that were meant to, and those whose times cannot be right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile

from model_stage_deploy.core.health import HealthFinding, deleted, found, new_tag, next_stage_tag, quoted
from model_stage_deploy.core.model import Model, RegistryEvent
from model_stage_deploy.core.registry import Finding, Registry
from model_stage_deploy.core.tags import Event, NotGtoTag, parse_tag, tag_artifact

AHEAD = 300
"""Seconds that a tag's time may be ahead of ours (B12)."""
BEHIND = 3600
"""Seconds that a tag's time may be before its commit's (B12). Clocks differ by less; a wrong zone differs by more."""


def odd_tags(registry: Registry, commits: Mapping[str, str | None]) -> Iterator[HealthFinding]:
    """What the registry found odd about its tags, with a fix each (B1, B2, B5, B6, B7, R18, R23).

    `commits` are the commits behind the tags that it names.
    """
    for finding in registry.findings:
        if finding.code != "ambiguous-order":  # see `times`: of old ones nothing depends any more
            name = _model_of(finding.tag)
            fix = _fix(finding, registry, name, commits.get(finding.tag) or "COMMIT")
            yield found(finding.code, finding.message, fix, tag=finding.tag, model=name)


def near_misses(names: Iterable[str], registry: Registry) -> Iterator[HealthFinding]:
    """Tags that are none of GTO's and look as if they were meant to be.

    A `#` is rare in other tags. `NAME@…` is not (`package@1.0.0`), so NAME must be one of our models, in any case of
    letters, unless there is none at all.
    """
    models = {name.casefold() for name in registry.models}
    for name in names:
        before, at, _ = name.partition("@")
        meant = before.replace("=", ":").casefold() in models or not models
        if "#" in name or (at and before and meant):
            try:
                parse_tag(name)
            except NotGtoTag as problem:
                yield found(
                    "near-miss",
                    f"it is not a GTO tag: {problem.why}",
                    f"if it was meant as one, make it anew under the right name: "
                    f"git tag -a NAME -m MESSAGE {quoted(f'{name}^{{commit}}')}; then delete it: {deleted(name)}",
                    tag=name,
                )


def times(registry: Registry, now: float) -> Iterator[HealthFinding]:
    """Times that cannot be right, or leave the order open, where something depends on them today (B11, B12)."""
    for model in registry:
        yield from (_ahead(event, now) for event in model.events if event.time > now + AHEAD)
        yield from _ties(model)
        for stage, events in stage_events(model).items():
            yield from _against_counters(model, stage, events)


def back_dated(registry: Registry, commit_times: Mapping[str, int]) -> Iterator[HealthFinding]:
    """Stage tags that are older than their own commits, unless a newer tag of the stage has settled it since.

    `commit_times` are committer times in unix seconds, by commit.
    """
    for model in registry:
        for stage, events in stage_events(model).items():
            newest = events[-1].time
            for event in events:
                made = commit_times.get(event.commit)
                if made is not None and event.time < made - BEHIND and (newest < made or event is events[-1]):
                    yield found(
                        "back-dated",
                        f"its time is {_span(made - event.time)} before that of its own commit, so it counts as older "
                        "than it can be",
                        f"say again what {stage} shall have: {new_tag(next_stage_tag(model, stage), event.commit)}",
                        tag=event.tag.text,
                        model=model.name,
                    )


def stage_events(model: Model) -> dict[str, list[RegistryEvent]]:
    """The stage events of a model, by stage, in order."""
    stages: dict[str, list[RegistryEvent]] = {}
    for event in model.events:
        if event.tag.stage is not None:
            stages.setdefault(event.tag.stage, []).append(event)
    return stages


def _ahead(event: RegistryEvent, now: float) -> HealthFinding:
    name = event.tag.text
    return found(
        "clock-ahead",
        f"its time is {_span(event.time - now)} ahead of this machine's clock; until then it wins over every new tag",
        f"put right the clock of the machine that made it, delete the tag ({deleted(name)}), and make it anew: "
        + new_tag(name, event.commit),
        tag=name,
        model=event.tag.model,
    )


def _against_counters(model: Model, stage: str, events: list[RegistryEvent]) -> Iterator[HealthFinding]:
    numbered = [event for event in events if event.tag.counter is not None]
    if not numbered:
        return
    newest, last = numbered[-1], max(numbered, key=lambda event: event.tag.counter or 0)
    if last.tag.counter != newest.tag.counter and last.time < newest.time:
        yield found(
            "counter-order",
            f"its number is the greatest of {stage}, and yet {newest.tag.text} is newer by its time: that one counts",
            f"say again what {stage} shall have: {new_tag(next_stage_tag(model, stage), last.commit)}",
            tag=last.tag.text,
            model=model.name,
        )


def _ties(model: Model) -> Iterator[HealthFinding]:
    """Newest events of one thing that share a second and do not say the same (R27, R28, R32, R40)."""
    for stage, events in stage_events(model).items():
        if _tied(events) and len({(event.tag.event, event.commit) for event in _newest(events)}) > 1:
            yield _tie(events, f"say again what {stage} shall have", next_stage_tag(model, stage), model)
    for version in model.versions:
        if _tied(version.direct) and len({event.tag.event for event in _newest(version.direct)}) > 1:
            again = f"{tag_artifact(model.name)}@{version.name}#{_next_number(model)}"
            yield _tie(version.direct, "it counts as deregistered; if it shall not be", again, model)
    newest = _newest(model.events)
    kinds = {event.tag.event for event in newest}
    if Event.DEPRECATION in kinds and len(kinds) > 1:
        again = f"{tag_artifact(model.name)}@deprecated#{_next_number(model)}"
        yield _tie(model.events, "the model counts as active; if it shall not be", again, model)


def _tie(events: list[RegistryEvent], words: str, again: str, model: Model) -> HealthFinding:
    newest = _newest(events)
    return found(
        "ambiguous-order",
        f"made in the same second as {newest[-2].tag.text}: GTO's rule for ties decides, not the number",
        f"{words}: {new_tag(again, newest[-1].commit)}",
        tag=newest[-1].tag.text,
        model=model.name,
    )


def _tied(events: list[RegistryEvent]) -> bool:
    return len(events) > 1 and events[-1].time == events[-2].time


def _newest(events: list[RegistryEvent]) -> list[RegistryEvent]:
    """The events of the last second, in order."""
    return list(takewhile(lambda event: event.time == events[-1].time, reversed(events)))[::-1]


def _next_number(model: Model) -> int:
    return 1 + max((event.tag.counter or 0 for event in model.events), default=0)


def _fix(finding: Finding, registry: Registry, name: str, commit: str) -> str:
    """What to do about one of the registry's own findings."""
    tag = finding.tag
    if finding.code in ("lightweight-tag", "nested-tag"):
        return f"delete it: {deleted(tag)}; and make it anew on the commit itself: {new_tag(tag, commit)}"
    if finding.code in ("mismatched-tag", "unusable-tag"):
        return f"look at it (git cat-file -p {quoted(f'refs/tags/{tag}')}), find out who made it, and delete it: " + (
            deleted(tag)
        )
    if finding.code == "reserved-tag":
        return f"delete it: {deleted(tag)}"
    model = registry.models.get(name)
    if finding.code == "unregistered-commit" and model is not None:
        return f"register a version there: {new_tag(f'{tag_artifact(name)}@{_next_version(model)}', commit)}"
    if finding.code == "ambiguous-version" and model is not None:
        event = model.event_of(tag)
        versions = model.ambiguous.get(event.commit, []) if event else []
        made = [one.tag.text for one in model.events if versions and one.tag.version == versions[-1]]
        return (
            f"give each version a commit of its own, and delete what registered the other: {deleted(made[-1])}"
            if (made)
            else "give each version a commit of its own"
        )
    return "see `python -m model_stage_deploy history`"


def _next_version(model: Model) -> str:
    from model_stage_deploy.core.versions import Version

    latest = model.latest()
    if latest is None or not latest.registered:
        return "v0.0.1"
    return str(Version.parse(latest.name).bumped())


def _model_of(tag: str) -> str:
    try:
        return parse_tag(tag).model
    except NotGtoTag:
        return tag.partition("@")[0].replace("=", ":")


def _span(seconds: float) -> str:
    """A length of time, roughly."""
    for size, name in ((86400 * 365, "years"), (86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} seconds"
