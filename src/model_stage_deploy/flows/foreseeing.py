"""The registry with a tag in it that is not there yet, and the gates as they can be asked before it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from model_stage_deploy.core.model import TagRecord
from model_stage_deploy.core.verdict import Verdict, failed, unknown
from model_stage_deploy.core.writing import NewTag
from model_stage_deploy.flows.context import Configuration
from model_stage_deploy.gates.contract import Case, Gate
from model_stage_deploy.ports import Repository

_NOT_YET = "0" * 40  # the id of a tag object that nobody has made


class Hand(NamedTuple):
    """By whose hand tags are made: `name` and `email` as git knows them ("" where it does not), and whether signed."""

    name: str = ""
    email: str = ""
    signs: bool = False

    @property
    def known(self) -> bool:
        """Whether git would make a tag at all."""
        return bool(self.name and self.email)


def as_made(tag: NewTag, hand: Hand) -> TagRecord:
    """The tag as Git would store it. Its object is not made, so nothing can be said of its signature."""
    return TagRecord(
        name=tag.name,
        object_id=_NOT_YET,
        annotated=True,
        commit=tag.commit,
        time=tag.time,
        tagger=hand.name,
        email=hand.email,
        message=tag.message,
        inner_name=tag.name,
    )


class AsThough:
    """The repository with tags that are not there yet; its files and commits are as they are."""

    def __init__(self, repository: Repository, records: Sequence[TagRecord]) -> None:
        self._repository = repository
        self._records = records

    def tags(
        self,
        model: str | None,  # noqa: ARG002 - the records are of the one model that is asked for
        *,
        wanted: str | None = None,  # noqa: ARG002
        fresh: bool = False,  # noqa: ARG002
    ) -> Sequence[TagRecord]:
        """See the port."""
        return self._records

    def commit_of(self, ref: str | None) -> str:
        """See the port."""
        return self._repository.commit_of(ref)

    def read_file(self, commit: str, path: str) -> bytes | None:
        """See the port."""
        return self._repository.read_file(commit, path)

    def read_files(self, asked: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], bytes | None]:
        """See the port."""
        return self._repository.read_files(asked)

    def checkout(self, commit: str) -> Path:
        """See the port."""
        return self._repository.checkout(commit)

    def is_reachable(self, commit: str, branch: str) -> bool | None:
        """See the port."""
        return self._repository.is_reachable(commit, branch)


class GatesBefore:
    """The gates as they can be asked before the tag is there: all but that for its signature."""

    def __init__(self, gate: Callable[[str, Configuration], Gate], hand: Hand) -> None:
        self._gate = gate
        self._hand = hand

    def __call__(self, name: str, configuration: Configuration) -> Gate:
        """A gate by its name."""
        if name != "signed":
            return self._gate(name, configuration)
        return _WillBeSigned() if self._hand.signs else _WillNotBeSigned()


class _WillBeSigned:
    """`signed` of a tag that will be signed: by whom, and whether that one is listed, is asked of the tag itself."""

    name: ClassVar[str] = "signed"

    def facts(self, rule: Any, case: Case) -> None:
        """Nothing can be known."""

    @staticmethod
    def judge(rule: Any, facts: Any, case: Case) -> Verdict:  # noqa: ARG004 - the contract's arguments
        """Never a yes."""
        return unknown(
            "signed",
            "asked of the tag itself once it is made: whether the key that signs it is listed",
            "the deployment looks at the signature",
        )


class _WillNotBeSigned:
    """`signed` of a tag that nobody signs."""

    name: ClassVar[str] = "signed"

    def facts(self, rule: Any, case: Case) -> None:
        """Nothing is to be asked."""

    @staticmethod
    def judge(rule: Any, facts: Any, case: Case) -> Verdict:  # noqa: ARG004 - the contract's arguments
        """A no."""
        decision = case.decision
        return failed(
            "signed",
            "not-good",
            "the stage asks for a signed tag, and this one would not be signed",
            "serve the page with --sign, or at a terminal: python -m model_stage_deploy promote "
            f"'{decision.model}' --version '{decision.version}' --to '{decision.stage}' --sign --push",
        )
