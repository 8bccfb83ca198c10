"""Hypothesis strategies for names, versions and tags: valid ones, and ones that only GTO's pattern accepts."""

from __future__ import annotations

from hypothesis import strategies as st

from model_stage_deploy.core.tags import Event, GtoTag, tag_artifact

_EDGE = st.sampled_from("abyzAZ019")
_PART = st.builds(
    lambda first, middle, last: first + middle + last,
    _EDGE,
    st.text("abzAZ09_-", max_size=8),
    st.one_of(st.just(""), _EDGE),
).filter(lambda text: text[-1] not in "_-")
NAMES = st.lists(_PART, min_size=1, max_size=3).map("/".join)
"""Artifact and stage names (R5) that git can store."""

_FOLDER_PART = (
    st.text("abZ09_-.", min_size=1, max_size=6)
    .filter(lambda text: not text.startswith(".") and ".." not in text)
    .filter(lambda text: not text.endswith((".lock", ".")))
)
FOLDERS = st.lists(_FOLDER_PART, min_size=1, max_size=3).map("/".join)
DIRECTORIES = st.one_of(
    FOLDERS,
    st.text("ab./-_", min_size=1, max_size=8),
    st.lists(st.sampled_from(["a", "..", ".", "", ".b", "c.lock", "d."]), min_size=1, max_size=3)
    .map("/".join)
    .filter(bool),
)
"""What GTO takes for a directory, whether git can store it or not (R16)."""

MODELS = st.one_of(NAMES, st.builds(lambda folder, name: f"{folder}:{name}", FOLDERS, NAMES))

_NUMBER = st.one_of(st.integers(0, 20), st.integers(0, 10**20)).map(str)
_WORD = st.text("abzAZ09-", min_size=1, max_size=5)
_PRERELEASE_PART = st.one_of(_NUMBER, _WORD.filter(lambda text: not text.isdigit()))
_PRERELEASE = st.lists(_PRERELEASE_PART, min_size=1, max_size=3).map(".".join)
_BUILD = st.lists(_WORD, min_size=1, max_size=3).map(".".join)
VERSIONS = st.builds(
    lambda numbers, prerelease, build: f"v{'.'.join(numbers)}{prerelease}{build}",
    st.lists(_NUMBER, min_size=3, max_size=3),
    st.one_of(st.just(""), _PRERELEASE.map("-{}".format)),
    st.one_of(st.just(""), _BUILD.map("+{}".format)),
)
"""`v` and a strict semantic version (R7)."""

_COUNTERS = st.one_of(st.none(), st.integers(0, 50), st.integers(0, 10**30))


def _tag(event: Event, model: str, version: str, stage: str, counter: int | None) -> GtoTag:
    text = tag_artifact(model)
    versioned = event in (Event.REGISTRATION, Event.DEREGISTRATION)
    staged = event in (Event.ASSIGNMENT, Event.UNASSIGNMENT)
    text += f"@{version}" if versioned else f"#{stage}" if staged else "@deprecated"
    text += "!" if event in (Event.DEREGISTRATION, Event.UNASSIGNMENT) else ""
    text += "" if counter is None else f"#{counter}"
    return GtoTag(text, event, model, version if versioned else None, stage if staged else None, counter)


TAGS = st.builds(_tag, st.sampled_from(Event), MODELS, VERSIONS, NAMES, _COUNTERS)
"""Tags as GTO writes them, of all five kinds."""

GRAMMATICAL = st.from_regex(
    r"\A([a-zA-Z0-9_./-]+=)?[a-zA-Z0-9]([a-zA-Z0-9/_-]*[a-zA-Z0-9])?"
    r"(#[a-zA-Z0-9]([a-zA-Z0-9/_-]*[a-zA-Z0-9])?!?|@v\d\.[0-9]\.[0-9](-[0-9a-z]+)?!?|@deprecated|@created)(#[0-9]+)?\Z"
)
"""Texts that look right at first sight, with digits of every alphabet."""
