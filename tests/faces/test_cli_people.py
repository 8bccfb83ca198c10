"""Who signed, who tagged, who may override: the command line tells every reason, and a hint to paste."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faces.command_lines import Done, run
from tests.standins.registries import GitRepository
from tests.standins.signing import SshKey, signed_tag

MAPPING = """\
version: 1
stages:
  prod:
    deploy: {run: echo deployed}
    gates:
      signed: {allowed-signers: .github/allowed-signers}
      people: {taggers: [ada@example.com]}
      override: {by: [ada]}
"""


@pytest.fixture
def key(tmp_path: Path) -> SshKey:
    return SshKey.make(tmp_path / "key")


@pytest.fixture
def registry(tmp_path: Path, key: SshKey) -> GitRepository:
    made = GitRepository(tmp_path / "registry")
    line = key.line("ada@example.com", 'namespaces="git"')
    made.commit({".github/model-stages.yml": MAPPING, ".github/allowed-signers": line})
    made.tag("churn@v1.0.0")
    return made


def deploy(registry: GitRepository, tag: str, *more: str, actor: str = "") -> Done:
    return run(registry.path, "deploy", tag, "--no-github", *more, env={"GITHUB_ACTOR": actor} if actor else {})


def test_an_unsigned_tag_is_refused_and_a_signed_one_is_deployed(registry: GitRepository, key: SshKey) -> None:
    registry.tag("churn#prod#1")
    refused = deploy(registry, "churn#prod#1")
    assert refused.exit_code == 3 and "gates-refused" in refused.out + refused.err
    assert "the tag churn#prod#1 is not signed" in refused.err + refused.out
    assert "promote 'churn' --version 'v1.0.0' --to 'prod' --sign --push --force" in refused.err + refused.out

    registry.moment += 60
    signed_tag(registry, "churn#prod#2", key.settings, {})
    done = deploy(registry, "churn#prod#2")
    assert done.exit_code == 0, done.err
    assert "is signed by ada@example.com (ssh, ED25519 SHA256:" in done.out


def test_every_reason_is_told_at_once(registry: GitRepository) -> None:
    registry.tag("churn#prod#1", tagger=("Eve", "eve@example.com"))
    refused = deploy(registry, "churn#prod#1")
    words = refused.err + refused.out
    assert refused.exit_code == 3
    assert "is not signed" in words and "eve@example.com made the tag churn#prod#1; ada@example.com may" in words


def test_only_those_who_are_listed_override_and_loudly(registry: GitRepository) -> None:
    registry.tag("churn#prod#1")
    refused = deploy(registry, "churn#prod#1", "--override", "urgent", actor="eve")
    assert (
        refused.exit_code == 3 and "eve may not override the gates of this stage; ada may" in refused.err + refused.out
    )
    nobody = deploy(registry, "churn#prod#1", "--override", "urgent")
    assert nobody.exit_code == 3

    done = deploy(registry, "churn#prod#1", "--override", "the old one answers with errors", actor="ada")
    assert done.exit_code == 0, done.err
    assert "GATES OVERRIDDEN: by ada, because: the old one answers with errors" in done.err + done.out
