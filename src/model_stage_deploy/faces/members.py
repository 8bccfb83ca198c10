"""Deployers, gates and verifiers with the ports that they ask for: the composition root's second half."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from model_stage_deploy.adapters.git_source import GitSource
    from model_stage_deploy.deployers.contract import Deployer
    from model_stage_deploy.flows.context import Configuration
    from model_stage_deploy.gates.contract import Gate
    from model_stage_deploy.mirrors.contract import Mirror
    from model_stage_deploy.ports import CodeHost, Forge
    from model_stage_deploy.verifiers.contract import Verifier


def _hands(stop: threading.Event) -> Mapping[str, object]:
    """What deployers and verifiers may ask for; `stop` ends what they do in other threads than the main one."""
    from model_stage_deploy.adapters.subprocesses import Subprocesses
    from model_stage_deploy.adapters.system_clock import SystemClock
    from model_stage_deploy.adapters.web_requests import RequestsWeb

    return {"process": Subprocesses(stop=stop), "web": RequestsWeb(stop=stop), "clock": SystemClock(stop)}


def deployers(stop: threading.Event) -> Callable[[str, Callable[[], Path]], Deployer]:
    """Finds and builds a deployer by its name."""
    from model_stage_deploy.deployers import catalogue

    def deployer(name: str, files: Callable[[], Path]) -> Deployer:
        return catalogue.build(catalogue.load(name, files() if name.startswith("./") else None), _hands(stop))

    return deployer


def verifiers(stop: threading.Event) -> Callable[[str], Verifier]:
    """Finds and builds a verifier by its kind."""

    def verifier(kind: str) -> Verifier:
        from model_stage_deploy.verifiers import catalogue

        return catalogue.build(catalogue.load(kind), _hands(stop))

    return verifier


def mirrors() -> Callable[[str], Mirror]:
    """Finds and builds a mirror by its name."""

    def mirror(name: str) -> Mirror:
        from model_stage_deploy.adapters.web_requests import RequestsWeb
        from model_stage_deploy.mirrors import catalogue
        from model_stage_deploy.mirrors.mlflow_api import ANSWER_BYTES

        return catalogue.build(catalogue.load(name), {"web": RequestsWeb(ANSWER_BYTES)})

    return mirror


def gates(source: GitSource, host: CodeHost | None, forge: Forge | None) -> Callable[[str, Configuration], Gate]:
    """Finds and builds a gate by its name; files of rules are read where the mapping is."""

    def gate(name: str, configuration: Configuration) -> Gate:
        from model_stage_deploy.adapters.documents import read_document
        from model_stage_deploy.adapters.git_signatures import GitSignatures
        from model_stage_deploy.gates import catalogue

        ports = {
            "repository": source,
            "host": host,
            "forge": forge,
            "signatures": GitSignatures(source),
            "trusted": configuration.read,
            "documents": read_document,
        }
        return catalogue.build(catalogue.load(name), ports)

    return gate
