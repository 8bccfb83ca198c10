"""The grammar of GTO tags: text <-> `GtoTag`, or "not ours, because".

Rules R1–R17 of docs/reference/tags.md. What tags mean together is next door, in registry.py.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cache
from typing import NamedTuple

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.versions import PATTERN as VERSION_PATTERN

_NAME = r"[A-Za-z0-9][A-Za-z0-9/_-]*+(?<=[A-Za-z0-9])"  # `*+` gives nothing back: what follows is never in its set
_ARTIFACT = rf"(?:[A-Za-z0-9_./-]++=)?{_NAME}"
_TAG = re.compile(
    rf"(?P<artifact>{_ARTIFACT})"
    rf"(?:\#(?P<stage>{_NAME})|@(?P<version>{VERSION_PATTERN})|@(?P<word>deprecated|created))"
    r"(?P<negated>!)?"
    r"(?:\#(?P<counter>[0-9]+))?"
)
RESERVED = "@created is reserved by GTO and means nothing"
"""Why a tag of the sixth kind is none of ours (R12, B1)."""
_MAX_TAG_LENGTH = 1024  # Git's own limit is the file system's: 255 bytes a component, 4096 a path
_REFS_TAGS = "refs/tags/"
_HASHED = r"(?:^|-)[0-9a-f]{8}$"  # how a slug that was made ends


class Event(StrEnum):
    """What one tag says, by the names that `gto check-ref --event` prints (R46)."""

    REGISTRATION = "registration"
    DEREGISTRATION = "deregistration"
    ASSIGNMENT = "assignment"
    UNASSIGNMENT = "unassignment"
    DEPRECATION = "deprecation"


_ASSIGNMENT, _UNASSIGNMENT = Event.ASSIGNMENT, Event.UNASSIGNMENT  # a member of an enum takes long to find
_REGISTRATION, _DEREGISTRATION = Event.REGISTRATION, Event.DEREGISTRATION
_new = tuple.__new__  # a NamedTuple's own constructor takes twice as long
_Said = tuple[Event, str, str | None, str | None]  # event, model, version, stage
_said: dict[str, _Said] = {}  # by what stands before a counter: most tags differ from others in the counter alone
_MOST_SAID = 50_000


class NotGtoTag(Invalid):
    """The text is no GTO tag; `message` says why in one line."""

    def __init__(self, text: str, why: str) -> None:
        super().__init__(Reason.NOT_A_GTO_TAG, f"{text[:120]!r} is not a GTO tag: {why}")
        self.why = why


class GtoTag(NamedTuple):
    """One parsed tag. (A tuple, as a registry may have 100,000: a frozen dataclass takes four times as long to make.)

    `model` is written as people do, with `:` after the directory (`a/b:churn`); `text` is the tag itself,
    with `=` there (R3). `version` keeps its `v`. `counter` is None for a simple tag (R2).
    """

    text: str
    event: Event
    model: str
    version: str | None = None
    stage: str | None = None
    counter: int | None = None

    @property
    def ref(self) -> str:
        """Full ref name, `refs/tags/…`."""
        return _REFS_TAGS + self.text


def parse_tag(text: str) -> GtoTag:
    """Parse the short name of a tag. Raises NotGtoTag with the reason (rules R1–R17)."""
    if len(text) > _MAX_TAG_LENGTH:
        raise NotGtoTag(text, f"it is {len(text)} characters long, more than Git can store")
    before, _, after = text.rpartition("#")
    if before in _said and after.isdigit() and after.isascii():
        return _new(GtoTag, (text, *_said[before], int(after)))
    match = _TAG.fullmatch(text)
    if match is None:
        raise NotGtoTag(text, _why_not(text))
    if "/" in text or ".." in text or ".lock" in text or text[0] == ".":  # few need the close look
        illegal = _why_not_a_ref(text)
        if illegal:
            raise NotGtoTag(text, illegal)
    artifact, stage, version, word, negated, counter = match.groups()
    model = artifact.replace("=", ":") if "=" in artifact else artifact
    number = None if counter is None else int(counter)
    if stage is not None:
        said: _Said = (_UNASSIGNMENT if negated else _ASSIGNMENT, model, None, stage)
        if counter is not None and len(_said) < _MOST_SAID:
            _said[before] = said
        return _new(GtoTag, (text, *said, number))
    if version is not None:
        return _new(GtoTag, (text, _DEREGISTRATION if negated else _REGISTRATION, model, version, None, number))
    if negated:
        raise NotGtoTag(text, "`!` cannot follow @deprecated")
    if word == "created":
        raise NotGtoTag(text, RESERVED)
    return GtoTag(text, Event.DEPRECATION, model, None, None, number)


def parse_ref(ref: str) -> GtoTag:
    """Like parse_tag, for a ref as Git and GitHub write it: a leading `refs/tags/` is dropped (R14)."""
    return parse_tag(ref.removeprefix(_REFS_TAGS))


def is_tag_ref(ref: str) -> bool:
    """Whether a full ref name is a tag's."""
    return ref.startswith(_REFS_TAGS)


