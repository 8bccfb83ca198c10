"""Which targets a run is about: what inputs and options say, and what they may not say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.faces.scoping import scope_of
from model_stage_deploy.faces.settings import Settings
from model_stage_deploy.flows.context import Scope


def test_without_a_word_a_run_is_about_all_targets() -> None:
    assert scope_of(Settings("deploy")) == Scope()
    assert scope_of(Settings("check")) == Scope()
    assert not Scope().is_part


@pytest.mark.parametrize(
    ("settings", "scope"),
    [
        (Settings("deploy", target="eu-west, us,eu-west"), Scope(targets=("eu-west", "us"))),
        (Settings("rollback", wave="2", shard=" 2/8"), Scope(wave=2, shard="2/8")),
        (Settings("deploy", shard="02/08"), Scope(shard="2/8")),
    ],
)
def test_a_part_of_them(settings: Settings, scope: Scope) -> None:
    assert scope_of(settings) == scope
    assert scope.is_part


def test_finish_is_about_all_of_them_and_deploys_to_none() -> None:
    assert scope_of(Settings("finish")) == Scope(finish=True)
    assert not Scope(finish=True).is_part


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (Settings("deploy", target=","), "target is ',', which names none"),
        (Settings("deploy", target="a b"), "'a b' is no name of a target"),
        (Settings("deploy", target="-x"), "'-x' is no name of a target"),
        (Settings("deploy", wave="0"), "wave is '0'"),
        (Settings("deploy", wave="-1"), "wave is '-1'"),
        (Settings("deploy", wave="²"), "wave is '²'"),
        (Settings("deploy", wave="9" * 5000), f"wave is '{'9' * 80}'"),
        (Settings("deploy", shard="9/8"), "shard is '9/8': a shard is written `2/8`: the second of eight"),
        (Settings("finish", wave="1"), "`wave` means nothing to the command finish"),
        (Settings("check", target="a"), "`target` means nothing to the command check"),
    ],
)
def test_what_cannot_be_is_a_mistake(settings: Settings, told: str) -> None:
    with pytest.raises(Invalid) as wrong:
        scope_of(settings)
    assert (wrong.value.reason, wrong.value.message) == (Reason.USAGE, told)
    assert wrong.value.hint


@given(st.text(max_size=30), st.text(max_size=10), st.text(max_size=10))
def test_whatever_is_written_there_is_a_scope_or_a_mistake(target: str, wave: str, shard: str) -> None:
    try:
        scope = scope_of(Settings("deploy", target=target, wave=wave, shard=shard))
    except Invalid as wrong:
        assert wrong.reason is Reason.USAGE
    else:
        assert scope.is_part == bool(target or wave or shard)
