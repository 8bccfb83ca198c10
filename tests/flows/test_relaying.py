"""From a delivery to a request for a promotion: what is asked for, what is ignored, and that nothing is asked twice."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.mlflow_webhook import ID, SIGNATURE, TIMESTAMP, sign
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Secret
from model_stage_deploy.faces.event_payloads import asked_by
from model_stage_deploy.flows.relaying import Answer, Meaning, Relay
from model_stage_deploy.mirrors.mlflow_api import MlflowProblem
from model_stage_deploy.mirrors.mlflow_values import ModelVersion
from tests.fakes.clock import FakeClock

SECRET = Secret("a-secret-of-the-webhook-0123456789")
MEANING = Meaning({"champion": "prod"}, {"Churn Model": "fraud/churn"})


@dataclass
class FakeDispatcher:
    """Fulfils the relay's Dispatcher; `problems` are raised one after the other before any is taken."""

    sent: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    problems: list[Exception] = field(default_factory=list)
    wait: threading.Event | None = None
    begun: threading.Event = field(default_factory=threading.Event)

    def dispatch(self, event: str, payload: Mapping[str, str]) -> None:
        self.begun.set()
        if self.wait is not None:
            assert self.wait.wait(10)
        if self.problems:
            raise self.problems.pop(0)
        self.sent.append((event, dict(payload)))


@dataclass
class FakeAliases:
    """MLflow, as far as the relay asks it."""

    at: ModelVersion | None = None
    problem: MlflowProblem | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)

    def alias(self, model: str, alias: str) -> ModelVersion | None:
        self.asked.append((model, alias))
        if self.problem is not None:
            raise self.problem
        return self.at


class Bench:
    """A relay with its surroundings."""

    def __init__(self, meaning: Meaning = MEANING, mlflow: FakeAliases | None = None) -> None:
        self.clock = FakeClock()
        self.dispatcher = FakeDispatcher()
        self.told: list[str] = []
        self.relay = Relay(SECRET, meaning, self.dispatcher, self.clock, mlflow=mlflow, tell=self.told.append)

    def send(self, delivery: str = "d-1", **changed: Any) -> Answer:
        told = {"entity": "model_version_alias", "action": "created"}
        told |= {"data": {"name": "churn", "alias": "champion", "version": "3"} | changed}  # type: ignore[dict-item]
        return self.send_body(json.dumps(told).encode(), delivery)

    def send_body(self, body: bytes, delivery: str = "d-1") -> Answer:
        time = str(int(self.clock.now()))
        return self.relay.answer({ID: delivery, TIMESTAMP: time, SIGNATURE: sign(SECRET, delivery, time, body)}, body)


COUNTED = Meaning({"champion": "prod"}, {"Churn Model": "fraud/churn"}, "v{version}.0.0")


def known(number: str = "3", **tags: str) -> FakeAliases:
    return FakeAliases(ModelVersion("churn", number, tags=tags))


def test_an_alias_asks_for_a_promotion_that_the_action_understands() -> None:
    bench = Bench(mlflow=known(gto_version="v3.1.0"))
    assert bench.send().status == 202
    [(event, payload)] = bench.dispatcher.sent
    assert event == "model-promotion"
    assert payload == {"command": "promote", "model": "churn", "stage": "prod", "to": "v3.1.0"}
    asked = asked_by(payload)
    assert (asked.command, asked.model, asked.stage, asked.to, asked.wrong) == (
        "promote",
        "churn",
        "prod",
        "v3.1.0",
        "",
    )


def test_versions_may_be_counted_as_mlflow_does() -> None:
    bench = Bench(COUNTED)
    assert bench.send(name="Churn Model").status == 202
    assert bench.dispatcher.sent[0][1] | {} == {
        "command": "promote",
        "model": "fraud/churn",
        "stage": "prod",
        "to": "v3.0.0",
    }


def test_an_older_delivery_that_comes_late_takes_nothing_back() -> None:
    """MLflow sends a failed one again, with its old time: by then the alias may have moved on."""
    bench = Bench(COUNTED)
    bench.dispatcher.problems = [MachineryFailed(Reason.GITHUB_FAILED, "away")]
    sent = str(int(bench.clock.now()))
    body = json.dumps(
        {
            "entity": "model_version_alias",
            "action": "created",
            "data": {"name": "churn", "alias": "champion", "version": "3"},
        }
    ).encode()
    late = {ID: "d-1", TIMESTAMP: sent, SIGNATURE: sign(SECRET, "d-1", sent, body)}
    assert bench.relay.answer(late, body).status == 502
    bench.clock.sleep(2.0)
    assert bench.send("d-2", version="4").status == 202
    answer = bench.relay.answer(late, body)
    assert (answer.status, "a newer delivery" in answer.text) == (204, True)
    assert [payload["to"] for _, payload in bench.dispatcher.sent] == ["v4.0.0"]
    assert bench.send("d-3", name="other").status == 202, "of another model"


