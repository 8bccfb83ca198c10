"""What every mirror promises, asked of each of them. A new one is asked by itself."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from model_stage_deploy.core.policy_mirrors import Mirror as Settings
from model_stage_deploy.mirrors.catalogue import MIRRORS, build, load
from model_stage_deploy.mirrors.contract import Errand, Happened, Mirror, MirrorProblem
from model_stage_deploy.ports import WebProblem, WebResponse
from tests.fakes.plans import HOSTILE
from tests.fakes.web import FakeWeb

NAMES = sorted(MIRRORS)
SECRET = "hunter2 of mine"
VARIABLES = {"MLFLOW_TRACKING_URI": "https://mlflow.example.com", "MLFLOW_TRACKING_TOKEN": SECRET}

by_name = pytest.mark.parametrize("name", NAMES)
by_action = pytest.mark.parametrize("action", ["live", "taken-out"])


class Untouchable:
    """A port that must not be used."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was used")


def made(name: str, web: Any) -> Mirror:
    return build(load(name), {"web": web})


def settings(name: str, **more: Any) -> Settings:
    return Settings.model_validate({"uses": name, "model": "fraud", "alias": "prod", **more})


def test_the_mapping_knows_all_of_them() -> None:
    assert sorted(get_args(Settings.model_fields["uses"].annotation)) == NAMES


@by_name
def test_it_is_called_as_the_mapping_calls_it(name: str) -> None:
    assert load(name).uses == name


@by_name
@by_action
@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
def test_describing_touches_nothing_and_is_inert(name: str, action: Any, hostile: str) -> None:
    happened = Happened(action, "fraud", hostile, "prod")
    lines = made(name, Untouchable()).describe(happened, settings(name, tags={"t": hostile}))
    assert lines
    assert all(line.isprintable() for line in lines)


@by_name
@by_action
@pytest.mark.parametrize(
    "answer",
    [
        *(WebResponse(status, {}, body) for status in (200, 302, 400, 401, 404, 500) for body in (b"", b"<p>x", b"{")),
        WebResponse(200, {}, b"{}", truncated=True),
        WebProblem("tls", "no", retryable=False),
    ],
)
def test_any_trouble_is_a_problem_in_words(name: str, action: Any, answer: Any) -> None:
    masked: list[str] = []
    errand = Errand(Happened(action, "fraud", "v1.0.0", "prod"), lambda key: VARIABLES.get(key, ""), masked.append)
    with pytest.raises(MirrorProblem) as caught:
        made(name, FakeWeb(answer)).follow(errand, settings(name))
    told = caught.value.message + caught.value.hint
    assert caught.value.message.isprintable()
    assert SECRET not in told
    assert SECRET in masked
    assert not caught.value.retryable


@by_name
@pytest.mark.parametrize("answer", [WebResponse(503, {}, b""), WebProblem("connect", "refused", retryable=True)])
def test_what_may_pass_is_worth_another_try(name: str, answer: Any) -> None:
    errand = Errand(Happened("live", "fraud", "v1.0.0", "prod"), lambda key: VARIABLES.get(key, ""), lambda _: None)
    web = FakeWeb(answer)
    with pytest.raises(MirrorProblem) as caught:
        made(name, web).follow(errand, settings(name))
    assert caught.value.retryable
    assert len(web.requests) == 1
