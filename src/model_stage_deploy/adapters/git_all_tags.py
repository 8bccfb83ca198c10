"""All tags of a registry at once: their names first, then the tag objects as git streams them.

`for-each-ref` with fields of the objects says nothing before it has read all of them; `cat-file` speaks at once, so we
read while it does. With 100,000 tags that takes two thirds of the time. Whatever is not plain is left to git's own
reading, in git_repository.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from sys import intern

from model_stage_deploy.adapters.git_process import Git
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.model import TagRecord
from model_stage_deploy.core.reasons import Reason

# A tag of a commit, as git itself writes one. Other dates than plain ones, and other taggers, are not plain.
_PLAIN = re.compile(
    r"tag (\d+)\nobject ([0-9a-f]{40,64})\ntype commit\ntag (.*)\ntagger [^<>\n]*<[^<>\n]*> (\d{1,12}) ([+-]\d{4})\n"
)
_HEADER = re.compile(r"(\w+)(?: (\d+))?\n")
_LONGEST = 10_000
"""Characters of an object's beginning that are looked at."""


def plain_tags(git: Git, others: list[str]) -> Iterator[TagRecord]:
    """Tags that can be GTO's by their names, without id, tagger, email and message, in the order of the names.

    Names of those that are annotated and not plain are added to `others`. Raises MachineryFailed (git-failed).
    """
    form = "--format=%(objectname) %(refname:lstrip=2)"
    listed = "".join(git.stream(["for-each-ref", form, "refs/tags"])).split("\n")
    rows = [row for row in listed if "@" in row or "#" in row]
    if not rows:
        return
    width = rows[0].index(" ")
    ids = "\n".join([row[:width] for row in rows])
    # Sizes count bytes, and in Latin-1 each is one character.
    pieces = git.stream(
        ["cat-file", "--batch", "--buffer"], size=1 << 18, given=f"{ids}\n".encode(), encoding="latin-1"
    )
    yield from _read(rows, width, pieces, others)


def _read(rows: list[str], width: int, pieces: Iterator[str], others: list[str]) -> Iterator[TagRecord]:
    new = tuple.__new__  # a NamedTuple's own constructor takes twice as long
    match, before = _PLAIN.match, width + 1
    text, at = "", 0  # `at` is where the next object begins, which may not be here yet
    for row in rows:
        while (found := match(text, at + before)) is None and not _has_begun(text, at + before):
            piece = next(pieces, "")
            if not piece:
                raise MachineryFailed(Reason.GIT_FAILED, "git cat-file ended too early")
            text, at = (text[at:] + piece, 0) if at < len(text) else (piece, at - len(text))
        name = row[before:]
        if found is None:
            kind, body, size = _not_plain(text, at + before, row)
            at = body + size + 1
            if kind == "tag":
                others.append(name)
            else:  # a lightweight tag
                yield TagRecord(name, "", annotated=False, commit=None)
            continue
        size_here, commit, inner, date, zone = found.groups()
        at = found.end(1) + int(size_here) + 2
        if inner == name:
            yield new(TagRecord, (name, "", True, commit, int(date), intern(zone), "", "", "", name, False))
        else:
            others.append(name)
    for _ in pieces:  # so that git's failure shows
        pass


def _has_begun(text: str, at: int) -> bool:
    """Whether so much of an object is here that one can see what it is."""
    header = _HEADER.match(text, at)
    if header is None:
        return False
    return header[1] != "tag" or len(text) - header.end() > min(int(header[2] or 0), _LONGEST)


def _not_plain(text: str, at: int, row: str) -> tuple[str, int, int]:
    """Kind of an object, where its content begins, and its size. Raises MachineryFailed where it is not there."""
    header = _HEADER.match(text, at)
    if header is None or not header[2]:
        ref, _, name = row.partition(" ")
        raise MachineryFailed(Reason.GIT_FAILED, f"git cat-file failed: missing object {ref} for refs/tags/{name}")
    return header[1], header.end(), int(header[2])
