"""Which of a stage's targets a run is about: the inputs `target`, `wave` and `shard`, and the command `finish`."""

from __future__ import annotations

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.targets import NAME, read_shard
from model_stage_deploy.faces.settings import Settings
from model_stage_deploy.flows.context import Scope

_COMMANDS = ("deploy", "rollback")


def scope_of(settings: Settings) -> Scope:
    """The scope that the settings ask for. Raises Invalid (usage)."""
    named = [name for name in ("target", "wave", "shard") if getattr(settings, name)]
    if settings.command == "finish" and not named:
        return Scope(finish=True)
    if named and settings.command not in _COMMANDS:
        raise Invalid(
            Reason.USAGE,
            f"`{named[0]}` means nothing to the command {settings.command}",
            hint=f"it is for {' and '.join(_COMMANDS)}",
        )
    return Scope(_targets(settings.target), _wave(settings.wave), _shard(settings.shard))


def _targets(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    for name in names:
        if not NAME.fullmatch(name):
            raise Invalid(
                Reason.USAGE, f"{name[:120]!r} is no name of a target", hint="name targets as the mapping does"
            )
    if text and not names:
        raise Invalid(
            Reason.USAGE, f"target is {text[:80]!r}, which names none", hint="name targets as the mapping does"
        )
    return names


def _wave(text: str) -> int:
    if not text:
        return 0
    if not text.isascii() or not text.isdigit() or len(text) > 6 or int(text) == 0:
        raise Invalid(Reason.USAGE, f"wave is {text[:80]!r}", hint="write its number, from 1: the first is 1")
    return int(text)


def _shard(text: str) -> str:
    try:
        return str(read_shard(text)) if text else ""
    except ValueError as problem:
        raise Invalid(Reason.USAGE, f"shard is {text[:80]!r}: {problem}", hint="write 2/8") from None
