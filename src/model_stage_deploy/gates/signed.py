"""The gate `signed`: the tag that decided is signed by somebody who is listed. What is signed is that very object."""

from __future__ import annotations

from typing import ClassVar

from model_stage_deploy.core.errors import Invalid, MachineryFailed
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.model import TagRecord
from model_stage_deploy.core.policy import Signed as Rule
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.stored import Signature
from model_stage_deploy.core.verdict import Verdict, failed, passed
from model_stage_deploy.gates.contract import Case
from model_stage_deploy.ports import Signatures, Trusted

Facts = Signature | str
"""The good signature, or why there is none, as a sentence."""


class Signed:
    """Fulfils the contract of gates."""

    name: ClassVar[str] = "signed"

    def __init__(self, signatures: Signatures, trusted: Trusted) -> None:
        self._signatures = signatures
        self._trusted = trusted

    def facts(self, rule: Rule, case: Case) -> Facts:
        """Check the signature of the tag. Raises MachineryFailed, Invalid (mapping-invalid)."""
        if case.tag is None:
            raise MachineryFailed(
                Reason.GATE_UNKNOWN,
                "no tag is known that says so, and a signature is of a tag",
                hint="promote the version by a signed tag",
            )
        if _wrong_kind(case.tag) is not None:
            return ""
        if rule.allowed_signers is None and rule.gpg_keys is None:
            raise Invalid(
                Reason.MAPPING_INVALID,
                "`signed` lists nobody",
                hint="name a file: `signed: {allowed-signers: .github/allowed-signers}`, or `gpg-keys:`",
            )
        return self._signatures.check(
            case.tag,
            allowed_signers=self._file(rule.allowed_signers, "allowed-signers"),
            gpg_keys=self._file(rule.gpg_keys, "gpg-keys"),
        )

    def _file(self, path: str | None, key: str) -> bytes | None:
        if path is None:
            return None
        found = self._trusted(path)
        if found is None:
            raise Invalid(
                Reason.MAPPING_INVALID,
                f"`signed: {{{key}: {one_line(path, 200)}}}` names a file that is not where the mapping is",
                hint=f"commit {one_line(path, 200)} to the branch that the mapping is read from",
            )
        return found

    @staticmethod
    def judge(rule: Rule, facts: Facts, case: Case) -> Verdict:
        """A good signature of one who is listed, on a plain tag object of that name."""
        tag = case.tag
        if tag is None:
            return failed("signed", "no-tag", "no tag is known that could be signed", "promote it by a signed tag")
        name = one_line(tag.name, 200)
        wrong = _wrong_kind(tag)
        if wrong is not None:
            return failed("signed", wrong[0], f"the tag {name} {wrong[1]}", _hint(case), tag=tag.name)
        if isinstance(facts, str):
            told = one_line(facts, 500) or "is not signed"
            return failed("signed", "not-good", f"the tag {name} {told}", _hint(case), tag=tag.name)
        if (rule.allowed_signers if facts.kind == "ssh" else rule.gpg_keys) is None:
            return failed(
                "signed", "not-good", f"the tag {name} is signed in a way that the mapping does not list", _hint(case)
            )
        return passed(
            "signed",
            f"the tag {name} is signed by {one_line(facts.signer, 200)} ({facts.kind}, {one_line(facts.key, 200)})",
            tag=tag.name,
            object=tag.object_id,
            signer=facts.signer,
            key=facts.key,
            kind=facts.kind,
        )


def _wrong_kind(tag: TagRecord) -> tuple[str, str] | None:
    """What no signature could make good: B5, B6."""
    if not tag.annotated:
        return "lightweight", "is lightweight: there is no object that could be signed"
    if tag.nested:
        return "nested", "is on another tag, not on a commit: its signature says nothing about the commit (B5)"
    if tag.inner_name != tag.name:
        return "mismatched", f"is an object that was made and signed for {one_line(tag.inner_name or '', 200)} (B6)"
    return None


def _hint(case: Case) -> str:
    decision = case.decision
    return (
        f"make a new tag, signed with a key that is listed: python -m model_stage_deploy promote '{decision.model}' "
        f"--version '{decision.version}' --to '{decision.stage}' --sign --push --force"
    )
