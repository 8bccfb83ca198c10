"""The dialogs over HTTP: looked at, confirmed, refused; who is second is told; what is hostile stays text."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.faces.web.served import MAPPING, Answer, Place, Reader, served


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


def ended(reader: Reader, answer: Answer) -> Answer:
    """The end of a run of ours."""
    found = re.search(r'hx-get="(/runs/[^"]+/tail)"', answer.text)
    assert found is not None, answer.words
    until = time.monotonic() + 60
    while time.monotonic() < until:
        tail = reader.get(found[1])
        if "hx-get" not in tail.text:
            return tail
        time.sleep(0.1)
    raise AssertionError(tail.words)


def test_a_stage_is_assigned_from_the_dialog_to_the_tag_on_the_remote(place: Place, ada: Reader) -> None:
    form = ada.get("/do/assign?model=churn&stage=staging")
    assert form.status == 200 and "<html" not in form.text
    assert re.search(r'<option value="v2.0.0" selected>v2.0.0 · latest', form.text), "newest first, the latest chosen"
    assert "Ada Model" in form.words and "ada@example.com" in form.words and "pushed to the remote" in form.words
    asked = {"model": "churn", "stage": "staging", "version": "v2.0.0", "message": "good\r\nenough"}
    look = ada.look("assign", **asked)
    assert "churn#staging#1" in look.words and "Assign v2.0.0 to staging" in look.words
    assert "churn#staging#1" not in place.remote.tags(), "looking makes nothing"
    done = ada.confirm("assign", look, **asked)
    assert done.headers["hx-trigger"] == "registry-changed" and "churn#staging#1" in done.words
    assert place.remote.tags()["churn#staging#1"] == place.commits[-1] == place.clone.tags()["churn#staging#1"]
    message = place.remote.git("for-each-ref", "--format=%(contents)|%(taggername)", "refs/tags/churn#staging#1")
    assert message.strip() == "good\nenough\n|Ada Model"


def test_a_gate_that_refuses_is_seen_before_the_button_which_says_anyway(place: Place, ada: Reader) -> None:
    look = ada.look("assign", model="churn", stage="prod", version="v2.0.0")
    assert look.text.index("never verified in staging") < look.text.index('id="confirm"')
    assert "Assign anyway" in look.words and "would be refused" in look.words
    assert "“Assign stage”" in look.words and "python -m" not in look.words, "in the words of the page"
    done = ada.confirm("assign", look, model="churn", stage="prod", version="v2.0.0")
    assert "churn#prod#1" in done.words and "churn#prod#1" in place.remote.tags()


def test_it_all_works_without_scripts(place: Place) -> None:
    with served(place.clone.path) as address:
        plain = Reader(address, script=False)
        form = plain.get("/do/assign?model=churn")
        assert form.text.lstrip().startswith("<!doctype html>") and 'id="f-stage"' in form.text
        asked = {"model": "churn", "stage": "staging", "version": "v1.0.0"}
        look = plain.look("assign", **asked)
        assert "<!doctype html>" in look.text and 'formaction="/do/assign"' in look.text
        assert re.search(r'<option value="v1.0.0" selected', look.text), "what was chosen stays chosen"
        assert plain.confirm("assign", look, **asked).status == 200
        assert "churn#staging#1" in place.remote.tags()
        assert plain.look("assign", model="none", stage="x", version="v1.0.0").status == 404


@pytest.mark.thorough
def test_two_who_confirm_at_once_make_one_tag_and_the_second_is_told(place: Place, tmp_path: Path) -> None:
    other = tmp_path / "other"
    place.clone.git("clone", "--quiet", str(place.remote.path), str(other))
    for name, value in (("user.name", "Grace"), ("user.email", "grace@example.com")):
        place.clone.git("-C", str(other), "config", name, value)
    with served(place.clone.path) as here, served(other) as there:
        readers = [Reader(here), Reader(there)]
        asks = [{"model": "churn", "stage": "staging", "version": f"v{number}.0.0"} for number in (1, 2)]
        looks = [reader.look("assign", **asked) for reader, asked in zip(readers, asks, strict=True)]
        start, answers = threading.Barrier(2), [Answer(0, {}, "")] * 2

        def confirm(number: int) -> None:
            start.wait()
            answers[number] = readers[number].confirm("assign", looks[number], **asks[number])

        threads = [threading.Thread(target=confirm, args=(number,)) for number in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        made = [name for name in place.remote.tags() if "#staging" in name]
        assert made == ["churn#staging#1"], "one tag"
        first = next(number for number in (0, 1) if "registry-changed" in answers[number].headers.get("hx-trigger", ""))
        told = answers[1 - first]
        who, version = ("Ada Model", "v1.0.0") if first == 0 else ("Grace", "v2.0.0")
        assert f"{who} assigned {version} to staging (churn#staging#1)" in told.words
        assert "changed in the meantime" in told.words and "Nothing was made" in told.words
        again = asks[1 - first]
        assert "churn#staging#2" in readers[1 - first].confirm("assign", told, **again).words, "nothing is lost"


def test_a_form_that_was_changed_since_the_look_is_looked_at_again(place: Place, ada: Reader) -> None:
    look = ada.look("assign", model="churn", stage="staging", version="v1.0.0")
    told = ada.confirm("assign", look, model="churn", stage="staging", version="v2.0.0")
    assert "You changed the form" in told.words and "meantime" not in told.words
    assert "Assign v2.0.0 to staging" in told.words
    assert not [name for name in place.remote.tags() if "#" in name]


@pytest.mark.parametrize("promise", ["", "0" * 64, "x' OR 1"])
def test_nothing_is_made_without_the_promise_of_what_was_shown(place: Place, ada: Reader, promise: str) -> None:
    told = ada.post("/do/assign", model="churn", stage="staging", version="v1.0.0", promise=promise)
    assert "What would happen" in told.words
    assert not [name for name in place.remote.tags() if "#" in name]


def test_refusals_stand_beside_the_field_with_what_to_do(ada: Reader) -> None:
    look = ada.look("assign", model="churn", stage="staging", version="v9.0.0")
    assert "has no version v9.0.0" in look.words and 'id="confirm"' not in look.text
    error = re.search(r'<div id="f-version-error"[^>]*>(.*?)</div>', look.text, re.DOTALL)
    assert error is not None and "v9.0.0" in error[1]
    assert 'aria-describedby="f-version-error"' in ada.get("/do/assign?model=churn").text


def test_only_allowed_stages_can_be_chosen(place: Place) -> None:
    place.commit({".gto": "stages: [dev, staging]\n"})
    with served(place.clone.path) as address:
        reader = Reader(address)
        form = reader.get("/do/assign?model=churn")
        assert '<select id="f-stage"' in form.text and '<option value="dev"' in form.text
        assert "not allowed" in reader.look("assign", model="churn", stage="prod", version="v1.0.0").words


@pytest.mark.thorough
def test_a_version_is_registered(place: Place, ada: Reader) -> None:
    place.commit({"model.txt": "new\n"})
    done = ada.do("register", model="churn", ref="HEAD", bump="minor")
    assert "churn@v2.1.0" in done.words and place.remote.tags()["churn@v2.1.0"] == place.commits[-1]
    assert "registered on commit" in ada.look("register", model="churn", ref="HEAD").words
    new = ada.do("register", model="fraud/eu", ref="HEAD", version="v1.0.0")
    assert "fraud/eu@v1.0.0" in new.words


def test_a_version_is_taken_out_and_the_fallback_is_shown_first(place: Place, ada: Reader) -> None:
    place.tag("churn#staging#1", place.commits[1])
    place.tag("churn#staging#2", place.commits[2])
    look = ada.look("unassign", model="churn", stage="staging")
    assert "falls back to v1.0.0" in look.words and "Deploys v1.0.0 to staging" in look.words
    ada.confirm("unassign", look, model="churn", stage="staging")
    assert "churn#staging!#3" in place.remote.tags()


def test_without_a_remote_tags_stay_here_and_the_page_says_so(place: Place) -> None:
    place.clone.git("remote", "remove", "origin")
    with served(place.clone.path) as address:
        reader = Reader(address)
        assert "no remote" in reader.get("/do/assign?model=churn").words
        done = reader.do("assign", model="churn", stage="staging", version="v1.0.0")
        assert "Made in this clone" in done.words
        assert "churn#staging#1" in place.clone.tags() and "churn#staging#1" not in place.remote.tags()


def test_where_git_knows_nobody_no_tag_can_be_made(place: Place) -> None:
    place.clone.git("config", "--unset", "user.name")
    place.clone.git("config", "--unset", "user.email")
    place.clone.git("config", "user.useConfigOnly", "true")
    with served(place.clone.path) as address:
        look = Reader(address).look("assign", model="churn", stage="staging", version="v1.0.0")
        assert "Git does not know who" in look.words and "git config user.name" in look.words


@pytest.mark.thorough
def test_a_tag_is_deployed_and_rolled_back_here_with_its_log(place: Place, ada: Reader) -> None:
    for version in ("v1.0.0", "v2.0.0"):
        done = ada.do("assign", model="churn", stage="staging", version=version)
        assert 'href="/do/deploy?model=churn&amp;stage=staging"' in done.text
        look = ada.look("deploy", model="churn", stage="staging")
        assert place.live.count(version) == 0, "looking deploys nothing"
        run = ada.confirm("deploy", look, model="churn", stage="staging")
        end = ended(ada, run)
        assert end.headers["hx-trigger"] == "registry-changed" and "deployed" in end.words, end.words
        assert "to staging" in end.text, "the script's own words"
    assert place.live == ["v1.0.0", "v2.0.0"]
    back = ada.look("rollback", model="churn", stage="staging")
    assert "Roll back to v1.0.0" in back.words
    end = ended(ada, ada.confirm("rollback", back, model="churn", stage="staging"))
    assert place.live[-1] == "v1.0.0" and "rolled back" in end.words
    assert "churn#staging#3" in place.remote.tags(), "the tag that says so"
    again = ada.look("deploy", model="churn", stage="staging")
    assert 'id="confirm"' not in again.text, "there is nothing to deploy"


@pytest.mark.thorough
def test_a_refused_deployment_has_no_button(ada: Reader) -> None:
    ada.do("assign", model="churn", stage="prod", version="v2.0.0")
    look = ada.look("deploy", model="churn", stage="prod")
    assert "never verified in staging" in look.words and 'id="confirm"' not in look.text


@pytest.mark.thorough
def test_an_approval_is_recorded_and_the_gate_counts_it(place: Place, ada: Reader) -> None:
    place.commit({"model-stages.yml": MAPPING.replace("needs: [staging]", "approval: {by: [grace@example.com]}")})
    asked = {"model": "churn", "stage": "prod", "version": "v2.0.0"}
    assert "Assign anyway" in ada.look("assign", **asked).words
    place.clone.git("config", "user.email", "grace@example.com")
    look = ada.look("approve", **asked)
    assert "grace@example.com" in look.words and "the log of this repository" in look.words
    assert "approved churn v2.0.0 for prod" in ada.confirm("approve", look, **asked).words
    assert "asks for no approval in staging" in ada.look("approve", **{**asked, "stage": "staging"}).words
    place.clone.git("config", "user.email", "ada@example.com")
    assert "Assign v2.0.0 to prod" in ada.look("assign", **asked).words


@pytest.mark.thorough
def test_a_stage_is_locked_and_unlocked(place: Place, ada: Reader) -> None:
    asked = {"model": "churn", "stage": "staging", "message": "the audit"}
    place.tag("churn#staging#1")
    assert "say why" in ada.do("lock", model="churn", stage="staging").words
    assert "is locked" in ada.do("lock", **asked).words
    assert "locked already" in ada.look("lock", **asked).words
    assert "the audit" in ada.look("assign", model="churn", stage="staging", version="v1.0.0").words
    look = ada.look("unlock", model="churn", stage="staging")
    assert "the audit" in look.words and "Ada Model" in look.words
    assert "is unlocked" in ada.confirm("unlock", look, model="churn", stage="staging").words
    assert "not locked" in ada.look("unlock", model="churn", stage="staging").words


class Elements(HTMLParser):
    """Elements and attributes of a page, to see that no text became one."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names |= {tag, *(name for name, _ in attrs)}


