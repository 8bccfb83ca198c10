"""Builds the registry of a large team in one `git fast-import`: many models with a long life in four stages each."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

STAGES = ("dev", "staging", "canary", "prod")
VERSIONS = 20
"""Versions of each model; all its other tags are assignments."""
_BEGAN = 1_600_000_000  # seconds since 1970
_PEOPLE = ("Ada Model <ada@example.com>", "Grace Gate <grace@example.com>", "Émile Étage <emile@example.com>")
_MESSAGE = "Better recall on the holdout of this month, and no worse anywhere else"


def model_name(number: int) -> str:
    """The name of a model of the registry."""
    return f"model-{number:04d}"


def build(directory: Path, models: int, tags: int, environ: Mapping[str, str]) -> None:
    """Make a repository with so many models, and tags in all; refs and objects are packed, as a clone has them."""
    directory.mkdir(parents=True)

    def git(*words: str, given: bytes | None = None) -> None:
        subprocess.run(["git", *words], cwd=directory, env=dict(environ), input=given, check=True)

    git("init", "--quiet", "--initial-branch=main")
    git("fast-import", "--quiet", "--date-format=raw", given="".join(_stream(models, tags)).encode())
    git("pack-refs", "--all")
    git("repack", "-a", "-d", "--quiet")
    git("reset", "--quiet", "--hard")


def _stream(models: int, tags: int) -> Iterator[str]:
    each = tags // models
    for model in range(models):
        name, began = model_name(model), _BEGAN + model * 1000
        for version in range(VERSIONS):
            yield _commit(model * VERSIONS + version + 1, began + version, name, version)
        for number in range(each):
            tag, version = _tag(name, number)
            person = _PEOPLE[number % len(_PEOPLE)]
            yield f"tag {tag}\nfrom :{model * VERSIONS + version + 1}\n"
            yield f"tagger {person} {began + VERSIONS + number} +0000\n{_data(_MESSAGE)}"


def _tag(name: str, number: int) -> tuple[str, int]:
    """The tag of that number in a model's life, and the version that it is about."""
    if number < VERSIONS:
        return f"{name}@v1.{number}.0", number
    given = number - VERSIONS
    return f"{name}#{STAGES[given % len(STAGES)]}#{given + 1}", given // len(STAGES) % VERSIONS


def _commit(mark: int, when: int, name: str, version: int) -> str:
    metrics = f'{{"accuracy": {0.8 + version / 200}, "loss": {0.5 - version / 100}}}\n'
    head = f"commit refs/heads/main\nmark :{mark}\ncommitter {_PEOPLE[0]} {when} +0000\n{_data(f'Train {name}')}"
    return f"{head}M 100644 inline models/{name}/metrics.json\n{_data(metrics)}"


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"
