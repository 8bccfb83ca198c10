"""Who is meant: `alice`, `@org/leads`, `permission:maintain`, `alice@example.com`; and whether somebody is.

What must be known of a person to tell is gathered next door, in gates/asking.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

PERMISSIONS = ("none", "read", "triage", "write", "maintain", "admin")
"""Permissions on a repository, each of which holds those before it."""

_LOGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,98})(?:\[bot\])?")
_TEAM = re.compile(r"@[A-Za-z0-9][A-Za-z0-9_-]{0,98}/[A-Za-z0-9_][A-Za-z0-9_.-]{0,98}")
_MAIL = re.compile(r"[^\s@<>\x00-\x1f\x7f]+@[^\s@<>/\x00-\x1f\x7f]+")
_GIT_NAME = re.compile(r"[^<>]* <([^<>]+)>")
_PERMISSION = "permission:"
_FORMS = "write a login (alice), a team (@org/leads), permission:maintain, or an e-mail address"


class BadWho(ValueError):
    """The text names nobody; it says why and how to write it."""


class Kind(StrEnum):
    """The ways in which a mapping names people."""

    LOGIN = "login"
    TEAM = "team"
    PERMISSION = "permission"
    MAIL = "mail"


class Who(NamedTuple):
    """People as a mapping names them. `name` is the login, `org/team`, the least permission, or the address."""

    kind: Kind
    name: str


def read_who(text: str) -> Who:
    """The people that a text of the mapping means. Raises BadWho."""
    if text.startswith(_PERMISSION):
        level = text.removeprefix(_PERMISSION)
        if level not in PERMISSIONS[1:]:
            raise BadWho(f"there is no such permission: one of {', '.join(PERMISSIONS[1:])}")
        return Who(Kind.PERMISSION, level)
    if text.startswith("@"):
        if not _TEAM.fullmatch(text):
            raise BadWho("a team is written @org/team")
        return Who(Kind.TEAM, text[1:])
    if "@" in text:
        if not _MAIL.fullmatch(text):
            raise BadWho(f"is no e-mail address; {_FORMS}")
        return Who(Kind.MAIL, text)
    if not _LOGIN.fullmatch(text):
        raise BadWho(f"names nobody; {_FORMS}")
    return Who(Kind.LOGIN, text)


class Person(NamedTuple):
    """What is known of somebody. `name` is their login, their address, or as Git writes it `Ada <ada@example.com>`;
    "" where it is not known who it is.

    `permission` is "" where nobody asked; `teams` says of each team that was asked about whether they are in it.
    """

    name: str
    permission: str = ""
    teams: Mapping[str, bool] = {}


def means(who: Who, person: Person) -> bool:
    """Whether the person is among those meant, by what is known of them. Somebody unknown never is."""
    if not person.name:
        return False
    match who.kind:
        case Kind.TEAM:
            return person.teams.get(who.name, False)
        case Kind.PERMISSION:
            return at_least(person.permission, who.name)
        case Kind.MAIL:
            return who.name.casefold() == _address(person.name).casefold()
        case Kind.LOGIN:
            return who.name.casefold() == person.name.casefold()


def _address(name: str) -> str:
    """The address in `Ada <ada@example.com>`, which is how Git names people; else the name itself."""
    match = _GIT_NAME.fullmatch(name)
    return match[1] if match else name


def listed(rules: Iterable[str], person: Person) -> str:
    """The first of the mapping's texts that means the person, "" for none. Raises BadWho."""
    return next((text for text in rules if means(read_who(text), person)), "")


def at_least(permission: str, least: str) -> bool:
    """Whether a permission holds another; of those that nobody knows, none does."""
    if permission not in PERMISSIONS or least not in PERMISSIONS:
        return False
    return PERMISSIONS.index(permission) >= PERMISSIONS.index(least)


def told(rules: Iterable[str]) -> str:
    """The people as a sentence names them: `alice, @org/leads or permission:admin`."""
    *first, last = rules
    return f"{', '.join(first)} or {last}" if first else last
