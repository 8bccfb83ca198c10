"""Secrets of every kind, leaked by deployers, receivers, templates and mistakes: no reader ever sees one."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

import pytest

from tests.faces import corpora
from tests.faces.jobs import TOKEN, Ended, Job
from tests.faces.runner_log import assert_only_ours, lines_of
from tests.standins.receiver import Answer

pytestmark = pytest.mark.thorough

SECRETS = corpora.secrets()
GROUPS = list(zip(*[iter(SECRETS)] * 3, strict=True))
NAME = "HOOK_KEY"

LEAKING = """\
import base64, json, os, urllib.parse

from model_stage_deploy.deployers.contract import Receipt


class Deployer:
    def describe(self, plan, options):
        return [f"would use {options['keys']}"]

    def deploy(self, job, options):
        for key in options["keys"]:
            self.leak(job, key)
        told = "".join(options["keys"])
        if options["end"] == "raise":
            raise RuntimeError(f"could not sign in with {told}\\nreally: {told}")
        return Receipt(url="https://models.example.com/?key=" + urllib.parse.quote(options["keys"][0], safe=""))

    def leak(self, job, key):
        raw = key.encode()
        spellings = [key, json.dumps(key), json.dumps(key, ensure_ascii=False), repr(key)]
        spellings += [urllib.parse.quote(key), urllib.parse.quote(key, safe=""), urllib.parse.quote_plus(key)]
        spellings += [base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()]
        for spelling in spellings:
            for size in (1, 3, len(spelling)):
                for start in range(0, len(spelling), size):
                    job.output(spelling[start : start + size])
                job.output("\\n")
        print("printed", key)
        job.output(f"unended {key}")
