"""docs/reference/events.md and the example for programs say what the code does."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.faces import event_github
from model_stage_deploy.faces.event_payloads import asked_by, said_by_deployment
from tests.contract.generate import ROOT

PAGE = (ROOT / "docs/reference/events.md").read_text(encoding="utf-8")
EXAMPLE = (ROOT / "workflows-examples/deploy-by-api.yml").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in re.split(r"\| --- .*\n", PAGE)[1].split("\n\n")[0].splitlines()
]
"""The table of events: event, what it does, what it needs, where nothing is deployed, beware."""


def requests(text: str) -> list[dict[str, Any]]:
    """The requests that a text shows, each on a line."""
    return [json.loads(found) for found in re.findall(r'(\{"event_type".*\})$', text, re.MULTILINE)]


def test_every_event_that_the_code_reads_has_a_row() -> None:
    told = [name for row in ROWS for name in re.findall(r"`(\w+)`", row[0])]
    assert set(event_github._READERS) - {""} <= set(told)
    assert {"schedule", "workflow_call", "pull_request", "workflow_run"} <= set(told)
    assert len(told) == len(set(told))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_row_names_reasons_that_exist(row: list[str]) -> None:
    assert len(row) == 5
    codes = re.findall(r"`([a-z-]+)`", row[3])
    assert set(codes) <= set(Reason)
    assert codes or row[0] == "`workflow_call`"


@pytest.mark.parametrize("request_", [*requests(PAGE), *requests(EXAMPLE)], ids=str)
def test_a_request_that_is_shown_is_understood(request_: dict[str, Any]) -> None:
    types = yaml.safe_load(EXAMPLE)[True]["repository_dispatch"]["types"]
    assert request_["event_type"] in types
    asked = asked_by(request_["client_payload"])
    assert asked.wrong == ""
    assert asked.tag or (asked.model and asked.stage)


def test_there_are_requests_and_the_deployment_that_is_shown_is_understood() -> None:
    assert (len(requests(PAGE)), len(requests(EXAMPLE))) == (1, 3)
    [payload] = re.findall(r'`(\{"tag": .*?\})`', PAGE)
    assert said_by_deployment({"deployment": {"payload": json.loads(payload)}}, "").tag == "churn#prod#4"
