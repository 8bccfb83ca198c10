"""What is done is what was shown, once, and where it belongs; what was not done is not told as done."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from model_stage_deploy.core.redaction import Secret
from model_stage_deploy.faces.acting import offered
from model_stage_deploy.faces.settings import Settings
from model_stage_deploy.faces.web.actions import Actions
from model_stage_deploy.faces.web.runs import MOST_KEPT, Run, Runs
from tests.faces.command_lines import run
from tests.faces.web.served import MAPPING, Answer, Place, Reader, served
from tests.faces.web.test_actions import ended
from tests.standins.github import GitHubStandIn

pytestmark = pytest.mark.thorough  # processes, one after the other

ASSIGN = {"model": "churn", "stage": "staging", "version": "v1.0.0"}


@pytest.fixture(autouse=True)
def nobodys_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Git as on a machine where nobody has set anything."""
    for name, value in {"HOME": tmp_path, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}.items():
        monkeypatch.setenv(name, str(value))
    for name in ("GITHUB_TOKEN", "GITHUB_REPOSITORY", "GITHUB_ACTIONS", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "place").with_versions()


@pytest.fixture
def ada(place: Place) -> Iterator[Reader]:
    with served(place.clone.path) as address:
        yield Reader(address)


def assigned(place: Place) -> list[str]:
    return [name for name in place.remote.tags() if "#" in name]


