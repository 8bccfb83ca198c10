"""GTO's own configuration file and variables (R59–R61), and what the real GTO says of the same files."""

from __future__ import annotations

from pathlib import Path

import pytest

from model_stage_deploy.adapters.gto_config_yaml import parse_config
from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.gto_config import GtoConfig, read_config
from model_stage_deploy.core.reasons import Reason

GOOD: dict[str, tuple[str, ...] | None] = {
    "": None,
    "# nothing but a comment\n": None,
    "types: [model]\n": None,
    "stages: [dev, prod]\n": ("dev", "prod"),
    "STAGES: [dev]\n": ("dev",),
    "Stages:\n- eu/prod\n- a\n": ("eu/prod", "a"),
    "stages: []\n": (),
    "stages: null\n": None,
    "INDEX: other.yaml\nEMOJIS: false\nLOG_LEVEL: DEBUG\nDEBUG: true\nautoload_enrichments: false\n": None,
    "enrichments: []\nstages: ['1', 'on']\n": ("1", "on"),
}
BAD = [
    "foo: 1\n",
    "stages: dev\n",
    "stages: [a b]\n",
    "stages: [_x]\n",
    "stages: [1]\n",
    "stages: {dev: 1}\n",
    "types: model\n",
    "- dev\n",
    "dev\n",
    "EMOJIS: perhaps\n",
    "stages: [dev\n",
    "INDEX: [a]\n",
]


def read(text: str, **environ: str) -> GtoConfig:
    return read_config(parse_config(text.encode()), environ)


def gto_reads(path: Path) -> tuple[str, ...] | None:
    from gto.config import read_registry_config

    stages = read_registry_config(str(path)).stages
    return None if stages is None else tuple(stages)


@pytest.mark.parametrize("text", GOOD)
def test_r59_r61_what_gto_takes_we_take(tmp_path: Path, text: str) -> None:
    file = tmp_path / ".gto"
    file.write_text(text, encoding="utf-8")
    assert read(text).stages == GOOD[text] == gto_reads(file)


@pytest.mark.parametrize("text", BAD)
def test_r59_what_gto_refuses_we_refuse(tmp_path: Path, text: str) -> None:
    from gto.exceptions import WrongConfig

    file = tmp_path / ".gto"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(WrongConfig):
        gto_reads(file)
    with pytest.raises(Invalid) as refused:
        read(text)
    assert refused.value.reason is Reason.GTO_CONFIG_INVALID
    assert refused.value.message.startswith(".gto")


def test_r59_keys_that_differ_in_case_alone_are_one() -> None:
    with pytest.raises(Invalid, match="twice"):
        read("stages: [dev]\nSTAGES: [prod]\n")


def test_r59_a_hostile_file_is_one_clear_message() -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(8)
    )
    for text in (
        bomb.encode(),
        b"\xff\xfe\x00",
        b"x" * (2 << 20),
        b"[" * 5000,
        b"stages: !!python/object:os.system [x]\n",
    ):
        with pytest.raises(Invalid) as refused:
            read_config(parse_config(text), {})
        assert refused.value.reason is Reason.GTO_CONFIG_INVALID
        assert refused.value.message.isprintable() or "\n" in refused.value.message


def test_r60_variables_go_before_the_file() -> None:
    assert read("stages: [dev]\n", GTO_STAGES='["prod"]').stages == ("prod",)
    assert read("", gto_stages="[]").stages == ()
    assert read("stages: [dev]\n", GTO_STAGES="null").stages is None
    assert read("stages: [dev]\n", GTO_TYPES='["a"]', GTO_UNKNOWN="x", GTO_DEBUG="1") == GtoConfig(("dev",), ("a",))


@pytest.mark.parametrize("text", ["dev", "", '"dev"', "[1]", '["a b"]', "[" * 100_000, '{"a": 1}'])
def test_r60_a_variable_that_is_no_list_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        read("stages: [dev]\n", GTO_STAGES=text)
    assert refused.value.reason is Reason.GTO_CONFIG_INVALID
    assert refused.value.message.startswith("GTO_STAGES")
