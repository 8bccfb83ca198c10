"""The tag that decided is signed by somebody who is listed; the checking itself is that of the adapter's tests."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from model_stage_deploy.core.errors import Invalid, MachineryFailed
from model_stage_deploy.core.model import TagRecord
from model_stage_deploy.core.policy import Signed as Rule
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.stored import Signature
from model_stage_deploy.core.verdict import Verdict
from model_stage_deploy.gates.signed import Signed
from tests.gates.judged import TROUBLE, a_case, a_tag, judged

GOOD = Signature("ada@example.com", "ED25519 SHA256:abc", "ssh")
FILES = {".github/allowed-signers": b"ada@example.com ssh-ed25519 AAAA\n", ".github/keys.asc": b"keys"}
SSH = Rule.model_construct(allowed_signers=".github/allowed-signers", gpg_keys=None)
BOTH = Rule.model_construct(allowed_signers=".github/allowed-signers", gpg_keys=".github/keys.asc")


def trusted(path: str) -> bytes | None:
    return FILES.get(path)


def nothing(path: str) -> bytes | None:
    del path
    return None


@dataclass
class Told:
    """Fulfils ports.Signatures with one answer; remembers what it was given."""

    answer: Signature | str | MachineryFailed
    given: list[tuple[str, bytes | None, bytes | None]] = field(default_factory=list)

    def check(self, tag: TagRecord, *, allowed_signers: bytes | None, gpg_keys: bytes | None) -> Signature | str:
        self.given.append((tag.object_id, allowed_signers, gpg_keys))
        if isinstance(self.answer, MachineryFailed):
            raise self.answer
        return self.answer


def said(answer: Signature | str, rule: Rule = SSH, tag: TagRecord | None = None) -> Verdict:
    return judged(Signed(Told(answer), trusted), rule, a_case(tag=tag or a_tag()))


def test_a_good_signature_passes_and_is_told() -> None:
    told = Told(GOOD)
    verdict = judged(Signed(told, trusted), BOTH, a_case())
    assert verdict.passed
    assert verdict.sentence == "the tag churn#prod#4 is signed by ada@example.com (ssh, ED25519 SHA256:abc)"
    assert verdict.facts["signer"] == "ada@example.com" and verdict.facts["object"] == "a" * 40
    assert told.given == [("a" * 40, FILES[".github/allowed-signers"], b"keys")]


def test_a_signature_that_does_not_count_is_refused_with_its_reason() -> None:
    verdict = said("is signed by the key ED25519 SHA256:x, which `allowed-signers` does not list")
    assert verdict.code == "signed-not-good"
    assert verdict.sentence.startswith("the tag churn#prod#4 is signed by the key ED25519 SHA256:x, which")
    assert "promote 'churn' --version 'v2.0.0' --to 'prod' --sign --push --force" in verdict.hint


@pytest.mark.parametrize(
    ("tag", "code", "words"),
    [
        (a_tag(annotated=False), "signed-lightweight", "is lightweight"),
        (a_tag(nested=True), "signed-nested", "is on another tag"),
        (a_tag(inner_name="churn#staging#1"), "signed-mismatched", "was made and signed for churn#staging#1"),
        (a_tag(inner_name=None), "signed-mismatched", "was made and signed for"),
    ],
)
def test_no_signature_makes_an_odd_tag_good(tag: TagRecord, code: str, words: str) -> None:
    told = Told(GOOD)
    verdict = judged(Signed(told, trusted), SSH, a_case(tag=tag))
    assert verdict.code == code and words in verdict.sentence
    assert told.given == [], "it is not even looked at"


def test_a_kind_that_the_mapping_does_not_list_is_refused() -> None:
    assert not said(Signature("ada@example.com", "ABCD", "gpg")).passed
    assert said(Signature("ada@example.com", "ABCD", "gpg"), BOTH).passed


def test_without_a_tag_nobody_knows() -> None:
    with pytest.raises(MachineryFailed) as caught:
        Signed(Told(GOOD), trusted).facts(SSH, a_case(tag=None))
    assert caught.value.reason is Reason.GATE_UNKNOWN
    assert not Signed.judge(SSH, GOOD, a_case(tag=None)).passed


def test_files_that_are_missing_or_not_named_are_mistakes() -> None:
    with pytest.raises(Invalid, match="names a file that is not where the mapping is"):
        Signed(Told(GOOD), nothing).facts(SSH, a_case())
    with pytest.raises(Invalid, match="lists nobody"):
        Signed(Told(GOOD), nothing).facts(Rule.model_construct(allowed_signers=None, gpg_keys=None), a_case())


def test_what_cannot_be_checked_is_no_yes() -> None:
    with pytest.raises(MachineryFailed, match="500"):
        Signed(Told(TROUBLE), trusted).facts(SSH, a_case())


def test_hostile_words_are_shown_inert() -> None:
    verdict = said("is signed by \x1b[2J\n::error::x")
    assert "\\e[2J\\n::error::x" in verdict.sentence
