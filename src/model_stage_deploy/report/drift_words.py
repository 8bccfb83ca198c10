"""Drift in words: what is the matter with a stage, and what a person can do about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from model_stage_deploy.core.drift import TRIES, Asks, Compared, Consent, Kind, Remedy
from model_stage_deploy.core.lifecycle import Recorded, is_of
from model_stage_deploy.core.locks import locked_by
from model_stage_deploy.core.writing import PROGRAM
from model_stage_deploy.report.locks import who


def sentence(row: Compared) -> str:
    """What is the matter, in one sentence; "" where nothing is."""
    told = _WORDS[row.kind](row)
    if row.moved:
        told = f"{told}; {row.tag} was moved since it was deployed"
    if told and row.frozen is not None:
        return f"{told}; it is locked: {who(row.frozen)}"
    return told


def advice(row: Compared, consent: Consent) -> str:
    """What a person can do, beyond `--apply`; "" where that is all."""
    life = row.life
    model, stage = row.place
    if row.kind is Kind.UNKNOWN:
        return life.hint
    if row.frozen is not None and row.drifted:
        return f"when it may go on: {PROGRAM} unlock {_frozen(row.frozen.key)}"
    if row.remedy is Remedy.NONE:
        return _where_nothing_heals(row)
    if row.asks is Asks.SETTINGS and not consent.settings:
        return f"to deploy it with the settings of now: {PROGRAM} reconcile {model} {stage} --apply --settings"
    if row.asks is Asks.FORCE and not consent.force:
        by_force = f"to deploy {_decided(row)} all the same: {PROGRAM} reconcile {model} {stage} --apply --force"
        first = _INSTEAD[row.kind](row) if row.kind in _INSTEAD else ""
        if row.moved:
            first = "assign the version that is right with a new tag"
        return f"{first}; {by_force}" if first else by_force
    return ""


def _frozen(key: str) -> str:
    """What is locked, as `unlock` is told: a stage, a model, or everything."""
    of = locked_by(key)
    return " ".join(filter(None, (of.model, of.stage))) or "--all"


def _where_nothing_heals(row: Compared) -> str:
    model, stage = row.place
    if row.kind is Kind.INTERRUPTED:
        return f"look at what runs, then close the record: {PROGRAM} sweep {model}"
    if row.kind is Kind.LEFTOVER and row.drifted:
        return f"assign a version with a new tag: {PROGRAM} promote {model} --version VERSION --to {stage} --push"
    return ""


def _promote(row: Compared) -> str:
    """The command that makes the registry say what runs."""
    model, stage = row.place
    running = row.life.running
    version = running.version if running else "VERSION"
    return f"if that is to stay, say so: {PROGRAM} promote {model} --version {version} --to {stage} --push"


_INSTEAD: Mapping[Kind, Callable[[Compared], str]] = {
    Kind.HELD: lambda _: "assign a better version",
    Kind.UNVERIFIED: lambda _: "look at it, and assign a better version if it does not serve",
    Kind.FAILED: lambda _: "find out why it fails",
    Kind.INTERRUPTED: lambda _: "look at what runs",
    Kind.ROLLED_BACK: _promote,
    Kind.OVERRULED: _promote,
    Kind.LEFTOVER: _promote,
}


def _unknown(row: Compared) -> str:
    return f"{row.life.stage} cannot be told: {row.life.problem or 'nobody knows why'}"


def _under_way(row: Compared) -> str:
    newest = row.life.newest
    version = newest.version if newest else "something"
    verb = "taken out of" if newest and newest.action != "deploy" else "deployed to"
    return f"{version} is being {verb} {row.life.stage}: {row.working}"


def _held(row: Compared) -> str:
    failed = f"{_should(row)}, which failed there and is held"
    return f"{failed}; {_running(row)}"


def _interrupted(row: Compared) -> str:
    newest = row.life.newest
    version = newest.version if newest else "something"
    verb = "undeploy" if newest and newest.action != "deploy" else "deploy"
    by = f" by {newest.actor}" if newest and newest.actor else ""
    return f"{_should(row)}; an attempt{by} to {verb} {version} was interrupted, and {_running(row)}"


def _left_over(row: Compared) -> str:
    running, taken, holder = row.life.running, row.taken, row.life.holder
    if taken is None:
        tag = running.tag if running else "its tag"
        return f"{_should(row)}; {_running(row)}, and its tag {tag} is gone: a deleted tag never deploys"
    follows = {
        "fallback": f"`fallback` wants {holder.version.name} back" if holder else "there is nothing to fall back to",
        "undeploy": "`undeploy` wants it gone",
        "ignore": "the mapping wants it left alone",
    }.get(row.policy, "")
    return f"{_running(row)} in {row.life.stage}, and {taken.tag.text} took it away: {follows}"


def _undeployed(row: Compared) -> str:
    if not row.drifted:
        by = f" by {row.taken.tag.text}" if row.taken else ""
        return f"nothing runs in {row.life.stage}: it was taken away{by}, as mapped"
    newest = next((record for record in row.life.records if record.settles), None)
    return f"{_should(row)}, but it was undeployed{_at(newest)}"


def _failed(row: Compared) -> str:
    newest, holder = row.life.newest, row.life.holder
    ours = newest is not None and holder is not None and is_of(newest, holder.version) and newest.action == "deploy"
    what = "its newest deployment" if ours else f"an attempt of {newest.version if newest else 'another version'}"
    often = f", {row.tries} times in a row" if row.tries > 1 else ""
    enough = ": nobody tries again by itself" if row.tries >= TRIES else ""
    return f"{_should(row)}, but {what} failed{often}{enough}; {_running(row)}"


def _on_purpose(row: Compared, what: str) -> str:
    running = row.life.running
    by = running.actor if running and running.actor else "somebody"
    version = running.version if running else "another version"
    return f"{_should(row)}, but {by} {what} {version} on purpose{_at(running)}"


def _unverified(row: Compared) -> str:
    running = row.life.running
    how = "failed" if running and running.failed_here else "came to no end"
    return f"{row.life.stage} has {_decided(row)}, as it should; but its verification {how}"


def _incomplete(row: Compared) -> str:
    names = ", ".join(row.without[:5]) + (", …" if len(row.without) > 5 else "")
    count = len(row.without)
    verb = "target does" if count == 1 else "targets do"
    return f"{row.life.stage} has {_decided(row)}, as it should; but {count} {verb} not: {names}"


_WORDS: Mapping[Kind, Callable[[Compared], str]] = {
    Kind.UNKNOWN: _unknown,
    Kind.UNMAPPED: lambda row: f"{row.life.stage} is not compared: the mapping does not name it",
    Kind.UNDER_WAY: _under_way,
    Kind.HELD: _held,
    Kind.INTERRUPTED: _interrupted,
    Kind.LEFTOVER: _left_over,
    Kind.UNDEPLOYED: _undeployed,
    Kind.FAILED: _failed,
    Kind.MISSING: lambda row: f"{_should(row)}, but nothing runs: {_tag(row)} was not deployed",
    Kind.ROLLED_BACK: lambda row: _on_purpose(row, "rolled it back to"),
    Kind.OVERRULED: lambda row: _on_purpose(row, "forced"),
    Kind.BEHIND: lambda row: f"{_should(row)}, but {_running(row)}: {_tag(row)} was not deployed",
    Kind.UNVERIFIED: _unverified,
    Kind.INCOMPLETE: _incomplete,
    Kind.CHANGED: lambda row: (
        f"{row.life.stage} has {_decided(row)}, as it should, but not with the settings that the mapping has now"
    ),
    Kind.IN_SYNC: lambda _: "",
}


def _should(row: Compared) -> str:
    return f"{row.life.stage} should have {_decided(row)}"


def _decided(row: Compared) -> str:
    return row.life.holder.version.name if row.life.holder else "nothing"


def _tag(row: Compared) -> str:
    return row.life.holder.event.tag.text if row.life.holder else "its tag"


def _running(row: Compared) -> str:
    running, holder = row.life.running, row.life.holder
    if running is None:
        return "nothing runs"
    same_name = holder is not None and holder.version.name == running.version and not is_of(running, holder.version)
    return f"{running.version}{f' of commit {running.commit[:12]}' if same_name else ''} runs"


def _at(record: Recorded | None) -> str:
    when = (record.ended or record.created) if record else ""
    return f" at {when}" if when else ""
