"""Which of a stage's targets a run is about: by wave, by shard, by name."""

from __future__ import annotations

from collections.abc import Sequence

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.targets import Target, Wave, read_shard
from model_stage_deploy.flows.context import Scope

_NAMED = 5  # targets that a sentence names


def selected(waves: Sequence[Wave], scope: Scope) -> tuple[Wave, ...]:
    """The part of the waves that a run is about. Raises Invalid (unknown-target)."""
    if scope.wave and all(wave.number != scope.wave for wave in waves):
        numbers = ", ".join(str(wave.number) for wave in waves)
        raise Invalid(Reason.UNKNOWN_TARGET, f"there is no wave {scope.wave}", hint=f"waves: {numbers}")
    names = {target.name for wave in waves for target in wave.targets}
    unknown = [name for name in scope.targets if name not in names]
    if unknown:
        raise Invalid(
            Reason.UNKNOWN_TARGET,
            f"there is no target {', '.join(unknown[:_NAMED])}",
            hint=f"{len(names)} targets: {', '.join(sorted(names)[:_NAMED])}{', …' if len(names) > _NAMED else ''}",
        )
    shard = read_shard(scope.shard) if scope.shard else None
    found = []
    for wave in waves:
        if scope.wave in (0, wave.number):
            targets: Sequence[Target] = wave.targets if shard is None else shard.part(wave.targets)
            kept = tuple(target for target in targets if not scope.targets or target.name in scope.targets)
            found.append(wave._replace(targets=kept))
    chosen = {target.name for wave in found for target in wave.targets}
    elsewhere = [name for name in scope.targets if name not in chosen]
    if elsewhere:
        raise Invalid(
            Reason.UNKNOWN_TARGET,
            f"{', '.join(elsewhere[:_NAMED])}{', …' if len(elsewhere) > _NAMED else ''}: not in the wave or shard "
            "that is asked for",
            hint="name targets without a wave and a shard",
        )
    return tuple(wave for wave in found if wave.targets)


def part_of(scope: Scope) -> str:
    """A name for the part of a stage's targets that a run is about, for its lock; "" for all of them.

    Names of targets, each with a comma after it, or `w1.2of8`: by these core/locks.py tells which have some in common.
    """
    if scope.targets:
        return "".join(f"{name}," for name in sorted(scope.targets))
    wave = [f"w{scope.wave}"] if scope.wave else []
    return ".".join([*wave, *([scope.shard.replace("/", "of")] if scope.shard else [])])
