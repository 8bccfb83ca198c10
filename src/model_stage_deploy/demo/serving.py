"""The demo's registry in a browser, with its two servers alive: what is assigned and deployed there really happens."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from model_stage_deploy.core.errors import Invalid, MachineryFailed
from model_stage_deploy.core.lifecycle import now_running
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.demo.chapters import UNLOADABLE
from model_stage_deploy.demo.kept import alone, log_of, mark, marked_port
from model_stage_deploy.demo.receiver import Receiver
from model_stage_deploy.demo.repository import ENVIRONMENTS, Repository, environment, staging_file
from model_stage_deploy.demo.story import new_secret, tell
from model_stage_deploy.faces.arguments import parse, run_of

_MODELS = ("churn", "fraud")
_FIRST = "Making a registry to look at: the story of `demo` is played without telling it. A quarter of a minute …"


def serve(keep: str, options: Sequence[str]) -> int:
    """Serve the pages of a kept demo, made first where there is none; "" for one that goes when this ends.

    `options` are those of `serve`. The exit code of serving. Raises Invalid (usage) where the directory is not empty
    and no demo's, MachineryFailed.
    """
    with _registry(keep) as directory, alone(directory):
        secret = new_secret()
        with _servers(directory, secret) as receiver:
            Repository(directory, receiver.port).move(receiver.port)
            mark(directory, receiver.port)
            with _as_ada(secret):
                given = parse(["serve", "--repo", str(directory), "--no-github", *options])
                return run_of("serve")(given)


@contextmanager
def _registry(keep: str) -> Iterator[Path]:
    if not keep:
        with tempfile.TemporaryDirectory(prefix="model-stage-deploy-demo-") as directory:
            _make(str(Path(directory, "demo-registry")))
            yield Path(directory, "demo-registry")
        return
    place = Path(keep).resolve()
    if marked_port(place) is None:
        _make(keep)
    yield place


def _make(keep: str) -> None:
    sys.stderr.write(f"{_FIRST}\n")
    sys.stderr.flush()
    if tell(keep=keep, quiet=True):
        raise MachineryFailed(
            Reason.INTERNAL_ERROR, "the demo did not go as it must", hint="see: demo, without --serve"
        )


def _servers(directory: Path, secret: str) -> Receiver:
    """The demo's servers, serving what the records say; at the port that the mapping has, if that is free."""
    live = {model: version for model in _MODELS if (version := _recorded(directory, model))}
    for port in (marked_port(directory) or 0, 0):
        try:
            return Receiver(secret, staging_file(directory), {UNLOADABLE}, port=port, production=live)
        except OSError as problem:
            if not port:
                raise Invalid(Reason.USAGE, f"no port can be had: {problem.strerror}") from problem
    raise AssertionError


def _recorded(directory: Path, model: str) -> str:
    running = now_running(log_of(directory).records(model, "prod", ENVIRONMENTS["prod"], limit=10))
    return running.version if running else ""


@contextmanager
def _as_ada(secret: str) -> Iterator[None]:
    """Our environment is what a deployment from the page gets: the story's, with the secret of its production."""
    before = dict(os.environ)
    for name in before.keys() - environment().keys():
        del os.environ[name]
    os.environ.update(DEMO_HOOK_SECRET=secret, GITHUB_ACTOR="ada")
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
