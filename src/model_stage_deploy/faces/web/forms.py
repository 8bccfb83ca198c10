"""The forms of the dialogs: what can be chosen, by the tags and the mapping of this moment, and what was given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from model_stage_deploy.core.fallback import succession
from model_stage_deploy.core.model import Model
from model_stage_deploy.core.writing import usage
from model_stage_deploy.faces.acting import CHANGES, Actor, Given, Stages
from model_stage_deploy.report.html.dialogs import Choice, Field, Form

_MOST = 500  # versions to choose from
_INTRO = {
    "assign": "Gives a stage to a version, by a tag that says so. What is deployed then, the mapping says.",
    "register": "Gives a commit a version, by a tag.",
    "unassign": "Takes a version out of a stage, by a tag. An earlier one that is still assigned comes back.",
    "rollback": "Deploys an earlier version again, and writes a tag that says so where the mapping wants one.",
    "approve": "Records that you say yes to a version in a stage, for a gate that asks for approvals.",
    "lock": "Stops all deployments there until somebody unlocks it. Tags can still be made.",
    "unlock": "Lets deployments go on.",
    "deploy": "Deploys what the stage's tag says, from this machine.",
}
_MESSAGE = Field("message", "Message", "long", hint="Why. It stands in the tag; leave it empty for a sentence of ours.")


def form_of(actor: Actor, what: str, given: Given) -> Form:
    """The dialog. Raises Refused (unknown-model), Invalid (usage), and what reading the registry raises."""
    if what == "register":
        fields = _register(actor, given)
        return Form(what, tuple(fields), _INTRO[what], _hand(actor), looks=bool(given.model))
    if not given.model:
        raise usage("say which model", "open the dialog from the table of models, or from a model's page")
    _, model = actor.model(given.model)
    stages = actor.stages(model)
    fields = [Field("model", "Model", "fixed", model.name), *_FIELDS[what](model, stages, given)]
    hand = _hand(actor) if what in CHANGES else ""
    return Form(what, tuple(fields), _INTRO[what], hand, looks=_is_whole(what, fields))


def _hand(actor: Actor) -> str:
    """As whom tags are made, and where they go."""
    hand = actor.hand()
    if not hand.known:
        return "No tag can be made: Git does not know who you are (git config user.name, user.email)."
    where = "pushed to the remote" if actor.pushes() else "kept in this clone, which has no remote"
    return f"Made as {hand.name} <{hand.email}>{', signed' if hand.signs else ''}, and {where}."


def _is_whole(what: str, fields: Sequence[Field]) -> bool:
    """Whether all that decides is there, so that what would happen can be shown at once."""
    needed = {"version", "stage"} - ({"version"} if what in ("rollback", "deploy", "unassign") else set())
    return what != "lock" and all(field.value for field in fields if field.name in needed)


def _versions(model: Model, *, empty: str = "") -> tuple[Choice, ...]:
    """Active versions that are registered, newest first, with the stages that they are in."""
    found = [version for version in model.versions if version.registered and version.is_active()]
    found.sort(key=lambda version: version.direct[-1].order, reverse=True)
    latest = model.latest()
    choices = [Choice("", empty)] if empty else []
    for version in found[:_MOST]:
        words = [version.name] + (["latest"] if version is latest else [])
        inside = [] if model.ambiguous else [stage for stage in model.stages if _has(model, stage, version.name)]
        words += [f"in {', '.join(inside)}"] if inside else []
        choices.append(Choice(version.name, " · ".join(words)))
    return tuple(choices)


def _has(model: Model, stage: str, version: str) -> bool:
    holder = model.holder(stage)
    return holder is not None and holder.version.name == version


def _stages(stages: Sequence[str], given: str, *, empty: str = "") -> Field:
    """A select of the stages that there are."""
    choices = [Choice("", empty)] if empty else []
    choices += [Choice(stage, stage) for stage in dict.fromkeys([*stages, *([given] if given else [])])]
    value = given or (choices[0].value if choices else "")
    return Field("stage", "Stage", "select", value, tuple(choices))


def _assign(model: Model, stages: Stages, given: Given) -> list[Field]:
    latest = model.latest()
    chosen = given.version or (latest.name if latest is not None and latest.registered else "")
    if stages.allowed is not None:
        stage = _stages(stages.allowed, given.stage, empty="choose one")
    else:
        known = tuple(Choice(name, name) for name in stages.known)
        hint = "One of those that there are, or a new one."
        stage = Field("stage", "Stage", "text", given.stage, known, hint, required=True)
    ends = "A tag ends what the stage has, so that it does not come back when this version is taken out."
    return [
        Field("version", "Version", "select", chosen, _with(_versions(model), given.version)),
        stage,
        Field("archive", "End what is there", "check", "1" if given.archive else "", hint=ends),
        _MESSAGE._replace(value=given.message, matters=False),
    ]


def _with(choices: tuple[Choice, ...], given: str) -> tuple[Choice, ...]:
    """What was given is among the choices, whatever it is: why it cannot be is said when it is looked at."""
    if not given or any(choice.value == given for choice in choices):
        return choices
    return (*choices, Choice(given, given))


def _register(actor: Actor, given: Given) -> list[Field]:
    if given.model:
        first = Field("model", "Model", "text", given.model, required=True)
    else:
        first = Field("model", "Model", "text", "", hint="Such as churn, or fraud/eu.", required=True)
    bumps = (
        ("patch", "the next patch version"),
        ("minor", "the next minor version"),
        ("major", "the next major version"),
    )
    there = bool(given.model) and actor.has_versions(given.model)
    start = Choice("", "the next version" if there else "v0.0.1, the first")
    return [
        first,
        Field(
            "ref",
            "Commit",
            "text",
            given.ref or "HEAD",
            hint="A branch, a tag or a commit. HEAD is what is checked out.",
        ),
        Field("bump", "Version", "select", given.bump, (start, *(Choice(*bump) for bump in bumps))),
        Field(
            "version", "Or its name", "text", given.version, hint="Such as v1.2.0. Leave it empty for the one above."
        ),
        _MESSAGE._replace(value=given.message, matters=False),
    ]


def _unassign(model: Model, _stages_known: Stages, given: Given) -> list[Field]:
    held = [] if model.ambiguous else [stage for stage in model.stages if model.holder(stage) is not None]
    stage = given.stage or (held[0] if held else "")
    inside = [] if model.ambiguous or not stage else [one.version.name for one in succession(model, stage)]
    return [
        _stages(held, stage),
        Field(
            "version",
            "Version",
            "select",
            given.version,
            _with((Choice("", "what the stage has"), *(Choice(name, name) for name in inside)), given.version),
        ),
        Field("every", "Every version that is assigned there", "check", "1" if given.every else "",
              hint="The stage is empty then, and no earlier version comes back."),
        _MESSAGE._replace(value=given.message, matters=False),
    ]  # fmt: skip


def _rollback(model: Model, _stages_known: Stages, given: Given) -> list[Field]:
    held = [] if model.ambiguous else [stage for stage in model.stages if model.holder(stage) is not None]
    back = _with(_versions(model, empty="the one that was there before"), given.version)
    return [_stages(held, given.stage), Field("version", "Back to", "select", given.version, back)]


def _approve(model: Model, stages: Stages, given: Given) -> list[Field]:
    latest = model.latest()
    chosen = given.version or (latest.name if latest is not None and latest.registered else "")
    return [
        Field("version", "Version", "select", chosen, _with(_versions(model), given.version)),
        _stages(stages.known, given.stage),
        Field("message", "Message", "long", given.message, hint="Why, for whoever reads the record.", matters=False),
    ]


def _lock(_model: Model, stages: Stages, given: Given) -> list[Field]:
    why = "Why: whoever is refused reads it."
    return [
        _stages(stages.known, given.stage, empty="all stages"),
        Field("message", "Reason", "long", given.message, hint=why, required=True, matters=False),
    ]


def _unlock(_model: Model, stages: Stages, given: Given) -> list[Field]:
    return [_stages(stages.known, given.stage, empty="all stages")]


def _deploy(model: Model, _stages_known: Stages, given: Given) -> list[Field]:
    held = [] if model.ambiguous else [stage for stage in model.stages if model.holder(stage) is not None]
    return [_stages(held, given.stage)]


_FIELDS: Mapping[str, Callable[[Model, Stages, Given], list[Field]]] = {
    "assign": _assign,
    "unassign": _unassign,
    "rollback": _rollback,
    "approve": _approve,
    "lock": _lock,
    "unlock": _unlock,
    "deploy": _deploy,
}