def is_model_name(text: str) -> bool:
    """Whether `text` names a model as people write it: `churn`, `fraud/eu`, `a/b:churn` (R3–R5)."""
    pattern = _compiled(rf"(?:[A-Za-z0-9_./-]+:)?{_NAME}")
    return pattern.fullmatch(text) is not None and not _why_not_a_ref(tag_artifact(text) + "#x")


def require_model_name(text: str) -> str:
    """`text` itself, where it names a model. Raises Invalid (usage)."""
    if not is_model_name(text):
        raise Invalid(
            Reason.USAGE,
            f"{text[:120]!r} is not a model name",
            hint="names look like churn, fraud/eu or dir/sub:churn",
        )
    return text


def require_stage_name(text: str) -> str:
    """`text` itself, where it names a stage. Raises Invalid (usage)."""
    if not is_stage_name(text):
        raise Invalid(Reason.USAGE, f"{text[:120]!r} is not a stage name", hint="stages look like prod or eu/prod")
    return text


def is_stage_name(text: str) -> bool:
    """Whether `text` can be a stage (R5)."""
    return _compiled(_NAME).fullmatch(text) is not None and not _why_not_a_ref("m#" + text)


def tag_artifact(model: str) -> str:
    """The model's name as its tags write it: `a/b:churn` -> `a/b=churn` (R3)."""
    return model.replace(":", "=", 1)


def split_model(model: str) -> tuple[str, str]:
    """Directory (empty for none) and artifact name: `a/b:churn` -> (`a/b`, `churn`)."""
    directory, found, name = model.partition(":")
    return (directory, name) if found else ("", model)


def slug(text: str, *, limit: int = 63) -> str:
    """A name safe as a DNS label, Docker tag, file name or Kubernetes label (at most `limit` characters).

    A text that had to be changed carries eight hex digits of its SHA-256, and so does one that looks as if it did:
    two names never share a slug.
    """
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if plain == text and 0 < len(plain) <= limit and _compiled(_HASHED).search(plain) is None:
        return plain
    import hashlib

    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{plain[: limit - 9].strip('-')}-{digest}".strip("-")


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """A pattern that most runs never need: compiling one takes as long as parsing a thousand tags."""
    return re.compile(pattern)


def _why_not_a_ref(text: str) -> str:
    """Why Git cannot store refs/tags/TEXT, or "" (git-check-ref-format(1), for GTO's characters; R16)."""
    if ".." in text or "//" in text or text.endswith((".", "/")):
        return "Git cannot store that name (`..`, `//`, or a final `.` or `/`)"
    if any(part.startswith(".") or part.endswith(".lock") or not part for part in text.split("/")):
        return "Git cannot store that name (a part is empty, starts with `.` or ends in `.lock`)"
    return ""


def _why_not(text: str) -> str:
    """The likeliest mistake, for the person who typed it."""
    if not text.isascii() or any(ord(character) < 32 for character in text):
        return "only ASCII letters, digits and _ - / . = # @ ! may appear"
    model, at, rest = text.partition("@")
    if at and "#" not in model:
        if "#" in rest and not rest.partition("#")[2].isdigit():
            return "one tag says one thing: either @version or #stage"
        return "after @ stands `deprecated` or a version of three numbers, like v1.2.3 (SemVer, lower-case v)"
    if "#" not in text:
        return "it has neither #stage nor @version"
    if ":" in text:
        return "in a tag the directory ends with `=`, not `:`"
    return (
        "the form is model#stage or model#stage#N, where model and stage start and end with a letter or digit "
        "and hold only letters, digits, `_`, `-` and `/`"
    )
