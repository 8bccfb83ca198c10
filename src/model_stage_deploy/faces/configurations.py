"""Where the mapping is read: the working tree for a person at a terminal, in a job and of a URL a trusted commit."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from model_stage_deploy.adapters.git_source import GitSource
from model_stage_deploy.core.errors import Invalid, MachineryFailed
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.faces.settings import Settings
from model_stage_deploy.flows.context import Configuration
from model_stage_deploy.ports import Trusted

CONFIG_PATHS = (".github/model-stages.yml", ".github/model-stages.yaml", "model-stages.yml", "model-stages.yaml")


class Configurations:
    """Reads the mapping from the trusted place, once a place."""

    def __init__(self, settings: Settings, source: GitSource, *, trusted: bool) -> None:
        self._settings = settings
        self._source = source
        self._from_ref = trusted or bool(settings.config_ref)
        self._read: dict[str, Configuration | Invalid] = {}

    def __call__(self, tagged_commit: str | None) -> Configuration:
        """Raises Invalid (mapping-not-found, mapping-invalid), MachineryFailed (git-failed)."""
        if not self._from_ref:
            return self._cached("", self._from_working_tree)
        ref = self._settings.config_ref
        if ref == "tag":
            if tagged_commit is None:
                raise Invalid(
                    Reason.USAGE, "config-ref `tag` needs a tag, and there is none here", hint="name a branch instead"
                )
            return self._cached(tagged_commit, lambda: self._from_commit(tagged_commit, "the tagged commit"))
        commit = self._source.commit_of(ref or None)
        return self._cached(commit, lambda: self._from_commit(commit, ref or "the default branch"))

    def _cached(self, key: str, read: Callable[[], Configuration]) -> Configuration:
        if key not in self._read:
            try:
                self._read[key] = read()
            except Invalid as problem:
                self._read[key] = problem  # nor is a thousand times looked for what is not there
        found = self._read[key]
        if isinstance(found, Invalid):
            raise found.with_traceback(None)
        return found

    def _from_working_tree(self) -> Configuration:
        local = self._source.local
        top = local.top if local is not None else Path.cwd()
        given = self._settings.config
        candidates = [Path(given), top / given] if given else [top / path for path in CONFIG_PATHS]
        for path in candidates:
            if path.is_file():
                shown = str(path.relative_to(top)) if path.is_relative_to(top) else str(path)
                return self._configuration(path.read_bytes(), shown, shown, lambda: top, partial(_file_below, top))
        raise _not_found(given, f"the working tree {top}")

    def _from_commit(self, commit: str, place: str) -> Configuration:
        for path in (self._settings.config,) if self._settings.config else CONFIG_PATHS:
            text = self._source.read_file(commit, path)
            if text is not None:
                label = f"{path} at {place} ({commit[:12]})"
                return self._configuration(
                    text,
                    path,
                    label,
                    _once(lambda: self._source.checkout(commit)),
                    lambda name: self._source.read_file(commit, name),
                )
        raise _not_found(self._settings.config, f"{place} (commit {commit[:12]})")

    @staticmethod
    def _configuration(text: bytes, file: str, label: str, files: Callable[[], Path], read: Trusted) -> Configuration:
        from model_stage_deploy.adapters.jinja_templates import JinjaTemplates
        from model_stage_deploy.adapters.mapping_yaml import load_mapping
        from model_stage_deploy.deployers import catalogue

        return Configuration(load_mapping(text, file, catalogue.known(), JinjaTemplates()), label, files, read)


def _file_below(top: Path, path: str) -> bytes | None:
    """A file of the working tree; None for none, and for one that leads out of it."""
    found = (top / path).resolve()
    if not found.is_relative_to(top.resolve()) or not found.is_file():
        return None
    try:
        return found.read_bytes()
    except OSError as problem:
        raise MachineryFailed(Reason.GIT_FAILED, f"{path} cannot be read: {problem.strerror}") from problem


def _once(make: Callable[[], Path]) -> Callable[[], Path]:
    made: list[Path] = []

    def get() -> Path:
        if not made:
            made.append(make())
        return made[0]

    return get


def _not_found(given: str, place: str) -> Invalid:
    return Invalid(
        Reason.MAPPING_NOT_FOUND,
        f"there is no {given or ' or '.join(CONFIG_PATHS[::2])} in {place}",
        hint="write one with `python -m model_stage_deploy init` and commit it there, or name it with --config",
    )