def until(so: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < end
        time.sleep(0.05)


def at_once(*asks: Callable[[], Answer]) -> list[Answer]:
    """All of them in the same moment."""
    start, answers = threading.Barrier(len(asks)), [Answer(0, {}, "")] * len(asks)

    def ask(number: int) -> None:
        start.wait()
        answers[number] = asks[number]()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(len(asks))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_a_gate_that_says_no_by_now_is_told_before_the_tag_is_made(place: Place, ada: Reader) -> None:
    place.commit({"model-stages.yml": MAPPING.replace("    gates: {needs: [staging]}\n", "")})
    asked = {"model": "churn", "stage": "prod", "version": "v2.0.0"}
    look = ada.look("assign", **asked)
    assert "Assign v2.0.0 to prod" in look.words
    place.commit({"model-stages.yml": MAPPING})
    told = ada.confirm("assign", look, **asked)
    assert assigned(place) == [] and "changed in the meantime" in told.words and "Assign anyway" in told.words
    assert "churn#prod#1" in ada.confirm("assign", told, **asked).words, "who wants it all the same can have it"


def test_another_script_than_the_one_that_was_shown_is_not_run(place: Place, ada: Reader) -> None:
    ada.do("assign", **ASSIGN)
    asked = {"model": "churn", "stage": "staging"}
    look = ada.look("deploy", **asked)
    place.commit({"model-stages.yml": MAPPING.replace('echo "to $MSD_STAGE"', "echo other >> live.txt")})
    told = ada.confirm("deploy", look, **asked)
    assert "changed in the meantime" in told.words and "echo other" in told.words, told.words
    assert place.live == []
    ended(ada, ada.confirm("deploy", told, **asked))
    assert place.live == ["other", "v1.0.0"]


def test_tags_that_the_clone_lacks_are_told_before_it_deploys(place: Place) -> None:
    """Somebody gave the stage v2.0.0; this clone has not heard of it."""
    place.tag("churn#staging#1", place.commits[1])
    place.tag("churn#staging#2", place.commits[2])
    place.clone.git("tag", "--delete", "churn#staging#2")
    with served(place.clone.path) as address:
        reader = Reader(address)
        until(lambda: "churn#staging#2" in reader.look("deploy", model="churn", stage="staging").words)
        assert "Deploy v1.0.0" in reader.look("deploy", model="churn", stage="staging").words


def test_a_checkout_does_not_pass_for_this_program(place: Place, ada: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """`python -m` looks in the current directory first, which may be the served clone, on any branch by now."""
    monkeypatch.chdir(place.clone.path)
    place.commit({"model_stage_deploy/__init__.py": "", "model_stage_deploy/__main__.py": "open('live.txt', 'w')"})
    ada.do("assign", **ASSIGN)
    end = ended(ada, ada.do("deploy", model="churn", stage="staging"))
    assert "deployed" in end.words and place.live == ["v1.0.0"], end.words


@pytest.mark.parametrize("what", ["assign", "register", "unassign", "lock"])
def test_a_form_that_is_sent_twice_does_one_thing(place: Place, ada: Reader, what: str) -> None:
    if what == "unassign":
        for version in ("v2.0.0", "v1.0.0"):
            ada.do("assign", **{**ASSIGN, "version": version})
    place.commit({"model.txt": "3\n"})
    asked = {"model": "churn"} | ({} if what == "register" else {"stage": "staging"})
    asked |= {"version": "v1.0.0"} if what == "assign" else {}
    asked |= {"message": "why"}
    look, before = ada.look(what, **asked), len(place.remote.tags())
    answers = at_once(*[lambda: ada.confirm(what, look, **asked)] * 2)
    done = [answer for answer in answers if answer.headers.get("hx-trigger")]
    assert len(done) == 1, [answer.words for answer in answers]
    assert len(place.remote.tags()) == before + (what != "lock")
    again = ada.confirm(what, look, **asked)
    assert "hx-trigger" not in again.headers and len(place.remote.tags()) == before + (what != "lock")


def test_a_deployment_that_is_confirmed_twice_is_made_once(place: Place, ada: Reader) -> None:
    slow = MAPPING.replace('echo "to $MSD_STAGE"', "sleep 2")
    place.commit({"model-stages.yml": slow})
    ada.do("assign", **ASSIGN)
    asked = {"model": "churn", "stage": "staging"}
    look = ada.look("deploy", **asked)
    answers = at_once(*[lambda: ada.confirm("deploy", look, **asked)] * 2)
    [run] = [answer for answer in answers if "/tail" in answer.text]
    [told] = [answer for answer in answers if "/tail" not in answer.text]
    assert "still at work" in told.words and told.status in (200, 409), told.words
    assert "deployed" in ended(ada, run).words and place.live == ["v1.0.0"]
    again = ada.confirm("deploy", look, **asked)
    assert "/tail" not in again.text, "the same form once more, when it is live"


@pytest.mark.parametrize("url", ["work:org/models.git", "git.example.com:org/models", "git@work:org/models.git"])
def test_a_remote_by_ssh_is_another_machine_whatever_it_is_called(place: Place, url: str) -> None:
    """`work` may be a name of ~/.ssh/config: Git takes all with a colon before the first slash for one."""
    place.clone.git("remote", "set-url", "origin", url)
    assert "deploy" not in offered(Settings(command="status", repo=str(place.clone.path)), {})


def test_a_remote_that_is_lost_on_the_way_is_no_change_by_others(place: Place, ada: Reader) -> None:
    look = ada.look("assign", **ASSIGN)
    place.remote.path.rename(place.path / "elsewhere")
    told = ada.confirm("assign", look, **ASSIGN)
    assert "cannot be reached" in told.words and "meantime" not in told.words, told.words
    assert "Nothing was made" in told.words


def test_what_a_hook_refuses_is_nowhere_and_the_message_is_still_in_the_form(place: Place, ada: Reader) -> None:
    hook = place.remote.path / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'tags of stages are protected' >&2\nexit 1\n")
    hook.chmod(0o755)
    told = ada.do("assign", **ASSIGN, message="a long story")
    assert "tags of stages are protected" in told.words and "a long story" in told.text
    assert assigned(place) == [] and not [name for name in place.clone.tags() if "#" in name]
    hook.unlink()
    assert "churn#staging#1" in ada.do("assign", **ASSIGN, message="a long story").words


def test_what_an_unassignment_starts_is_not_left_untold(place: Place, ada: Reader) -> None:
    """The look says that v1.0.0 is deployed then; here nobody does that by himself."""
    for version in ("v1.0.0", "v2.0.0"):
        ada.do("assign", **{**ASSIGN, "version": version})
        ended(ada, ada.do("deploy", model="churn", stage="staging"))
    done = ada.do("unassign", model="churn", stage="staging")
    assert "deploy 'churn#staging!#3'" in done.words and "Deploy it now" not in done.words, done.words
    assert run(place.clone.path, "deploy", "churn#staging!#3", "--records", "log").exit_code == 0
    assert place.live == ["v1.0.0", "v2.0.0", "v1.0.0"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_deployment_ends_with_the_server(place: Place, number: int) -> None:
    script = "echo begun > begun.txt; sleep 6"
    place.commit({"model-stages.yml": MAPPING.replace('echo "to $MSD_STAGE"', script)})
    place.tag("churn#staging#1", place.commits[1])
    argv = [sys.executable, "-m", "model_stage_deploy", "serve", "--repo", str(place.clone.path), "--port", "0"]
    with subprocess.Popen([*argv, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as server:
        assert server.stdout is not None
        try:
            reader = Reader(json.loads(server.stdout.readline())["open"])
            reader.do("deploy", model="churn", stage="staging")
            until((place.clone.path / "begun.txt").exists)
            server.send_signal(number)
            assert server.wait(15) == 0
        finally:
            server.kill()
    argv = [sys.executable, "-m", "model_stage_deploy", "status", "--json", "--repo", str(place.clone.path)]
    [row] = json.loads(subprocess.run(argv, capture_output=True, check=True).stdout)["stages"]
    assert row["state"] == "failed", "it was cancelled, and its record is closed"
    assert place.live == []


def ran(text: str) -> Run:
    run = Runs(os.environ).start([sys.executable, "-c", text], place="p", title="t")
    until(lambda: run.exit_code is not None)
    return run


@pytest.mark.parametrize(("result", "kind"), [("deployed", "ok"), ("undeployed", "ok"), ("nothing-to-do", "warn")])
def test_a_run_that_did_nothing_is_not_marked_as_done(result: str, kind: str) -> None:
    """Between the look and the run somebody else may have deployed the same."""
    view = Actions._run_view(ran(f"print({json.dumps(json.dumps({'result': result, 'message': 'why'}))})"))
    assert (view.kind, view.told) == (kind, "why")


def test_words_without_line_ends_are_kept_and_letters_are_whole() -> None:
    text = f"import sys; sys.stderr.write('é' * {MOST_KEPT} + 'the end')"
    run = ran(text)
    assert run.cut and run.log.endswith("éthe end") and "\ufffd" not in run.log and len(run.log) > 1000


def test_a_log_cannot_turn_the_page_around() -> None:
    run = ran("import sys; sys.stderr.write('one\\n\\u202etwo\\x1b[31m\\r\\n\\tthree\\n')")
    assert "\u202e" not in run.log and "\x1b" not in run.log
    assert "one\n" in run.log and "three" in run.log


def test_a_child_that_stays_behind_keeps_nobody_waiting() -> None:
    runs = Runs(os.environ)
    text = "import subprocess, sys; subprocess.Popen(['sleep', '30'], start_new_session=True)"
    run = runs.start([sys.executable, "-c", text], place="p", title="t")
    until(lambda: run.exit_code is not None)
    begun = time.monotonic()
    for number in range(5):
        assert run.exit_code == 0
        runs.start([sys.executable, "-c", ""], place=f"p{number}", title="t")
    assert time.monotonic() - begun < 2
    runs.end()


@pytest.mark.parametrize(
    "tag", ["", "churn", "churn@v1.0.0", "churn@deprecated", "a#b#1", "../x=y#z#1", "#", "x" * 1100]
)
def test_a_run_is_asked_for_any_tag_without_harm(place: Place, tag: str) -> None:
    with GitHubStandIn() as github:
        environ = {"GITHUB_TOKEN": "t", "GITHUB_REPOSITORY": "org/models", "GITHUB_API_URL": github.url}
        with served(place.clone.path, environ=environ, token=Secret("t")) as address:
            found = Reader(address).get(f"/started?tag={tag.replace('#', '%23')}")
        assert found.status == 200 and "defect" not in found.words
