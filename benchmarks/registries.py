"""Builds registries of any size in one `git fast-import`: the same model `churn` in each, and many others.

A model has 20 tags: eight versions, then assignments over three stages, of which one is taken back.
"""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

VERSIONS = 8
TAGS = 20
_STAGES = ("dev", "staging", "prod")
_BEGAN = 1_600_000_000  # seconds since 1970
_PERSON = "Ada Model <ada@example.com>"
_MESSAGE = "Better recall on the holdout of this month"

TAG = "churn#prod#9"
"""The newest assignment of churn to prod, which stands."""
STANDING = "v1.4.0"
"""The version that it gave to prod."""


def build(directory: Path, tags: int, environ: Mapping[str, str], *, files: bool = False) -> None:
    """Make a repository with so many tags; refs and objects are packed, as a clone from a server has them.

    `files`: each version's commit changes a model card, its metrics and a small binary (about 7 KB in all).
    """
    directory.mkdir(parents=True)

    def git(*words: str, given: bytes | None = None) -> None:
        subprocess.run(["git", *words], cwd=directory, env=dict(environ), input=given, check=True)

    git("init", "--quiet", "--initial-branch=main")
    git("fast-import", "--quiet", "--date-format=raw", given="".join(_stream(tags, files=files)).encode("latin-1"))
    git("pack-refs", "--all")
    git("repack", "-a", "-d", "--quiet")
    git("reset", "--quiet", "--hard")


def _stream(tags: int, *, files: bool) -> Iterator[str]:
    chance = random.Random(20)
    for model in range(-(-tags // TAGS)):
        name = f"model-{model:05d}" if model else "churn"
        began = _BEGAN + model * 2 * TAGS
        for version in range(VERSIONS):
            yield _commit(model * VERSIONS + version + 1, began + version, name, chance if files else None)
        for number in range(min(TAGS, tags - model * TAGS)):
            tag, version = _tag(name, number)
            yield f"tag {tag}\nfrom :{model * VERSIONS + version + 1}\n"
            yield f"tagger {_PERSON} {began + TAGS + number} +0000\n{_data(_MESSAGE)}"


def _tag(name: str, number: int) -> tuple[str, int]:
    """The tag of that number in a model's life, and the version that it is about."""
    if number < VERSIONS:
        return f"{name}@v1.{number}.0", number
    given = number - VERSIONS  # every other version passes dev, staging and prod; the last is taken back from staging
    if number == TAGS - 1:
        return f"{name}#staging!#{given + 1}", 6
    return f"{name}#{_STAGES[given % 3]}#{given + 1}", given // 3 * 2


def _commit(mark: int, when: int, name: str, chance: random.Random | None) -> str:
    head = f"commit refs/heads/main\nmark :{mark}\ncommitter {_PERSON} {when} +0000\n{_data(f'Train {name}')}"
    if chance is None:
        return head + "\n"
    metrics = "".join(f'"m{at}": {chance.random()},\n' for at in range(60))
    weights = chance.randbytes(4096).decode("latin-1")
    files = {"README.md": f"# {name}\n\n{chance.random()}\n", "metrics.json": metrics, "weights.bin": weights}
    return head + "".join(f"M 100644 inline models/{name}/{path}\n{_data(text)}" for path, text in files.items())


def _data(text: str) -> str:
    return f"data {len(text)}\n{text}\n"