def test_a_tag_in_mlflow_goes_before_counting() -> None:
    bench = Bench(COUNTED, known(gto_version="v0.3.0"))
    bench.send()
    assert bench.dispatcher.sent[0][1]["to"] == "v0.3.0"


@pytest.mark.parametrize(
    ("mlflow", "changed", "status", "says"),
    [
        (known(gto_version="v1.0.0"), {"alias": "challenger"}, 204, "means no stage"),
        (known("4", gto_version="v1.0.0"), {}, 204, "is at version 4 by now"),
        (FakeAliases(None), {}, 204, "is at nothing by now"),
        (known(), {}, 422, "it has no tag gto_version in MLflow"),
        (known(gto_version="3"), {}, 422, "'3' is none"),
        (known(gto_version="v1.0.0\n$(id)"), {}, 422, "is none"),
        (known(gto_version="v1.0.0"), {"name": "Fraud EU"}, 422, "not a model name here"),
        (known(gto_version="v1.0.0"), {"name": "../../etc"}, 422, "not a model name here"),
        (known(gto_version="v1.0.0"), {"name": 7.5}, 400, "`name`"),
        (FakeAliases(problem=MlflowProblem("away", retryable=True)), {}, 503, "could not be relayed"),
        (FakeAliases(problem=MlflowProblem("no", status=401)), {}, 502, "could not be relayed"),
    ],
)
def test_what_is_not_known_is_not_asked_for(
    mlflow: FakeAliases, changed: dict[str, Any], status: int, says: str
) -> None:
    bench = Bench(mlflow=mlflow)
    answer = bench.send(**changed)
    assert (answer.status, says in answer.text) == (status, True), answer
    assert bench.dispatcher.sent == []
    assert all(line.isprintable() for line in bench.told)


def test_an_unsigned_delivery_is_refused_before_anything_is_read_or_remembered() -> None:
    mlflow = known(gto_version="v1.0.0")
    bench = Bench(mlflow=mlflow)
    assert bench.relay.answer({ID: "d-1", TIMESTAMP: "1"}, b"{").status == 401
    assert (mlflow.asked, bench.dispatcher.sent) == ([], [])
    assert bench.send("d-1").status == 202, "nobody can use up an id without the secret"


def test_a_delivery_that_comes_again_is_answered_as_before_and_not_relayed_again() -> None:
    bench = Bench(COUNTED)
    assert [bench.send().status for _ in range(3)] == [202, 202, 202]
    assert len(bench.dispatcher.sent) == 1
    assert bench.send("d-2").status == 202
    assert len(bench.dispatcher.sent) == 2


def test_one_that_failed_is_relayed_when_mlflow_sends_it_again() -> None:
    bench = Bench(COUNTED)
    bench.dispatcher.problems = [MachineryFailed(Reason.GITHUB_FAILED, "GitHub answered 503", hint="later")]
    assert bench.send() == Answer(502, "it could not be relayed; the log says why")
    assert "GitHub answered 503; later" in bench.told[-1]
    assert bench.send().status == 202
    assert len(bench.dispatcher.sent) == 1


def test_one_that_is_being_worked_on_is_not_begun_twice() -> None:
    bench = Bench(COUNTED)
    bench.dispatcher.wait = threading.Event()
    answers: list[Answer] = []
    first = threading.Thread(target=lambda: answers.append(bench.send()))
    first.start()
    assert bench.dispatcher.begun.wait(10)
    assert bench.send().status == 503, "MLflow sends it once more, and hears then how it ended"
    bench.dispatcher.wait.set()
    first.join(10)
    assert [answer.status for answer in answers] == [202]
    assert bench.send().status == 202
    assert len(bench.dispatcher.sent) == 1


def test_a_defect_leaves_the_delivery_to_be_tried_again() -> None:
    bench = Bench(COUNTED)
    bench.dispatcher.problems = [RuntimeError("boom")]
    with pytest.raises(RuntimeError):
        bench.send()
    assert bench.send().status == 202


def test_the_memory_is_bounded() -> None:
    bench = Bench(COUNTED)
    for number in range(300):
        bench.send(f"d-{number}")
    bench.clock.time += 1000
    bench.send("last")
    assert len(bench.relay._memory._met) == 1


def test_no_secret_is_told() -> None:
    bench = Bench(COUNTED)
    bench.send()
    bench.relay.answer({SIGNATURE: "v1,x", ID: "d", TIMESTAMP: "1"}, b"")
    assert SECRET.reveal() not in "".join(bench.told)
