"""A check run: how a commit's page tells what became of a run, with remarks at the lines of its files. Plain facts."""

from __future__ import annotations

from typing import Literal, NamedTuple

from model_stage_deploy.core.errors import Mistake

Conclusion = Literal["success", "failure", "neutral", "cancelled"]


class CheckRun(NamedTuple):
    """One check run, ended. `name` says what it is about: MODEL/STAGE, or `check` for the mapping. `commit` is an id;
    `summary` is Markdown; `url` is where the run's log is.

    `mistakes` become annotations of the level that `conclusion` asks for. Texts hold no secret.
    """

    name: str
    commit: str
    conclusion: Conclusion
    title: str
    summary: str
    url: str = ""
    mistakes: tuple[Mistake, ...] = ()
