"""doctor: what is wrong with a registry, and what to do about each."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from model_stage_deploy.core.health import NotChecked
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.tags import require_model_name
from model_stage_deploy.faces.opening import is_url, read_tags, token_for
from model_stage_deploy.faces.printing import print_page

if TYPE_CHECKING:
    from model_stage_deploy.adapters.git_surroundings import CloneSurroundings, RemoteSurroundings
    from model_stage_deploy.core.mapping import StageMap


def _arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", nargs="?", default="", help="the tags of one model only")
    command.add_argument("--errors-only", action="store_true", help="exit with 0 where there are warnings only")


def _doctor(given: argparse.Namespace) -> int:
    """Everything that is wrong, errors first. Raises what `read_tags` raises, Invalid (usage)."""
    from model_stage_deploy.adapters.system_clock import SystemClock
    from model_stage_deploy.flows.doctor import examine
    from model_stage_deploy.report import health

    model = require_model_name(given.model) if given.model else None
    records = list(read_tags(given.repo, model, os.environ, details=True))
    with _surroundings(given.repo, os.environ) as around:
        examined = examine(
            records,
            around,
            now=SystemClock().now(),
            allowed_stages=lambda: _allowed_stages(around, os.environ),
            mapping=lambda: _mapping(around),
            model=given.model,
        )
    print_page(health.document(examined), health.page(examined), as_json=given.json)
    count = examined.errors if given.errors_only else len(examined.findings)
    return (Reason.FINDINGS if count else Reason.HEALTHY).exit_code


@contextmanager
def _surroundings(repo: str, environ: Mapping[str, str]) -> Iterator[CloneSurroundings | RemoteSurroundings]:
    from model_stage_deploy.adapters.git_repository import GitRepository
    from model_stage_deploy.adapters.git_surroundings import CloneSurroundings, RemoteSurroundings

    if not is_url(repo):
        yield CloneSurroundings(GitRepository.open(repo or "."), lambda url: token_for(url, environ))
        return
    import shutil

    from model_stage_deploy.adapters.git_scratch import ScratchRepository

    scratch = ScratchRepository.create(repo, token_for(repo, environ))
    try:
        yield RemoteSurroundings(scratch)
    finally:
        shutil.rmtree(scratch.directory, ignore_errors=True)


def _mapping(around: CloneSurroundings | RemoteSurroundings) -> StageMap:
    """The mapping of the working tree. Raises NotChecked where there is none, MappingInvalid."""
    from model_stage_deploy.adapters.jinja_templates import JinjaTemplates
    from model_stage_deploy.adapters.mapping_yaml import load_mapping
    from model_stage_deploy.deployers import catalogue
    from model_stage_deploy.faces.configurations import CONFIG_PATHS

    for path in CONFIG_PATHS:
        text = around.read_file(path)
        if text is not None:
            return load_mapping(text, path, catalogue.known(), JinjaTemplates())
    raise NotChecked("there is no mapping file")


def _allowed_stages(
    around: CloneSurroundings | RemoteSurroundings, environ: Mapping[str, str]
) -> tuple[str, ...] | None:
    """The stages that `.gto` and `GTO_STAGES` allow. Raises NotChecked, Invalid (gto-config-invalid)."""
    from model_stage_deploy.adapters.gto_config_yaml import parse_config
    from model_stage_deploy.core.gto_config import FILE, read_config

    text = around.read_file(FILE)
    if text is None and not any(name.lower().startswith("gto_") for name in environ):
        raise NotChecked(f"there is no {FILE}")
    return read_config(None if text is None else parse_config(text), environ).stages


ARGUMENTS = {"doctor": _arguments}
RUN = {"doctor": _doctor}
