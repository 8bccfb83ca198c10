"""Hostile texts in tags, annotations, mapping values, scripts' output and answers: they are shown, and do nothing."""

from __future__ import annotations

import json
import subprocess
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import pytest

from model_stage_deploy.faces.settings import OUTPUTS
from tests.faces import corpora
from tests.faces.jobs import SECRET, TOKEN, Ended, Job
from tests.faces.rendered import assert_harmless, cells
from tests.faces.runner_log import assert_only_ours, commands_of, foreign_of
from tests.standins.receiver import Answer

pytestmark = pytest.mark.thorough

VALUES = corpora.values()
TELLING = ("command-substitution", "newline-command", "separators", "right-to-left", "html")
GROUPS = list(zip(*[iter([name for name in VALUES if name != "traversal"])] * 3, strict=False))
LIVE = "https://models.example.com/churn"

MAPPING = """\
version: 1
defaults:
  vars: {{hostile: {var}}}
stages:
  staging:
    environment: {environment}
    deploy:
      run: |
        printf '%s\\n' "$MSD_MODEL_DESCRIPTION" "$MSD_MODEL_TYPE" "$HOSTILE"
        printf '%s' "$HOSTILE" >&2
        printf '%s\\0' "$MSD_MODEL_DESCRIPTION" "$MSD_MODEL_TYPE" "$HOSTILE" > {arrived}
        exit 1
      env: {{HOSTILE: "{{{{ vars.hostile }}}}"}}
  prod:
    environment: production
    url: "https://models.example.com/{{{{ model.slug }}}}"
    secrets: [DEPLOY_HOOK_SECRET]
    deploy:
      uses: webhook
      with:
        url: "RECEIVER/{{{{ model.description|urlencode }}}}?a={{{{ model.type }}}}&b={{{{ vars.hostile|urlencode }}}}"
        secret: "{{{{ secrets.DEPLOY_HOOK_SECRET }}}}"
        body: ["{{{{ model.description }}}}", "{{{{ model.type }}}}", "{{{{ vars.hostile }}}}"]
      retries: 0
"""


def test_the_runners_reading_of_a_log_finds_every_command() -> None:
    log = "\n".join(["::set-env name=A::1", " \u00a0::x::", "a::b::", "::none", "see ##[add-path]/x", "y\r::z::1"])
    assert [command.name for command in commands_of(log)] == ["set-env", "x", "##[add-path]", "z"]
    stopped = "::stop-commands::T\n::set-env name=A::1\n##[x]\n::T::\n::group::g"
    assert [command.name for command in commands_of(stopped)] == ["stop-commands", "T", "group"]


def test_the_sentinels_would_be_made_if_a_shell_read_the_texts(tmp_path: Path) -> None:
    text = VALUES["command-substitution"].replace(corpora.SENTINEL, str(tmp_path / "sentinel"))
    subprocess.run(["bash", "-c", f'echo "{text}"'], check=True, capture_output=True)
    assert (tmp_path / "sentinel").exists()


@pytest.mark.parametrize("names", GROUPS, ids="+".join)
def test_hostile_texts_travel_unharmed_and_do_no_harm(job: Job, names: Sequence[str]) -> None:
    description, kind, var = values = _prepare(job, names)

    sent = job.push("churn#prod#7")
    assert sent.exit_code == 0, sent.log
    _assert_inert(job, sent, (LIVE,))
    assert (sent.outputs["description"], sent.outputs["type"]) == (description, kind)
    [delivery] = job.receiver.requests
    query = f"a={quote(kind, safe='/')}&b={quote(var, safe='/')}"
    assert delivery.target == f"/{quote(description, safe='/')}?{query}"
    assert delivery.json == values

    shown = job.push("churn#staging#8")
    page = _assert_inert(job, shown)
    assert (shown.exit_code, shown.outputs["reason"]) == (1, "deployer-failed"), shown.log
    assert (job.path / "arrived").read_bytes().decode().split("\0")[:-1] == values
    assert cells(page)["Model"] == "churn"


