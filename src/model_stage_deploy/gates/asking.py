"""Asking the code host whether somebody is among the people that a mapping names: only what must be known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from model_stage_deploy.core.errors import Invalid, MachineryFailed, ModelStageError
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.who import BadWho, Kind, Person, Who, means, read_who
from model_stage_deploy.ports import Forge

_ORDER = {Kind.LOGIN: 0, Kind.MAIL: 0, Kind.PERMISSION: 1, Kind.TEAM: 2}


class Asked(NamedTuple):
    """`person` is somebody with all that was asked about them; `by` the text of the list that means them, "" for none.

    Questions end with the first that suffices.
    """

    person: Person
    by: str


def ask(forge: Forge | None, name: str, rules: Sequence[str]) -> Asked:
    """Whether the person of that name is among those whom the list names; what costs least is asked first.

    One question that cannot be answered does no harm where another says yes. Raises MachineryFailed where only an
    answer that cannot be had could say yes, Invalid (mapping-invalid) for a text that names nobody.
    """
    person = Person(name)
    wanted = _read(rules)
    if not name:
        return Asked(person, "")
    trouble: ModelStageError | None = None
    for who, text in sorted(wanted, key=lambda pair: _ORDER[pair[0].kind]):
        try:
            person = _ask_one(forge, person, who)
        except ModelStageError as problem:
            trouble = trouble or problem
            continue
        if means(who, person):
            return Asked(person, text)
    if trouble is not None:
        raise trouble
    return Asked(person, "")


def _read(rules: Sequence[str]) -> list[tuple[Who, str]]:
    try:
        return [(read_who(text), text) for text in rules]
    except BadWho as problem:
        raise Invalid(Reason.MAPPING_INVALID, f"a list of people cannot be read: {problem}") from problem


def _ask_one(forge: Forge | None, person: Person, who: Who) -> Person:
    """The person, and what the host says about them that this entry of the list needs."""
    if who.kind in (Kind.LOGIN, Kind.MAIL):
        return person
    if forge is None:
        raise MachineryFailed(
            Reason.GATE_UNKNOWN,
            f"whether {one_line(person.name, 100)} is {_meant(who)} is for the code host to say, which cannot be asked",
            hint="give it a token of the code host, and the repository, or list people by their logins",
        )
    if who.kind is Kind.TEAM:
        return person._replace(teams={**person.teams, who.name: forge.is_member(person.name, who.name)})
    return person if person.permission else person._replace(permission=forge.permission(person.name))


def _meant(who: Who) -> str:
    return f"in @{who.name}" if who.kind is Kind.TEAM else f"one with permission:{who.name}"
