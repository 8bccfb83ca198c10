"""What every deployer promises, asked of each that is built in, and of two of a user's own. A new one needs a bench."""

from __future__ import annotations

import itertools
import json
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from model_stage_deploy.core.errors import Cancelled, DeploymentFailed
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Scrubber
from model_stage_deploy.deployers.catalogue import BUILT_IN
from model_stage_deploy.deployers.contract import (
    Receipt,
    Status,
    StatusTeller,
    Undeployer,
    can_tell_status,
    can_undeploy,
)
from model_stage_deploy.ports import Command, WebRequest
from tests.conformance.deployer_benches import BENCHES, GRACE, SECRET, Bench, Scene, Verb
from tests.conformance.own_benches import OurBench, SmallestBench
from tests.fakes.clock import FakeClock
from tests.fakes.plans import HOSTILE
from tests.fakes.process import FakeProcess
from tests.fakes.web import FakeWeb

ALL: Mapping[str, type[Bench]] = {**BENCHES, "ours": OurBench, "smallest": SmallestBench}
ASKED = [
    (name, verb)
    for name, verb in itertools.product((*BUILT_IN, "ours", "smallest"), get_args(Verb))
    if (name, verb) != ("smallest", "undeploy")
]


@pytest.fixture(params=ASKED, ids="-".join)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """A bench for every deployer, to deploy, and to take away what was deployed."""
    name, verb = request.param
    found = ALL[name](tmp_path)
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


def test_it_can_take_away_what_it_deployed_or_says_why_not(bench: Bench) -> None:
    scene = bench.good()
    if isinstance(bench, SmallestBench):
        assert can_undeploy(scene.deployer, scene.options) == "it has no method `undeploy`"
        return
    assert isinstance(scene.deployer, Undeployer)
    bench.verb = "undeploy"
    assert can_undeploy(bench.good().deployer, bench.good().options) == ""


def test_once_more_does_no_harm(bench: Bench) -> None:
    scene = bench.good()
    first, second = scene.deploy(), scene.deploy()
    assert first.facts == second.facts


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


def test_only_what_passes_is_worth_another_try(bench: Bench) -> None:
    with pytest.raises(DeploymentFailed) as caught:
        bench.failing().deploy()
    assert caught.value.retryable is False
    begun = bench.tries()
    scene = bench.transient()
    if scene is None:
        return
    with pytest.raises(DeploymentFailed) as caught:
        scene.deploy()
    assert caught.value.retryable is True
    assert caught.value.reason is Reason.DEPLOYER_FAILED
    assert caught.value.after in (None, 7.0)
    assert "last words" in caught.value.tail
    assert bench.tries() - begun <= 1


def test_no_secret_is_in_what_comes_of_it_once_scrubbed(bench: Bench) -> None:
    scene = bench.secretive()
    try:
        receipt = scene.deploy()
    except DeploymentFailed as problem:
        ended = [problem.message, problem.hint, problem.tail]
    else:
        ended = [receipt.url or "", json.dumps(dict(receipt.facts)), receipt.tail, receipt.version]
    text = Scrubber([SECRET]).text("\n".join([*scene.said, *ended]))
    assert "hunter2" not in text
    assert "horse" not in text


def test_looking_changes_nothing(bench: Bench) -> None:
    scene = bench.telling()
    if scene is None:
        assert can_tell_status(bench.good().deployer, bench.good().options) != ""
        return
    assert isinstance(scene.deployer, StatusTeller)
    assert can_tell_status(scene.deployer, scene.options) == ""
    begun = bench.tries()
    for _ in range(2):
        seen = scene.deployer.status(scene.job(), scene.options)
        assert isinstance(seen, Status)
        assert seen.state == "running"
        assert seen.sentence.isprintable()
        json.dumps(dict(seen.facts))
    assert bench.tries() == begun
    assert _nothing_written(bench.files)


def test_whoever_cannot_look_says_why(bench: Bench) -> None:
    if bench.telling() is None:
        return
    scene = bench.silent()
    assert can_tell_status(scene.deployer, scene.options).isprintable()
    assert can_tell_status(scene.deployer, scene.options) != ""


def test_eight_targets_at_once_do_not_mix(bench: Bench) -> None:
    """One instance is asked from several threads, as the flow does it for many targets."""
    names = [f"target-{letter}" for letter in "abcdefgh"]
    scenes = [replace(bench.speaking(name), attempt=name, said=[]) for name in names]
    deployer = scenes[0].deployer
    barrier = threading.Barrier(len(names))

    def one(scene: Scene) -> str:
        barrier.wait(10)
        receipt = getattr(deployer, scene.verb)(scene.job(), scene.options)
        return "\n".join([*scene.said, receipt.url or "", json.dumps(dict(receipt.facts)), receipt.tail])

    with ThreadPoolExecutor(len(names)) as pool:
        told = list(pool.map(one, scenes))
    for name, text in zip(names, told, strict=True):
        assert {other for other in names if other in text} == {name}


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
    assert first or bench.asks == "nobody"
    assert first == second


def _timeless(asked: Command | WebRequest) -> object:
    """What was asked, without what names the moment or a temporary file."""
    if isinstance(asked, Command):
        return asked.argv, asked.cwd, {name: value for name, value in asked.env.items() if name != "MSD_OUTPUT"}
    headers = {name: value for name, value in asked.headers.items() if name != "webhook-timestamp"}
    return asked.method, asked.url, headers, asked.body