@pytest.mark.thorough
@pytest.mark.parametrize(
    "hostile", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{7*7}}", "\u202egpj"]
)
def test_hostile_names_and_messages_stay_text(place: Place, ada: Reader, hostile: str) -> None:
    place.tag("churn#staging#1", message=hostile)
    for answer in (
        ada.get(f"/do/assign?model={quote(hostile)}&stage={quote(hostile)}&version={quote(hostile)}"),
        ada.get(f"/do/assign?model=churn&stage={quote(hostile)}&version={quote(hostile)}"),
        ada.look("assign", model="churn", stage=hostile, version=hostile, message=hostile),
        ada.look("register", model=hostile, ref=hostile, version=hostile),
        ada.look("lock", model="churn", stage="staging", message=hostile),
        ada.post(f"/do/{quote(hostile, safe='')}", model=hostile),
        ada.get(f"/started?tag={quote(hostile)}"),
    ):
        assert answer.status < 500
        names = Elements(answer.text).names
        assert not names & {"img", "onerror", "src" if "<!doctype" not in answer.text else "", "style"}, answer.text
        assert "alert(1)</script>" not in answer.text and ">49" not in answer.text and "\u202e" not in answer.words


def test_secrets_are_masked_in_what_would_happen(place: Place) -> None:
    hook = "deploy: {uses: webhook, with: {url: 'http://127.0.0.1:9/?key={{ secrets.HOOK_KEY }}'}}"
    place.commit({"model-stages.yml": f"version: 1\nstages:\n  dev:\n    secrets: [HOOK_KEY]\n    {hook}\n"})
    with served(place.clone.path, environ={"HOOK_KEY": "hunter2-hunter2"}) as address:
        look = Reader(address).look("assign", model="churn", stage="dev", version="v1.0.0")
        assert "127.0.0.1:9" in look.words and "***" in look.words and "hunter2" not in look.text


