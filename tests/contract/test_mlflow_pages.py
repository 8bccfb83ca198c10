"""The pages on importing and promoting from MLflow name options, variables and files that there are."""

from __future__ import annotations

import re

import pytest

from model_stage_deploy.faces.arguments import command_parser
from model_stage_deploy.faces.relay import HEALTH, PATH
from model_stage_deploy.flows.relaying import EVENT
from tests.contract.generate import ROOT

PAGES = {"import-from-mlflow": ("import-mlflow",), "promote-from-mlflow": ("relay-mlflow", "promote")}
OTHERS = {"--atomic"}  # git's


@pytest.mark.parametrize("name", PAGES)
def test_every_option_of_a_page_is_one_of_its_commands(name: str) -> None:
    page = (ROOT / f"docs/howto/{name}.md").read_text(encoding="utf-8")
    known = {
        text for command in PAGES[name] for text in re.findall(r"--[a-z-]+", command_parser(command).format_help())
    }
    told = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", page)) - OTHERS - {"--data"}
    assert told
    assert told <= known


def test_the_page_on_the_relay_says_where_it_listens_and_what_it_sends() -> None:
    page = (ROOT / "docs/howto/promote-from-mlflow.md").read_text(encoding="utf-8")
    example = (ROOT / "workflows-examples/promote.yml").read_text(encoding="utf-8")
    assert f"POST {PATH}" in page
    assert f"GET {HEALTH}" in page
    assert f"types: [{EVENT}]" in example
    assert f'"event_type": "{EVENT}"' in example
    [(module, name)] = re.findall(r"`(model_stage_deploy\.[\w.]+):(\w+)`", page)
    text = (ROOT / "src" / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
    assert f"def {name}(" in text
    for variable in re.findall(r"MSD_RELAY_\w+", page):
        assert variable in text