"""

MAPPING = """\
version: 1
stages:
  dev:
    environment: development
    url: "https://models.example.com/?key={{ secrets.HOOK_KEY | urlencode }}"
    secrets: [HOOK_KEY, SECOND, THIRD]
    deploy:
      uses: ./deployers/leaking.py
      with: {keys: ["{{ secrets.HOOK_KEY }}", "{{ secrets.SECOND }}", "{{ secrets.THIRD }}"], end: END}
  staging:
    environment: staging
    secrets: [HOOK_KEY]
    deploy:
      run: |
        printf '%s' "$HOOK_KEY" | base64 -w0; echo; echo "$HOOK_KEY" | base64 -w0; echo
        printf 'user:%s' "$HOOK_KEY" | base64 -w0; echo
        for word in first second; do printf '%s ' "$word"; sleep 0.05; printf '%s\\n' "$HOOK_KEY"; done
        half=$(( ${#HOOK_KEY} / 2 )); printf '%s' "${HOOK_KEY:0:half}"; sleep 0.2; printf '%s\\n' "${HOOK_KEY:half}" >&2
        printf 'url=https://models.example.com/%s\\n' "$HOOK_KEY" > "$MSD_OUTPUT"
        exit 3
  prod:
    environment: production
    secrets: [HOOK_KEY, SECOND, THIRD, NOT_USED]
    deploy:
      uses: webhook
      with:
        url: "RECEIVER/hooks/{{ secrets.HOOK_KEY | urlencode }}?key={{ secrets.HOOK_KEY | urlencode }}"
        signature: github
        secret: "{{ secrets.HOOK_KEY }}"
        body: {key: "{{ secrets.HOOK_KEY }}", nested: [{"in": "<{{ secrets.SECOND }}>"}, "{{ secrets.THIRD }}"]}
      retries: 0
"""


def _set(job: Job, *names: str) -> list[str]:
    """Give the job three secrets of the corpus; their values."""
    values = [SECRETS[name] for name in names]
    job.extra |= dict(zip((NAME, "SECOND", "THIRD"), values, strict=True))
    return values


def _map(job: Job, end: str = "raise") -> None:
    job.map(MAPPING.replace("END", end), {"deployers/leaking.py": LEAKING})


@pytest.mark.parametrize("names", GROUPS, ids="+".join)
def test_a_deployer_that_says_all_it_knows_gives_no_secret_away(job: Job, names: tuple[str, ...]) -> None:
    first, second, third = secrets = _set(job, *names)
    _map(job)
    raised = job.push("churn#dev#3")

    assert (raised.exit_code, raised.outputs["reason"]) == (1, "deployer-failed"), raised.log
    _assert_unseen(job, raised, *secrets)
    assert "***" in raised.document["message"]

    answer = json.dumps({"url": f"https://models.example.com/{quote(first, safe='')}", "echo": secrets})
    shown = f"you sent {first} and {quote(second)} and {third}\n{answer}"
    job.receiver.behave(Answer(418, shown.encode()))
    refused = job.push("churn#prod#5")
    assert (refused.exit_code, refused.outputs["reason"]) == (1, "deployer-failed"), refused.log
    _assert_unseen(job, refused, *secrets)
    assert job.receiver.requests[-1].json == {"key": first, "nested": [{"in": f"<{second}>"}, third]}
    assert job.receiver.requests[-1].target.endswith(f"?key={quote(first, safe='/')}")


@pytest.mark.parametrize("name", ["pem", "url", "unicode"])
def test_neither_a_script_nor_a_good_end_gives_a_secret_away(job: Job, name: str) -> None:
    secret, *_ = _set(job, name, "short", "short")
    _map(job, end="return")
    script = job.push("churn#staging#4")
    assert (script.exit_code, script.outputs["reason"]) == (1, "deployer-failed"), script.log
    _assert_unseen(job, script, secret)

    good = job.push("churn#dev#3")
    assert good.exit_code == 0, good.log
    _assert_unseen(job, good, secret)
    assert "***" in good.outputs["environment-url"]


def test_secrets_that_hold_each_other_leave_nothing_of_the_longer_one(job: Job) -> None:
    shorter, longer = "abcd-1234", "xx-abcd-1234-yy-abcd-1234-zz"
    job.extra |= {"SHORTER": shorter, "LONGER": longer}
    script = "echo $LONGER; echo $SHORTER; printf %s ${LONGER:0:12}; sleep 0.1; echo ${LONGER:12}; exit 1"
    job.map(f'version: 1\nstages: {{dev: {{secrets: [SHORTER, LONGER], deploy: {{run: "{script}"}}}}}}\n')
    ended = job.push("churn#dev#3")

    _assert_unseen(job, ended, shorter, longer)
    assert "xx-" not in ended.everything
    assert "-yy-" not in ended.everything


@pytest.mark.parametrize(
    ("with_", "reason"),
    [
        ('{url: "RECEIVER/{{ secrets.HOOK_KEY.nothing }}"}', "template-error"),
        ('{url: "RECEIVER/", body: "{{ secrets.HOOK_KEY | int + none }}"}', "template-error"),
        ('{url: "RECEIVER/", body: "{{ secrets }}"}', "template-error"),
        ('{url: "{{ secrets.HOOK_KEY }}"}', "template-error"),
        ('{url: "RECEIVER/", success: ["{{ secrets.HOOK_KEY }}"]}', "mapping-invalid"),
        ('{url: "RECEIVER/", secret: "{{ secrets.HOOK_KEY }}"}', "mapping-invalid"),
        ('{url: "RECEIVER/", poll: {state: "{{ secrets.HOOK_KEY }}"}}', "mapping-invalid"),
        ('{url: "RECEIVER/", method: "{{ secrets.HOOK_KEY }}"}', "mapping-invalid"),
        ('{url: "RECEIVER/", headers: {X-Key: "{{ secrets.HOOK_KEY }}\\n"}}', "mapping-invalid"),
        ('{url: "RECEIVER/", "{{ secrets.HOOK_KEY }}": x}', "mapping-invalid"),
    ],
)
def test_a_mistake_with_a_secret_is_told_without_it(job: Job, with_: str, reason: str) -> None:
    job.extra[NAME] = secret = "pa55-word:never/seen"
    job.map(f"version: 1\nstages: {{prod: {{secrets: [HOOK_KEY], deploy: {{uses: webhook, with: {with_}}}}}}}\n")
    ended = job.push("churn#prod#5")

    assert ended.outputs["reason"] == reason, ended.log
    _assert_unseen(job, ended, secret)
    assert job.receiver.requests == []


def test_a_dry_run_shows_the_plan_without_its_secrets(job: Job) -> None:
    secret, *_ = _set(job, "pem", "short", "short")
    _map(job)
    for tag in ("churn#prod#5", "churn#dev#3"):
        ended = job.push(tag, dry_run="true")
        assert (ended.exit_code, ended.outputs["reason"]) == (0, "dry-run"), ended.log
        _assert_unseen(job, ended, secret)
        assert "***" in ended.log
    checked = job.dispatch(command="check")
    assert checked.exit_code == 0, checked.log
    _assert_unseen(job, checked, secret)


def test_masks_come_before_anything_that_uses_the_secret(job: Job) -> None:
    secret, *_ = _set(job, "pem", "short", "short")
    _map(job)
    ended = job.push("churn#dev#3")

    commands = assert_only_ours(ended.log)
    masks = [command for command in commands if command.name == "add-mask"]
    assert masks[0].data == TOKEN
    assert masks[0].line == 0
    assert {command.data for command in masks} >= {secret, *secret.splitlines()}
    others = [number for number, line in enumerate(lines_of(ended.log)) if line and not line.startswith("::add-mask::")]
    assert max(command.line for command in masks) < min(others)


def test_a_secret_that_nobody_set_is_missed_with_the_line_to_add(job: Job) -> None:
    _map(job)
    job.extra[NAME] = job.extra["SECOND"] = ""
    job.extra["THIRD"] = "third-secret"
    ended = job.push("churn#prod#5")

    assert (ended.exit_code, ended.outputs["reason"]) == (2, "secret-missing"), ended.log
    assert "env: {HOOK_KEY: ${{ secrets.HOOK_KEY }}}" in ended.log
    assert "NOT_USED" not in ended.log
    assert job.receiver.requests == []
    assert [call for call in job.github.calls if call.method != "GET"] == []


def test_a_secret_that_is_set_and_not_listed_is_out_of_a_templates_reach(job: Job) -> None:
    job.extra["UNLISTED"] = "unlisted-secret-99"
    job.map("version: 1\nstages: {prod: {deploy: {uses: webhook, with: {url: 'RECEIVER/{{ secrets.UNLISTED }}'}}}}\n")
    ended = job.push("churn#prod#5")

    assert (ended.exit_code, ended.outputs["reason"]) == (2, "template-error"), ended.log
    assert "list UNLISTED under `secrets:`" in ended.log
    _assert_unseen(job, ended, "unlisted-secret-99")


def test_the_token_is_unseen_even_where_a_script_looks_for_it(job: Job) -> None:
    job.extra |= {"ACTIONS_RUNTIME_TOKEN": "runtime-token-1", "GITHUB_TOKEN": TOKEN}
    script = "env | sort; git remote -v; cat .git/config; git -C $MSD_MODEL_DIR config --list; exit 1"
    job.map(f'version: 1\nstages: {{dev: {{deploy: {{run: "{script}"}}}}}}\n')
    ended = job.push("churn#dev#3")

    assert ended.exit_code == 1, ended.log
    assert "MSD_VERSION=v2.0.0" in ended.log
    assert "INPUT_TOKEN" not in ended.log
    assert "extraheader" not in ended.log
    _assert_unseen(job, ended, TOKEN, "runtime-token-1")


def test_a_token_in_the_remotes_words_is_unseen(job: Job) -> None:
    job.remote.token = "another"
    ended = job.push("churn#prod#5")

    assert (ended.exit_code, ended.outputs["reason"]) == (4, "permission-missing"), ended.log
    _assert_unseen(job, ended, TOKEN)


def _assert_unseen(job: Job, ended: Ended, *secrets: str) -> None:
    """No spelling of a secret in anything that a person, a later step or GitHub is given."""
    assert_only_ours(ended.log)
    assert "Traceback" not in ended.log
    told = json.dumps([call.body for call in job.github.calls], ensure_ascii=False)
    targets = "\n".join(call.target for call in job.github.calls)
    shown = "\n".join([ended.everything, json.dumps(ended.document, ensure_ascii=False), told, targets])
    for secret in secrets:
        seen = [spelling for spelling in _spellings(secret) if spelling in shown]
        assert seen == [], f"{seen} is seen"


def _spellings(secret: str) -> Iterator[str]:
    telling = [line.strip() for line in secret.splitlines() if len(line.strip()) >= 8]
    for text in {secret, secret.strip(), *(telling if "\n" in secret.strip() else [])}:
        raw = text.encode()
        yield from (text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1])
        yield from (quote(text), quote(text, safe=""), quote_plus(text))
        whole = len(raw) // 3 * 3  # what comes after changes the last letters
        yield base64.b64encode(raw[:whole]).decode()
        yield base64.urlsafe_b64encode(raw[:whole]).decode()