def test_a_text_that_climbs_out_of_a_url_is_refused(job: Job) -> None:
    _prepare(job, ["traversal", "traversal", "traversal"])
    ended = job.push("churn#prod#7")

    assert (ended.exit_code, ended.outputs["reason"]) == (2, "template-error"), ended.log
    _assert_inert(job, ended)
    assert job.receiver.requests == []


def test_hostile_answers_of_a_webhook_are_only_shown(job: Job) -> None:
    body = "\n".join(_armed(job, name) for name in VALUES).encode()
    for headers in ({"X-Odd": "::error::x"}, {"Location": "/../%0A::error::x"}, {"Retry-After": "1;touch x"}):
        job.receiver.behave(Answer(500, body[-1900:] if headers.get("X-Odd") else body, headers))
        ended = job.push("churn#prod#5")
        _assert_inert(job, ended)
        assert (ended.exit_code, ended.outputs["environment-url"]) == (1, LIVE), ended.log


@pytest.mark.parametrize("prefix", ["", "https://evil.example/"])
def test_a_hostile_url_in_an_answer_is_used_only_if_it_is_a_plain_one(job: Job, prefix: str) -> None:
    for name in ("markdown-link", "right-to-left", "newline-command") if prefix else ("html", "encoded-traversal"):
        job.receiver.behave(Answer(200, json.dumps({"url": prefix + _armed(job, name)}).encode()))
        ended = job.push("churn#prod#5")
        _assert_inert(job, ended, (LIVE,))
        assert (ended.exit_code, ended.outputs["environment-url"]) == (0, LIVE), ended.log


def test_a_strange_but_valid_url_in_an_answer_becomes_no_markup(job: Job) -> None:
    url = 'https://evil.example/)[x](javascript:alert(1))"onclick=`|<b>%0A::error::x'
    job.receiver.behave(Answer(200, json.dumps({"url": url}).encode()))
    ended = job.push("churn#prod#5")

    assert ended.exit_code == 0, ended.log
    assert ended.outputs["environment-url"] == url
    _assert_inert(job, ended)


@pytest.mark.parametrize("half", [0, 1])
def test_a_hostile_ref_of_an_event_is_nothing_to_do(job: Job, half: int) -> None:
    for text in corpora.tags()[half::2]:
        tag = text.replace(corpora.SENTINEL, str(job.path / "sentinel"))
        ref = f"refs/tags/{tag}"
        ended = job.run("push", ref, "c" * 40, {"ref": ref, "after": "c" * 40}, {}, "none")
        assert (ended.exit_code, ended.outputs["reason"]) == (0, "not-a-stage-tag"), ended.log
        assert ended.outputs["tag"] == tag
        _assert_inert(job, ended)
    assert job.remote.requests == []


@pytest.mark.parametrize("given", ["tag", "model", "stage", "to", "config", "config-ref", "command", "dry-run", "repo"])
def test_a_hostile_input_is_a_clear_end(job: Job, given: str) -> None:
    rolling_back = {"command": "rollback", "model": "churn", "stage": "prod"}
    value = "\n".join(_armed(job, name) for name in TELLING)
    inputs = rolling_back if given in ("model", "stage", "to") else {"tag": "churn#prod#5"}
    ended = job.dispatch(**(inputs | {given: value}))

    _assert_inert(job, ended, (LIVE,) if given == "repo" else ())
    assert ended.outputs["reason"] in _EXPECTED.get(given, ("usage",)), ended.log
    assert given == "repo" or job.receiver.requests == []


_EXPECTED = {
    "tag": ("not-a-gto-tag", "not-a-stage-tag"),
    "to": ("unknown-version",),
    "config": ("mapping-not-found",),
    "config-ref": ("git-failed",),
    "repo": ("deployed",),  # no clone there: the remote is asked
}


