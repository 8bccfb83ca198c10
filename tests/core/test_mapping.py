"""What a mapping means for a model and a stage: precedence, globs, origins."""

from __future__ import annotations

import pytest

from model_stage_deploy.adapters.mapping_yaml import load_mapping
from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.mapping import MappingInvalid, StageMap, StageSettings, unmapped_stage
from model_stage_deploy.core.reasons import Reason

FILE = ".github/model-stages.yml"
LAYERED = """\
version: 1
vars: {region: eu, colour: blue}
defaults:
  vars: {colour: red, size: 10}
  deploy: {run: ./deploy.sh, timeout: 1m}
stages:
  staging: {}
  prod:
    environment: production
    vars: {size: 20}
    secrets: [TOKEN]
models:
  "fraud/*":
    vars: {colour: green}
    stages:
      prod: {secrets: [OTHER], vars: {size: 30}}
  "fraud/e*":
    stages:
      prod: {deploy: {uses: webhook, with: {url: "https://e.example"}}}
  "fraud/eu":
    stages:
      prod: {vars: {colour: null}}
      canary: {url: "https://canary.example"}
  "legacy":
    stages:
      prod: null
"""


def _load(text: str) -> StageMap:
    return load_mapping(text.encode(), FILE, ["shell", "webhook", "mlem"])


def _settings(model: str, stage: str, text: str = LAYERED) -> StageSettings:
    settings = _load(text).settings(model, stage)
    assert settings is not None
    return settings


def test_defaults_reach_a_stage_that_says_nothing() -> None:
    staging = _settings("churn", "staging")
    assert staging.environment == "staging"
    assert (staging.deployer, staging.options, staging.timeout) == ("shell", {"run": "./deploy.sh"}, 60.0)
    assert staging.vars == {"region": "eu", "colour": "red", "size": "10"}
    assert (staging.url, staging.secrets, staging.production, staging.allow_unregistered) == (None, (), False, False)


def test_the_stage_overrides_defaults() -> None:
    prod = _settings("churn", "prod")
    assert (prod.environment, prod.production, prod.secrets) == ("production", True, ("TOKEN",))
    assert prod.vars == {"region": "eu", "colour": "red", "size": "20"}


def test_every_glob_that_fits_applies_and_lists_replace() -> None:
    prod = _settings("fraud/us", "prod")
    assert (prod.secrets, prod.deployer) == (("OTHER",), "shell")
    assert prod.vars == {"region": "eu", "colour": "green", "size": "30"}


def test_the_most_specific_wins_per_key_and_null_removes() -> None:
    prod = _settings("fraud/eu", "prod")
    assert (prod.deployer, prod.options) == ("webhook", {"url": "https://e.example"})
    assert prod.vars == {"region": "eu", "size": "30"}
    assert prod.timeout == 60.0


def test_origins_name_layer_file_line_and_column() -> None:
    origins = _settings("fraud/eu", "prod").origins
    assert origins["vars.region"] == f"vars at {FILE}:2:16"
    assert origins["deploy.timeout"] == f"defaults at {FILE}:5:39"
    assert origins["environment"] == f"stages.prod at {FILE}:9:18"
    assert origins["secrets"] == f'models."fraud/*".stages.prod at {FILE}:16:23'
    assert origins["deploy.with.url"] == f'models."fraud/e*".stages.prod at {FILE}:19:50'
    assert origins["production"] == "default"
    assert "deploy.run" not in origins
    assert _settings("churn", "prod").origins["deploy.run"] == f"defaults at {FILE}:5:17"


def test_a_model_may_have_a_stage_of_its_own_or_be_taken_out_of_one() -> None:
    mapping = _load(LAYERED)
    assert mapping.stages() == ["staging", "prod", "canary"]
    assert mapping.mapped_stages("churn") == ["staging", "prod"]
    assert mapping.mapped_stages("fraud/eu") == ["staging", "prod", "canary"]
    assert mapping.mapped_stages("legacy") == ["staging"]
    assert mapping.settings("churn", "canary") is None
    assert mapping.settings("legacy", "prod") is None
    assert mapping.settings("churn", "nowhere") is None


def test_two_globs_that_fit_equally_well_are_a_complaint_that_names_both() -> None:
    text = "version: 1\nstages: {prod: {deploy: {run: x}}}\nmodels:\n"
    text += '  "fr*": {stages: {prod: {url: a}}}\n  "*ud": {stages: {prod: {url: b}}}\n  "fra": {}\n'
    mapping = _load(text)
    with pytest.raises(MappingInvalid) as caught:
        mapping.settings("fraud", "prod")
    assert caught.value.message.startswith(f'{FILE}:5:3: models."*ud": both "*ud" and "fr*" (line 4) fit the model')
    only_one = mapping.settings("frost", "prod")
    assert only_one is not None
    assert only_one.url == "a"


def test_a_model_without_a_deployer_is_a_complaint_that_names_it() -> None:
    text = "version: 1\nstages:\n  prod: {url: a}\nmodels: {churn: {stages: {prod: {deploy: {run: x}}}}}\n"
    assert _settings("churn", "prod", text).options == {"run": "x"}
    with pytest.raises(MappingInvalid, match="nothing says how to deploy model other to stage prod"):
        _load(text).settings("other", "prod")


def test_the_environment_is_the_stage_and_production_is_known_by_name() -> None:
    text = "version: 1\nstages: {prod: {deploy: {run: x}}, production: {production: false, deploy: {run: x}}}\n"
    assert _settings("m", "prod", text).environment == "prod"
    assert _settings("m", "prod", text).production
    assert not _settings("m", "production", text).production


def test_numbers_in_vars_env_and_argv_are_text_as_written() -> None:
    text = 'version: 1\nvars: {python: 3.10, "on": off}\n'
    text += "stages: {p: {deploy: {argv: [./x, 8080, 007, true], env: {PORT: 1_0, DEBUG: yes, AT: 12:30}}}}\n"
    settings = _settings("m", "p", text)
    assert settings.vars == {"python": "3.10", "on": "off"}
    assert settings.options == {"argv": ["./x", "8080", "007", "true"]}
    assert settings.env == {"PORT": "1_0", "DEBUG": "yes", "AT": "12:30"}


def test_an_unmapped_stage_names_the_mapped_ones_and_the_nearest() -> None:
    error = unmapped_stage(_load(LAYERED), "fraud/eu", "prd")
    assert isinstance(error, Invalid)
    assert error.reason is Reason.UNMAPPED_STAGE
    assert error.exit_code == 2
    assert error.message.endswith("stages mapped for it: staging, prod, canary")
    assert "did you mean prod?" in error.hint
    assert "unmapped: ignore" in error.hint
    assert "mean" not in unmapped_stage(_load(LAYERED), "churn", "zzz").hint


def test_unmapped_is_an_error_unless_the_file_says_ignore() -> None:
    stages = "stages: {p: {deploy: {run: x}}}\n"
    assert _load("version: 1\n" + stages).unmapped == "error"
    assert _load("version: 1\nunmapped: ignore\n" + stages).unmapped == "ignore"


def test_braces_in_run_are_a_note_with_their_line() -> None:
    mapping = _load("version: 1\nstages:\n  p:\n    deploy:\n      run: echo {{ version }}\n")
    assert [note.split(": `run`")[0] for note in mapping.notes] == [f"{FILE}:5:12: stages.p.deploy.run"]
    assert _load(LAYERED).notes == ()


def test_templates_lists_what_will_be_rendered_but_no_scripts() -> None:
    found = {template.text for template in _load(LAYERED).templates()}
    assert found == {"production", "https://e.example", "https://canary.example"}
