"""What every built-in deployer promises, asked of each of them. A new one needs a bench, and is then asked too."""

from __future__ import annotations

import itertools
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from model_stage_deploy.core.errors import Cancelled, DeploymentFailed
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Scrubber
from model_stage_deploy.deployers.catalogue import BUILT_IN
from model_stage_deploy.deployers.contract import Receipt, Undeployer, can_undeploy
from model_stage_deploy.ports import Command, WebRequest
from tests.conformance.deployer_benches import BENCHES, GRACE, SECRET, Bench, Verb
from tests.fakes.clock import FakeClock
from tests.fakes.plans import HOSTILE
from tests.fakes.process import FakeProcess
from tests.fakes.web import FakeWeb


@pytest.fixture(params=itertools.product(BUILT_IN, get_args(Verb)), ids="-".join)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """A bench for every deployer of the catalogue, to deploy, and to take away what was deployed."""
    name, verb = request.param
    found = BENCHES[name](tmp_path)
    found.verb = verb
    yield found
    found.close()


class _Untouchable:
    """A port that must not be used."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was used")


def _nothing_written(files: Path) -> bool:
    return list(files.iterdir()) == []


def test_a_deployment_that_goes_well(bench: Bench) -> None:
    receipt = bench.good().deploy()
    assert isinstance(receipt, Receipt)
    json.dumps(dict(receipt.facts))


def test_it_can_take_away_what_it_deployed(bench: Bench) -> None:
    scene = bench.good()
    assert isinstance(scene.deployer, Undeployer)
    bench.verb = "undeploy"
    assert can_undeploy(bench.good().deployer, bench.good().options) == ""


def test_describing_touches_nothing(bench: Bench) -> None:
    scene = replace(bench.good(), ports={name: _Untouchable() for name in ("process", "web", "clock")})
    lines = scene.describe()
    assert lines
    assert all(isinstance(line, str) and line.isprintable() for line in lines)
    assert _nothing_written(bench.files)


def test_a_description_shows_no_secret_once_scrubbed(bench: Bench) -> None:
    scene = bench.secretive()
    text = Scrubber([SECRET]).text("\n".join(scene.describe()))
    assert "hunter2" not in text
    assert "horse" not in text


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_description_of_hostile_values_is_inert(bench: Bench, hostile: str) -> None:
    scene = bench.echoing(hostile)
    assert all(line.isprintable() for line in scene.describe())


def test_a_failure_is_told_with_its_last_words(bench: Bench) -> None:
    scene = bench.failing()
    with pytest.raises(DeploymentFailed) as caught:
        scene.deploy()
    assert caught.value.reason is Reason.DEPLOYER_FAILED
    assert "last words" in caught.value.tail
    assert "last words" in "".join(scene.said)
    assert "\n" not in caught.value.message


def test_what_hangs_is_a_timeout(bench: Bench) -> None:
    begun = time.monotonic()
    with pytest.raises(DeploymentFailed) as caught:
        replace(bench.hanging(), timeout=0.6).deploy()
    assert caught.value.reason is Reason.DEPLOYER_TIMEOUT
    assert time.monotonic() - begun < 0.6 + GRACE + 1.5


def test_a_cancelled_run_goes_on_as_cancelled_within_three_seconds(bench: Bench) -> None:
    def stop(_number: int, _frame: object) -> None:
        raise Cancelled("told to stop")

    scene = bench.hanging()
    threads = threading.active_count()
    before = signal.signal(signal.SIGUSR1, stop)
    timer = threading.Timer(0.5, os.kill, [os.getpid(), signal.SIGUSR1])
    begun = time.monotonic()
    try:
        with pytest.raises(Cancelled):
            timer.start()
            scene.deploy()
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, before)
    assert time.monotonic() - begun < 3
    bench.close()
    bench.close = lambda: None  # type: ignore[method-assign]
    assert threading.active_count() <= threads


def test_output_comes_while_it_works(bench: Bench) -> None:
    scene = replace(bench.gated(), listen=lambda _text: bench.gate.touch())
    scene.deploy()
    assert scene.said


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_values_arrive_whole_and_nothing_of_them_is_executed(bench: Bench, hostile: str) -> None:
    bench.echoing(hostile).deploy()
    assert bench.arrived() == hostile
    assert _nothing_written(bench.files)
    assert not Path("x").exists()


def test_the_same_deployment_twice_asks_for_the_same(bench: Bench) -> None:
    asked: list[list[object]] = []
    for _ in range(2):
        process, web = FakeProcess(), FakeWeb()
        replace(bench.good(), ports={"process": process, "web": web, "clock": FakeClock(1e9 + len(asked))}).deploy()
        asked.append([*map(_timeless, process.commands), *map(_timeless, web.requests)])
    first, second = asked
    assert first
    assert first == second


def _timeless(asked: Command | WebRequest) -> object:
    """What was asked, without what names the moment or a temporary file."""
    if isinstance(asked, Command):
        return asked.argv, asked.cwd, {name: value for name, value in asked.env.items() if name != "MSD_OUTPUT"}
    headers = {name: value for name, value in asked.headers.items() if name != "X-MSD-Timestamp"}
    return asked.method, asked.url, headers, asked.body
