"""Opening a registry to read it: the clone that is here, if it is whole; its remote if not; a URL without a clone."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterable, Mapping

from model_stage_deploy.adapters.git_process import Git
from model_stage_deploy.adapters.git_repository import GitRepository
from model_stage_deploy.core.model import Model, TagRecord
from model_stage_deploy.core.registry import Registry, fold

_kept: list[Registry] = []  # taking 100,000 tags apart takes a fifth of a second: the process ends without (__main__)


def read_tags(
    repo: str, model: str | None, environ: Mapping[str, str], *, details: bool = False
) -> Iterable[TagRecord]:
    """Every tag of a model, or of all for None; `repo` is a path or a URL, "" the current directory.

    `details` are tagger, email and message. Raises Refused (incomplete-tags), Invalid (not-a-repository),
    MachineryFailed (git-failed).
    """
    gc.disable()  # see fold; a process that reads a registry is short
    if not is_url(repo):
        local = GitRepository(Git(repo or "."))
        if local.is_plainly_whole() or _is_whole(local):
            return local.read_tags(model, details=details)
    return _from_remote(repo, model, environ)


def read_registry(repo: str, environ: Mapping[str, str], *, details: bool = False) -> Registry:
    """The whole registry. Raises what `read_tags` raises."""
    registry = fold(read_tags(repo, None, environ, details=details))
    _kept.append(registry)
    return registry


def read_model(repo: str, name: str, environ: Mapping[str, str], *, details: bool = False) -> tuple[Registry, Model]:
    """One model, and the registry that holds it alone. Raises what `read_tags` raises, Refused (unknown-model)."""
    from model_stage_deploy.core.tags import require_model_name

    registry = fold(read_tags(repo, require_model_name(name), environ, details=details))
    return registry, registry.model(name)


def is_url(repo: str) -> bool:
    """Whether `--repo` names a remote: a URL, or what ssh takes (user@host:path)."""
    if "://" in repo:
        return True
    host, colon, _ = repo.partition(":")
    return bool(colon) and "@" in host and "/" not in host and not os.path.exists(repo)  # noqa: PTH110 - pathlib is slow


def _is_whole(local: GitRepository) -> bool:
    local.require_repository()
    return local.why_incomplete() is None


def _from_remote(repo: str, model: str | None, environ: Mapping[str, str]) -> Iterable[TagRecord]:
    from model_stage_deploy.core.redaction import Secret
    from model_stage_deploy.faces.event import read_event
    from model_stage_deploy.faces.settings import Settings
    from model_stage_deploy.faces.wiring import open_source

    token = environ.get("GITHUB_TOKEN", "")
    settings = Settings(command="show", repo=repo, token=Secret(token) if token else None)
    with open_source(settings, read_event(environ), environ) as source:
        return source.tags(model)
