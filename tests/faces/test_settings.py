"""Inputs as the runner hands them over: hyphens kept, defaults filled in, mistakes told."""

from __future__ import annotations

import pytest

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.faces.settings import ACTION_COMMANDS, INPUTS, OUTPUTS, Settings, from_inputs


def test_nothing_given_is_the_defaults() -> None:
    assert from_inputs({}) == Settings(command="deploy")


def test_every_input_is_read_by_its_own_name() -> None:
    given = {
        "INPUT_COMMAND": "rollback",
        "INPUT_TAG": "churn#prod#4",
        "INPUT_MODEL": "fraud/eu",
        "INPUT_STAGE": "prod",
        "INPUT_TO": "v1.0.0",
        "INPUT_TARGET": "eu-west,us",
        "INPUT_WAVE": "2",
        "INPUT_SHARD": "2/8",
        "INPUT_SPREAD": "4",
        "INPUT_SHARDS": "20",
        "INPUT_PLANNED": "{}",
        "INPUT_FORCE": "true",
        "INPUT_OVERRIDE": "incident 42",
        "INPUT_WAIT": "10m",
        "INPUT_NO-LOCK": "true",
        "INPUT_WRITE-TAG": "false",
        "INPUT_CONFIG": "a/b.yml",
        "INPUT_CONFIG-REF": "tag",
        "INPUT_DRY-RUN": "true",
        "INPUT_APPLY": "true",
        "INPUT_SETTINGS": "true",
        "INPUT_CHECK-RUN": "true",
        "INPUT_NO-GITHUB": "true",
        "INPUT_RECORDS": "log",
        "INPUT_REPO": "models",
        "INPUT_SECRETS": "KEY=only-for-tests",
        "INPUT_TOKEN": "ghs_x",
    }
    settings = from_inputs(given)

    assert set(given) == {f"INPUT_{entry.name.upper()}" for entry in INPUTS}
    assert settings.token is not None
    assert settings.token.reveal() == "ghs_x"
    assert settings.secrets is not None
    assert settings.secrets.reveal() == "KEY=only-for-tests"
    assert "ghs_x" not in repr(settings)
    assert "only-for-tests" not in repr(settings)
    plain = [
        getattr(settings, entry.name.replace("-", "_")) for entry in INPUTS if entry.name not in ("secrets", "token")
    ]
    assert plain == [
        "rollback",
        "churn#prod#4",
        "fraud/eu",
        "prod",
        "v1.0.0",
        "eu-west,us",
        "2",
        "2/8",
        4,
        20,
        "{}",
        True,
        "incident 42",
        600.0,
        True,
        False,
        "a/b.yml",
        "tag",
        True,
        True,
        True,
        True,
        True,
        "log",
        "models",
    ]


def test_a_number_is_a_whole_one() -> None:
    assert (from_inputs({}).spread, from_inputs({}).shards) == (0, 0)
    for text in ("-1", "1.5", "two", "²", "1000000"):
        with pytest.raises(Invalid, match="input shards is"):
            from_inputs({"INPUT_SHARDS": text})


@pytest.mark.parametrize(("written", "seconds"), [("", None), ("0", 0.0), ("90s", 90.0), ("1h", 3600.0)])
def test_how_long_another_deployment_is_waited_for(written: str, seconds: float | None) -> None:
    assert from_inputs({"INPUT_WAIT": written}).wait == seconds


def test_a_wait_that_is_no_time_is_refused() -> None:
    with pytest.raises(Invalid) as wrong:
        from_inputs({"INPUT_WAIT": "soon"})
    assert wrong.value.reason is Reason.USAGE
    assert "soon" in wrong.value.message


def test_surrounding_space_and_empty_texts_mean_the_default() -> None:
    settings = from_inputs({"INPUT_COMMAND": "  ", "INPUT_TAG": " churn#prod ", "INPUT_DRY-RUN": "", "INPUT_TOKEN": ""})
    assert (settings.command, settings.tag, settings.dry_run, settings.token) == ("deploy", "churn#prod", False, None)


def test_underscores_are_not_how_the_runner_writes_hyphens() -> None:
    assert from_inputs({"INPUT_DRY_RUN": "true"}).dry_run is False


def test_the_token_may_come_from_the_environment_but_the_input_wins() -> None:
    both = from_inputs({"INPUT_TOKEN": "input", "GITHUB_TOKEN": "environment"}).token
    fallen_back = from_inputs({"GITHUB_TOKEN": "environment"}).token
    assert both is not None
    assert fallen_back is not None
    assert (both.reveal(), fallen_back.reveal()) == ("input", "environment")


@pytest.mark.parametrize("value", ["TRUE", "True", "true"])
@pytest.mark.parametrize("name", ["force", "dry-run", "no-github"])
def test_switches_are_true_in_any_case(name: str, value: str) -> None:
    assert getattr(from_inputs({f"INPUT_{name.upper()}": value}), name.replace("-", "_")) is True


@pytest.mark.parametrize("value", ["yes", "1", "on", "tru", "true;", "${{ true }}", "x" * 10_000])
@pytest.mark.parametrize("name", ["force", "dry-run", "no-github"])
def test_another_word_for_a_switch_is_a_mistake_and_not_a_guess(name: str, value: str) -> None:
    with pytest.raises(Invalid) as caught:
        from_inputs({f"INPUT_{name.upper()}": value})
    assert caught.value.reason is Reason.USAGE
    assert f"input {name} is" in caught.value.message
    assert caught.value.hint == "write true or false"
    assert len(caught.value.message) < 200


@pytest.mark.parametrize("command", ["explode", "Deploy", "deploy --force", "show", "\n::error::x", "x" * 10_000])
def test_an_unknown_command_is_told_which_there_are(command: str) -> None:
    with pytest.raises(Invalid) as caught:
        from_inputs({"INPUT_COMMAND": command})
    assert caught.value.reason is Reason.USAGE
    assert all(known in caught.value.hint for known in ACTION_COMMANDS)
    assert len(caught.value.message) < 200
    assert "\n" not in caught.value.message


def test_names_are_kebab_case_and_told_apart() -> None:
    for table in (INPUTS, OUTPUTS):
        names = [entry.name for entry in table]
        assert len(set(names)) == len(names)
        assert all(name == name.lower() and "_" not in name and " " not in name for name in names)
        assert all(entry.help.endswith(".") for entry in table)


def test_the_outputs_of_gto_action_come_first_and_keep_their_names() -> None:
    assert [entry.name for entry in OUTPUTS][:7] == [
        *("event", "name", "version", "stage", "type", "path", "description"),
    ]
