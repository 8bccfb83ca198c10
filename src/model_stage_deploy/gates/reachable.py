"""The gate `reachable-from`: the commit is on a protected branch, so that nobody deploys what no one reviewed (T47)."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from model_stage_deploy.core.errors import ModelStageError
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.verdict import Verdict, failed, passed, unknown
from model_stage_deploy.gates.contract import Case
from model_stage_deploy.ports import Forge, Repository

_PREFIX = "refs/heads/"


class Branch(NamedTuple):
    """What is known of one branch: whether it contains the commit (None: there is no such branch), and whether it is
    protected (None: nobody could be asked, or it does not matter)."""

    name: str
    contains: bool | None
    protected: bool | None = None


class ReachableFrom:
    """Fulfils the contract of gates."""

    name: ClassVar[str] = "reachable-from"

    def __init__(self, repository: Repository, forge: Forge | None) -> None:
        self._repository = repository
        self._forge = forge

    def facts(self, rule: list[str], case: Case) -> tuple[Branch, ...]:
        """Look at the branches in their order, up to the first that suffices.

        Raises MachineryFailed where none suffices and one could not be looked at.
        """
        found: list[Branch] = []
        trouble: ModelStageError | None = None
        for text in rule:
            try:
                found.append(self._look(text.removeprefix(_PREFIX), case.decision.commit))
            except ModelStageError as problem:
                trouble = trouble or problem
                continue
            if found[-1].protected:
                return tuple(found)
        if trouble is not None:
            raise trouble
        return tuple(found)

    def _look(self, branch: str, commit: str) -> Branch:
        contains = self._repository.is_reachable(commit, branch)
        if not contains or self._forge is None:
            return Branch(branch, contains)
        return Branch(branch, True, self._forge.is_protected(branch))

    @staticmethod
    def judge(rule: list[str], facts: tuple[Branch, ...], case: Case) -> Verdict:
        """One protected branch that contains the commit is enough."""
        commit = case.decision.commit
        named = {text.removeprefix(_PREFIX) for text in rule}
        facts = tuple(branch for branch in facts if branch.name in named)
        good = [branch for branch in facts if branch.contains and branch.protected]
        if good:
            name = one_line(good[0].name, 200)
            return passed("reachable-from", f"commit {commit[:12]} is on {name}, which is protected", branch=name)
        unseen = [branch for branch in facts if branch.contains and branch.protected is None]
        if unseen:
            names = _names(unseen)
            return unknown(
                "reachable-from",
                f"commit {commit[:12]} is on {names}; whether that is protected is for the code host to say, "
                "and it cannot be asked",
                "give it a token of the code host, and the repository",
            )
        return _refused(facts, commit)


def _refused(facts: tuple[Branch, ...], commit: str) -> Verdict:
    on = [branch for branch in facts if branch.contains]
    if on:
        return failed(
            "reachable-from",
            "unprotected",
            f"commit {commit[:12]} is on {_names(on)}, which is not protected: anybody who can push could put it there",
            "protect the branch: Settings > Rules > Rulesets, with `Require a pull request before merging`",
            commit=commit,
            branches=[branch.name for branch in on],
        )
    there = [branch for branch in facts if branch.contains is not None]
    if not there:
        return failed(
            "reachable-from",
            "no-branch",
            f"there is no branch {_names(facts)}, so commit {commit[:12]} is not on it",
            "name a branch that exists in `gates: {reachable-from: […]}`",
            commit=commit,
        )
    return failed(
        "reachable-from",
        "not-on-branch",
        f"commit {commit[:12]} is not on {_names(there)}",
        f"merge it into {one_line(there[0].name, 200)}, then register and promote the commit that is there",
        commit=commit,
        branches=[branch.name for branch in there],
    )


def _names(branches: list[Branch] | tuple[Branch, ...]) -> str:
    return " or ".join(one_line(branch.name, 200) for branch in branches)
