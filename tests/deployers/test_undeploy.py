"""Taking away what was deployed: which deployers can, with which settings, and what they then do."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from model_stage_deploy.adapters.subprocesses import Subprocesses
from model_stage_deploy.core.errors import DeploymentFailed, Invalid
from model_stage_deploy.core.plan import Plan
from model_stage_deploy.deployers.catalogue import options_of
from model_stage_deploy.deployers.contract import Job, Undeployer, can_undeploy
from model_stage_deploy.deployers.mlem import Mlem
from model_stage_deploy.deployers.shell import Shell
from model_stage_deploy.deployers.webhook import Webhook
from model_stage_deploy.receiving import verify
from tests.fakes.clock import FakeClock
from tests.fakes.plans import a_plan
from tests.fakes.process import FakeProcess
from tests.fakes.web import FakeWeb

URL = "https://deploy.example.com/models"


def _plan(**changes: Any) -> Plan:
    plan = a_plan(**changes)
    return replace(plan, decision=replace(plan.decision, action="undeploy"))


def _job(files: Path | None = None, said: list[str] | None = None) -> Job:
    env = {"PATH": "/usr/bin:/bin", "MSD_ACTION": "undeploy"}
    return Job(_plan(), "try-1", env, 20.0, (said if said is not None else []).append, files, files)


def test_a_deployer_that_never_heard_of_it_cannot() -> None:
    class Old:
        pass

    class Half:
        def undeploy(self) -> None:
            """Without saying what it would do."""

    class Whole(Half):
        def describe_undeploy(self) -> None:
            """Now it does."""

    assert can_undeploy(Old(), None) == "it has no method `undeploy`"
    assert can_undeploy(Half(), None) == "it has no method `describe_undeploy`"
    assert can_undeploy(Whole(), None) == ""
    assert isinstance(Whole(), Undeployer)
    assert not isinstance(Half(), Undeployer)


@pytest.mark.parametrize(
    ("deployer", "settings", "why_not"),
    [
        (Shell(FakeProcess()), {"run": "./a"}, "`deploy.with.undeploy`"),
        (Shell(FakeProcess()), {"run": "./a", "undeploy": "./b"}, ""),
        (Shell(FakeProcess()), {"argv": ["./a"], "undeploy": "./b"}, ""),
        (Webhook(FakeWeb(), FakeClock()), {"url": URL}, ""),
        (Webhook(FakeWeb(), FakeClock()), {"url": URL, "body": {}}, "`deploy.with.undeploy-body`"),
        (Webhook(FakeWeb(), FakeClock()), {"url": URL, "body": {}, "undeploy-body": None}, ""),
        (Mlem(FakeProcess()), {"load": "a", "model": "b"}, "`deploy.with.allow-remove: true`"),
        (Mlem(FakeProcess()), {"load": "a", "model": "b", "allow-remove": True}, ""),
        (Mlem(FakeProcess()), {"argv": ["mlem"], "allow-remove": True}, "`argv` names none"),
    ],
)
def test_settings_decide(deployer: Any, settings: dict[str, Any], why_not: str, tmp_path: Path) -> None:
    options = options_of(type(deployer), settings)
    said = can_undeploy(deployer, options)
    assert bool(said) is bool(why_not)
    assert why_not in said
    if why_not:
        with pytest.raises(DeploymentFailed) as caught:
            deployer.undeploy(_job(tmp_path), options)
        assert why_not in caught.value.message


def test_shell_runs_the_text_of_undeploy_verbatim(tmp_path: Path) -> None:
    said: list[str] = []
    options = options_of(Shell, {"argv": ["./deploy.sh"], "undeploy": 'echo "$MSD_ACTION {{ version }}"; pwd -P'})
    receipt = Shell(Subprocesses()).undeploy(_job(tmp_path, said), options)  # type: ignore[arg-type]
    assert "".join(said) == f"undeploy {{{{ version }}}}\n{tmp_path.resolve()}\n"
    assert receipt.facts == {"exit_code": 0}
    assert "undeploy" in Shell.verbatim_options


def test_shell_says_what_it_would_run() -> None:
    options: Any = options_of(Shell, {"argv": ["./deploy.sh"], "undeploy": "./remove.sh\n\x1b[2J\n"})
    assert Shell(FakeProcess()).describe_undeploy(_plan(), options) == [
        "run in . of the trusted checkout, with bash -euo pipefail:",
        "  | ./remove.sh",
        "  | \\e[2J",
        "end it, with all that it started, after 20 s",
    ]


@pytest.mark.parametrize("text", [" \n", "x" * 200_000, "a\0b"])
def test_shell_wants_a_program(text: str) -> None:
    with pytest.raises(Invalid, match=r"deploy\.with\.undeploy: "):
        options_of(Shell, {"run": "true", "undeploy": text})


def test_webhook_says_so_in_a_signed_body() -> None:
    web = FakeWeb()
    key, clock = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", FakeClock()
    options: Any = options_of(Webhook, {"url": URL, "secret": key})
    receipt = Webhook(web, clock).undeploy(_job(), options)
    [request] = web.requests
    told = json.loads(request.body)
    assert (told["action"], told["event"], told["version"]) == ("undeploy", "undeployment", "v3.1.0")
    assert verify(key, request.headers, request.body, now=clock.now()) == "try-1"
    assert receipt.facts["delivery"] == "try-1"
    assert '"action":"undeploy"' in "".join(Webhook(web, FakeClock()).describe_undeploy(a_plan(), options))


def test_webhook_says_so_whatever_the_decision_says() -> None:
    """Whoever calls `undeploy` means it: a receiver must never take it for a deployment."""
    web = FakeWeb()
    job = replace(_job(), plan=a_plan(rollback=True))
    Webhook(web, FakeClock()).undeploy(job, options_of(Webhook, {"url": URL}))  # type: ignore[arg-type]
    assert json.loads(web.requests[0].body)["action"] == "undeploy"


@pytest.mark.parametrize("body", [{"gone": True}, None, "x"])
def test_webhook_sends_a_body_of_ones_own(body: Any) -> None:
    web = FakeWeb()
    options: Any = options_of(Webhook, {"url": URL, "body": {"deploy": 1}, "undeploy-body": body})
    Webhook(web, FakeClock()).undeploy(_job(), options)
    Webhook(web, FakeClock()).deploy(replace(_job(), plan=a_plan()), options)
    assert [json.loads(request.body) for request in web.requests] == [body, {"deploy": 1}]


def test_mlem_removes_what_the_declaration_names(tmp_path: Path) -> None:
    process = FakeProcess()
    settings = {"load": "deploy/prod", "model": "b", "allow-remove": True, "extra": ["--conf", "x"]}
    options: Any = options_of(Mlem, settings)
    Mlem(process).undeploy(_job(tmp_path), options)
    [command] = process.commands
    assert command.argv == ("mlem", "deployment", "remove", "deploy/prod")
    assert (command.cwd, command.env["ITERATIVE_DO_NOT_TRACK"]) == (tmp_path, "1")
    assert Mlem(process).describe_undeploy(_plan(), options)[1] == '  ["mlem", "deployment", "remove", "deploy/prod"]'