@pytest.mark.parametrize("name", TELLING[1:])
def test_hostile_words_of_github_are_only_shown(job: Job, name: str) -> None:
    value = _armed(job, name)
    job.github.fail_next("POST", "/deployments$", status=422, body={"message": value, "errors": [value]}, times=2)
    ended = job.push("churn#prod#5")

    _assert_inert(job, ended)
    assert (ended.exit_code, ended.outputs["reason"]) == (4, "start-not-recorded"), ended.log
    assert job.receiver.requests == []


def test_a_hostile_annotation_file_is_a_warning(job: Job) -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )
    for text in (bomb, "artifacts: {churn: !!python/object/apply:os.system [exit 1]}\n"):
        job.repository.commit({"dvc.yaml": text})
        job.repository.tag("churn@v3.0.0", force=True)
        job.repository.tag("churn#prod#7", force=True)
        job.publish()
        ended = job.push("churn#prod#7")
        _assert_inert(job, ended, (LIVE,))
        assert (ended.exit_code, ended.outputs["path"]) == (0, ""), ended.log
        assert "has no usable annotation" in ended.log


def _armed(job: Job, name: str) -> str:
    return VALUES[name].replace(corpora.SENTINEL, str(job.path / "sentinel"))[:4096]


def _prepare(job: Job, names: Sequence[str]) -> list[str]:
    """Tags v3.0.0, #prod#7 and #staging#8 on a commit whose annotation is hostile, with a mapping that is too."""
    description, kind, var = values = [_armed(job, name) for name in names]
    entry = f"{{path: models/churn.pkl, type: {_quoted(kind)}, desc: {_quoted(description)}}}"
    job.repository.commit({"dvc.yaml": f"artifacts: {{churn: {entry}}}\n"}, message=description)
    for tag, message in (("churn@v3.0.0", kind), ("churn#prod#7", var), ("churn#staging#8", description)):
        job.repository.tag(tag, message=message)
    environment = next((value for value in values if value.isprintable() and len(value) < 200), "plain")
    template = _quoted("{{ " + json.dumps(environment) + " }}")
    job.map(MAPPING.format(var=_quoted(var), environment=template, arrived=job.path / "arrived"))
    return values


def _quoted(text: str) -> str:
    """A YAML text with everything that is not plain ASCII spelled out."""
    plain = (char if " " <= char <= "~" and char not in '"\\' else f"\\U{ord(char):08x}" for char in text)
    return f'"{"".join(plain)}"'


def _assert_inert(job: Job, ended: Ended, links: tuple[str, ...] = ()) -> str:
    """What must hold of every end, whatever was said; the rendered summary."""
    assert_only_ours(ended.log)
    assert set(ended.outputs) == {output.name for output in OUTPUTS}
    assert ended.document["result"] == ended.outputs["result"]
    assert "Traceback" not in ended.log
    assert SECRET not in ended.everything
    assert TOKEN not in ended.everything
    assert not (job.path / "sentinel").exists()
    foreign = set(foreign_of(ended.log).split("\n"))
    ours = [line for line in ended.log.split("\n") if line not in foreign]
    assert [line for line in [*ours, *ended.summary.split("\n")] if _acts(line)] == []
    return assert_harmless(ended.summary, links)


def _acts(line: str) -> bool:
    """Whether a line holds controls, format characters (bidi, zero width) or separators of lines."""
    return any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") for character in line)


def test_files_of_the_runner_that_cannot_be_written_change_no_end(job: Job) -> None:
    missing = job.path / "no" / "such"
    job.extra |= {"GITHUB_OUTPUT": str(missing / "output"), "GITHUB_STEP_SUMMARY": str(missing / "summary")}
    ended = job.push("churn#prod#5")

    assert ended.exit_code == 0, ended.log
    assert_only_ours(ended.log)
    assert "Traceback" not in ended.log
    assert ended.log.count("cannot be written") == 2
    assert len(job.receiver.requests) == 1