def test_a_message_that_git_cannot_store_makes_nothing(place: Place, ada: Reader) -> None:
    asked = {"model": "churn", "stage": "staging", "version": "v1.0.0", "message": "a\0b"}
    assert ada.look("assign", **asked).status == 400
    long = ada.look("assign", **{**asked, "message": "x" * 60_000})
    assert 'id="confirm"' in long.text
    assert not [name for name in place.remote.tags() if "#" in name]


def test_what_is_no_dialog_is_none(ada: Reader) -> None:
    assert "cannot be done" in ada.get("/do/destroy?model=churn").words
    assert "no such run" in ada.get("/runs/none").words
    assert "which model" in ada.get("/do/assign").words


def test_the_run_that_took_a_tag_is_told_only_where_it_can_be(ada: Reader) -> None:
    assert "cannot be seen here" in ada.get("/started?tag=churn%23staging%231").words


def test_a_page_that_only_shows_offers_nothing(place: Place) -> None:
    from model_stage_deploy.faces.acting import offered
    from model_stage_deploy.faces.settings import Settings
    from model_stage_deploy.report.html.chrome import DIALOGS

    here = Settings(command="status", repo=str(place.clone.path))
    assert offered(here, {}, read_only=True) == frozenset()
    assert offered(here, {}) == set(DIALOGS)
    place.clone.git("remote", "set-url", "origin", "https://github.com/o/r")
    assert offered(here, {}) == set(DIALOGS) - {"deploy"}, "a workflow does that"
    at_a_url = Settings(command="status", repo="https://github.com/o/r")
    assert offered(at_a_url, {}) == {"assign", "register", "unassign", "lock", "unlock"}
