"""Changing the registry: the values that a decided change is made of. Making and pushing its tags is a port's.

What may be changed is decided next door, in writing_versions.py and writing_stages.py, on the facts of ledger.py.
Rules R48–R58 of docs/reference/tags.md.
"""

from __future__ import annotations

from typing import NamedTuple

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.tags import Event
from model_stage_deploy.core.versions import is_version

LONGEST_MESSAGE = 64 * 1024
"""Bytes (UTF-8) of a tag's message."""
PROGRAM = "python -m model_stage_deploy"
"""How hints spell a command that can be pasted."""


class NewTag(NamedTuple):
    """An annotated tag to make: `time` in unix seconds is the tagger's, `commit` a full id."""

    name: str
    commit: str
    message: str
    time: int


class Made(NamedTuple):
    """A tag of a change, and what it says. `version` is None for a deprecation, a commit's id for a bare commit."""

    tag: NewTag
    event: Event
    version: str | None
    stage: str | None


class Seat(NamedTuple):
    """The version that a stage has, and the tag that gave it the stage."""

    version: str
    commit: str
    tag: str


class Move(NamedTuple):
    """A stage whose version changes; None where it is empty."""

    stage: str
    before: Seat | None
    after: Seat | None


class Change(NamedTuple):
    """What is to be done: the tags, old before new, and what they bring about.

    `version` is a version's name, or the id of a bare commit. `replaced` is what the asked stage had before; `moves`
    are all stages that will have another version. `chosen` says that the version's name was found by counting on.
    """

    reason: Reason
    model: str
    made: tuple[Made, ...]
    version: str | None = None
    stage: str | None = None
    commit: str | None = None
    replaced: Seat | None = None
    moves: tuple[Move, ...] = ()
    notes: tuple[str, ...] = ()
    chosen: bool = False

    @property
    def tags(self) -> tuple[NewTag, ...]:
        """The tags to make, in order."""
        return tuple(made.tag for made in self.made)

    @property
    def registered(self) -> str | None:
        """The version that the change registers, None where it registers none."""
        return next((made.version for made in self.made if made.event is Event.REGISTRATION), None)

    @property
    def stage_tag(self) -> str | None:
        """The tag that gives the stage, None where none is given."""
        return next((made.tag.name for made in self.made if made.event is Event.ASSIGNMENT), None)


class How(NamedTuple):
    """How the tags are made: their message ("" for a sentence of ours), with or without counter, even if needless.

    `simple` None is GTO's habit: no counter but for (un)assignments (R49).
    """

    message: str = ""
    simple: bool | None = None
    force: bool = False


class Written(NamedTuple):
    """How a change ended. `notes` has those of the change and those about the push; `started` is a dispatched run."""

    change: Change
    reason: Reason
    pushed: bool = False
    notes: tuple[str, ...] = ()
    message: str = ""
    hint: str = ""
    started: str = ""

    @property
    def dry_run(self) -> bool:
        """Whether nothing was made, as asked."""
        return self.reason is Reason.DRY_RUN


def usage(message: str, hint: str = "") -> Invalid:
    """The command line does not fit together."""
    return Invalid(Reason.USAGE, message, hint=hint)


def require_version(text: str) -> str:
    """`text` itself, where it is a version. Raises Invalid (usage), naming the one that was likely meant (R63)."""
    if is_version(text):
        return text
    hint = "versions look like v1.2.3, in strict SemVer with a `v`; a commit is named with --ref"
    for likely in (f"v{text}", f"v{text[1:]}"):
        if is_version(likely):
            hint = f"write --version {likely}: GTO's versions begin with a lower-case v"
    raise usage(f"{text[:120]!r} is not a version", hint)


def require_message(text: str) -> str:
    """The message without white space around it. Raises Invalid (usage) for what Git cannot store."""
    if "\0" in text:
        raise usage("the message holds a NUL character, which Git cannot store")
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise usage("the message is not UTF-8 text") from None
    if size > LONGEST_MESSAGE:
        raise usage(f"the message has {size:,} bytes; {LONGEST_MESSAGE:,} (64 KiB) are allowed")
    return text.strip()


def quoted(*names: str) -> str:
    """Tag names for a sentence or a shell: GTO's characters need no more than single quotes."""
    return " ".join(f"'{name}'" for name in names)


def push_command(names: tuple[str, ...]) -> str:
    """What pushes tags, all or none."""
    return "git push --atomic origin " + quoted(*(f"refs/tags/{name}" for name in names))
