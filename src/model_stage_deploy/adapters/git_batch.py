"""Many objects of one repository by two git processes: tags with their words, and small files of a commit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from model_stage_deploy.adapters.git_process import Git
from model_stage_deploy.core.browsing import Words
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.reasons import Reason

LARGEST = 1 << 20
"""Bytes of an object; a larger one is as if it were not there."""
_SIGNATURE = re.compile(
    r"^-----BEGIN (?:PGP SIGNATURE|PGP MESSAGE|SSH SIGNATURE|SIGNED MESSAGE)-----", flags=re.MULTILINE
)
_TAGGER = re.compile(r"^tagger (.*) <[^<>\n]*> -?\d+ [+-]\d+$", flags=re.MULTILINE)


class Stored(NamedTuple):
    """An object's kind (tag, commit, tree, blob) and content."""

    kind: str
    data: bytes


def read_objects(git: Git, names: Sequence[str], *, largest: int = LARGEST) -> dict[str, Stored]:
    """Objects by the names that were asked for (`refs/tags/x`, `COMMIT:path`).

    What is missing or too large is left out. No name may hold a newline. Raises MachineryFailed (git-failed).
    """
    asked = list(dict.fromkeys(names))
    small = [name for name, size in zip(asked, _sizes(git, asked), strict=True) if size is not None and size <= largest]
    if not small:
        return {}
    data = git.run(["cat-file", "--batch"], given=_lines(small))
    found: dict[str, Stored] = {}
    at = 0
    for name in small:
        end = data.find(b"\n", at)
        if end < 0:
            raise MachineryFailed(Reason.GIT_FAILED, "git cat-file ended too early")
        head = data[at:end].split(b" ")
        at = end + 1
        if len(head) == 3 and head[2].isdigit():
            size = int(head[2])
            found[name] = Stored(head[1].decode(), data[at : at + size])
            at += size + 1
    return found


def tag_words(git: Git, names: Iterable[str]) -> dict[str, Words]:
    """Who made each tag and what it says, as for-each-ref has it; tags that are not there are left out.

    Raises MachineryFailed (git-failed).
    """
    asked = {f"refs/tags/{name}": name for name in names}
    return {
        asked[ref]: _words(found.data.decode(errors="replace"))
        for ref, found in read_objects(git, list(asked)).items()
        if found.kind == "tag"
    }


def _words(text: str) -> Words:
    head, _, message = text.partition("\n\n")
    tagger = _TAGGER.search(head)
    signed = [match.start() for match in _SIGNATURE.finditer(message)]
    return Words(tagger[1] if tagger else "", (message[: signed[-1]] if signed else message).strip())


def _sizes(git: Git, names: Sequence[str]) -> list[int | None]:
    if not names:
        return []
    told = git.run(["cat-file", "--batch-check=%(objectsize)"], given=_lines(names)).splitlines()
    if len(told) != len(names):
        raise MachineryFailed(Reason.GIT_FAILED, "git cat-file answered something else than it was asked")
    return [int(line) if line.isdigit() else None for line in told]


def _lines(names: Iterable[str]) -> bytes:
    return "".join(f"{name}\n" for name in names).encode()
