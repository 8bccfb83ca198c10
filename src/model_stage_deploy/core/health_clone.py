"""Checks of the clone against its remote, and of the registry against `.gto` and the mapping."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from model_stage_deploy.core.health import SHOWN, HealthFinding, found, listed, quoted
from model_stage_deploy.core.model import Holder
from model_stage_deploy.core.tags import NotGtoTag, parse_tag


def clone_against_remote(here: Mapping[str, str], there: Mapping[str, str]) -> Iterator[HealthFinding]:
    """Tags that were moved, were not pushed, or were not fetched. Both sides are object ids by tag name."""
    for name in sorted(here.keys() & there.keys()):
        if here[name] != there[name] and (model := _model(name)):
            yield found(
                "moved-tag",
                f"it is object {here[name][:12]} here and {there[name][:12]} on the remote; "
                "deployments go by the remote's",
                "ask who moved it and why; then take the remote's: "
                f"git fetch --no-tags origin {quoted(f'+refs/tags/{name}:refs/tags/{name}')}",
                tag=name,
                model=model,
            )
    only_here = sorted(name for name in here.keys() - there.keys() if _model(name))
    if only_here:
        pushes = " && ".join(f"git push origin {quoted(f'refs/tags/{name}')}" for name in only_here[:SHOWN])
        yield found(
            "not-pushed",
            f"{_count(only_here)} in this clone only: {listed(only_here)}",
            f"push one at a time, as more than three in one push start no workflow: {pushes}",
            tag=only_here[0],
            model=_model(only_here[0]),
        )
    only_there = sorted(name for name in there.keys() - here.keys() if _model(name))
    if only_there:
        yield found(
            "not-fetched",
            f"{_count(only_there)} on the remote and not in this clone: {listed(only_there)}",
            "git fetch origin --tags; then run doctor again",
            tag=only_there[0],
            model=_model(only_there[0]),
        )


def stages_not_allowed(held: Iterable[tuple[str, str, Holder]], allowed: Collection[str]) -> Iterator[HealthFinding]:
    """Stages that have a version and that `.gto` does not allow (R61)."""
    for model, stage, holder in held:
        if stage not in allowed:
            yield found(
                "stage-not-allowed",
                f"{stage} is not among the stages that .gto allows ({listed(sorted(allowed)) or 'none'}): "
                "gto show leaves it out, and gto assign refuses it",
                f"add {quoted(stage)} to `stages` in .gto, or assign the version to one of those",
                tag=holder.event.tag.text,
                model=model,
            )


def unmapped_stages(
    held: Iterable[tuple[str, str, Holder]], mapped: Callable[[str], Collection[str]], file: str
) -> Iterator[HealthFinding]:
    """Stages that have a version and that the mapping in `file` does not know; `mapped` gives a model's stages."""
    for model, stage, holder in held:
        if stage not in mapped(model):
            yield found(
                "unmapped-stage",
                f"{file} does not say what stage {stage} means for {model}: its next stage tag is refused",
                f"add the stage under `stages` in {file}, or `unmapped: ignore`",
                tag=holder.event.tag.text,
                model=model,
            )


def _count(names: list[str]) -> str:
    return f"{len(names)} {'tag is' if len(names) == 1 else 'tags are'}"


def _model(name: str) -> str:
    """The model that a tag is about; "" for a tag that is none of GTO's."""
    try:
        return parse_tag(name).model
    except NotGtoTag:
        return ""
