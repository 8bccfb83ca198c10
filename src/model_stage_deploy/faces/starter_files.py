"""`init`: a commented mapping file and a workflow, written where they belong."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.reasons import Reason

_STARTER = {
    ".github/model-stages.yml": "model-stages.yml",
    ".github/workflows/deploy-on-tag.yml": "deploy-on-tag.yml",
}


def write_starter(repo: str, *, force: bool) -> list[str]:
    """Write both files below `repo`; their paths. Raises Invalid (usage) where one is there, without `force`,
    or cannot be written; Invalid (not-a-repository)."""
    top = Path(repo)
    if not top.is_dir():
        raise Invalid(Reason.NOT_A_REPOSITORY, f"there is no directory {repo!r}")
    there = [path for path in _STARTER if (top / path).exists()]
    if there and not force:
        raise Invalid(Reason.USAGE, f"{' and '.join(there)} exist already", hint="to replace them, use --force")
    for path, name in _STARTER.items():
        target = top / path
        text = files("model_stage_deploy.starter").joinpath(name).read_text(encoding="utf-8")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        except OSError as problem:
            raise Invalid(Reason.USAGE, f"{path} cannot be written: {problem.strerror}") from problem
    return list(_STARTER)
