"""The registry as pages show it: what any process does to it is seen at the next look, and nobody is waited for."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model_stage_deploy.core.annotations import Annotation
from model_stage_deploy.core.dashboard import Overview, Query
from model_stage_deploy.core.errors import Invalid, MachineryFailed, ModelStageError, Refused
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Secret
from model_stage_deploy.faces import browsing, deployed
from model_stage_deploy.faces.browsing import Browser
from model_stage_deploy.faces.settings import Settings
from model_stage_deploy.flows.browsing import Joined
from model_stage_deploy.report.lifecycle import NOT_ASKED
from tests.adapters.git_clones import isolate
from tests.faces.command_lines import run
from tests.faces.stalling import StallingProxy
from tests.standins.git_remote import GitRemote
from tests.standins.github import GitHubStandIn
from tests.standins.registries import FIRST_MOMENT, GitRepository

MAPPING = """\
version: 1
stages:
  staging: {deploy: {run: "true"}}
  prod: {deploy: {run: 'test "$MSD_VERSION" != v2.0.0'}}
"""
ANNOTATIONS = "artifacts: {m: {path: models/m, type: model, desc: Who leaves}, n: {type: dataset}}\n"
NAME, TOKEN = "org/models", "test-token"
LATER = FIRST_MOMENT + 10_000


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(monkeypatch, tmp_path / "home")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def registry(tmp_path: Path) -> GitRepository:
    made = GitRepository(tmp_path / "registry")
    made.commit({"model-stages.yml": MAPPING, "dvc.yaml": ANNOTATIONS})
    made.tag("m@v1.0.0")
    made.tag("m#prod#1", message="the first\n\none", tagger=("Grace Gate", "g@example.com"))
    made.commit()
    made.tag("n@v1.0.0")
    return made


@pytest.fixture
def browser(registry: GitRepository) -> Iterator[Browser]:
    yield from opened(str(registry.path))


def opened(repo: str, environ: Mapping[str, str] | None = None, **changes: Any) -> Iterator[Browser]:
    patient = changes.pop("patient", False)
    made = Browser(Settings(command="serve", repo=repo, **changes), environ or {}, patient=patient)
    yield made
    made.close()


def stages(overview: Overview) -> dict[str, dict[str, str]]:
    return {row.name: {stage: cell.version for stage, cell in row.stages.items()} for row in overview.rows}


@pytest.mark.thorough
def test_a_page_of_the_table(browser: Browser) -> None:
    found = browser.overview(Query())
    assert [(row.name, row.type, row.latest, row.versions) for row in found.rows] == [
        ("m", "model", "v1.0.0", 1),
        ("n", "dataset", "v1.0.0", 1),
    ]
    assert (found.stages, found.types, found.total, found.pages) == (("staging", "prod"), ("dataset", "model"), 2, 1)
    cell = found.rows[0].stages["prod"]
    assert (cell.version, cell.tag, cell.who, cell.message) == ("v1.0.0", "m#prod#1", "Grace Gate", "the first\n\none")
    assert (found.recorded_in, found.unasked, found.stages_asked, cell.row) == ("", NOT_ASKED, True, None)
    assert browser.overview(Query(type="dataset")).matching == 1
    assert browser.overview(Query(text="model")).rows[0].name == "m"


def test_one_model(browser: Browser, registry: GitRepository) -> None:
    page = browser.model("m")
    assert page.annotation == Annotation("models/m", "model", "Who leaves")
    assert (page.stages, page.mapped) == (("staging", "prod"), ("staging", "prod"))
    assert [event.record.message for event in page.model.events] == ["m@v1.0.0", "the first\n\none"]
    assert [(span.stage, span.version, span.end) for span in page.decided] == [("prod", "v1.0.0", None)]
    assert (page.problems, page.findings, page.locks, page.unasked) == ((), (), (), NOT_ASKED)
    with pytest.raises(Refused) as refused:
        browser.model("nobody")
    assert refused.value.reason is Reason.UNKNOWN_MODEL
    assert registry.git("status", "--porcelain") == ""


@pytest.mark.thorough
def test_deployments_of_the_clones_own_log_are_joined_at_once(browser: Browser, registry: GitRepository) -> None:
    assert browser.overview(Query()).rows[0].stages["prod"].row is None
    assert run(registry.path, "deploy", "m#prod#1", "--no-github").exit_code == 0
    found = browser.overview(Query())
    row = found.rows[0].stages["prod"].row
    assert (found.recorded_in, found.unasked, found.stages_asked) == ("log", "", True)
    assert row is not None
    assert (row.state.value, row.running and row.running.version) == ("deployed", "v1.0.0")
    [(name, cell)] = browser.cells(["m", "nobody"])
    assert (name, cell.row and cell.row.state) == ("m", row.state)

    registry.commit()
    registry.tag("m@v2.0.0")
    registry.tag("m#prod#2")
    assert run(registry.path, "deploy", "m#prod#2", "--no-github").exit_code == 1
    page = browser.model("m")
    assert [(row.stage, row.state.value, len(row.records)) for row in page.rows] == [("prod", "failed", 2)]
    assert [(span.stage, span.version) for span in page.ran] == [("prod", "v1.0.0")]
    failed = browser.overview(Query()).rows[0].stages["prod"].row
    assert failed is not None
    assert failed.state.value == "failed"
    assert [page.rows[0].state.value for page in browser.pages(["m"])] == ["failed"]


def test_a_log_of_other_models_tells_that_this_one_was_not_deployed(browser: Browser, registry: GitRepository) -> None:
    registry.tag("n#prod#1")
    assert browser.model("n").recorded_in == ""
    assert run(registry.path, "deploy", "m#prod#1", "--no-github").exit_code == 0
    for query in (Query(), Query(text="n")):
        [row] = [row.stages["prod"].row for row in browser.overview(query).rows if row.name == "n"]
        assert row is not None
        assert (row.state.value, row.running_known) == ("approved", True)
    page = browser.model("n")
    assert (page.recorded_in, page.rows[0].state.value, page.rows[0].running_known) == ("log", "approved", True)


def test_another_mapping_counts_at_once(browser: Browser, registry: GitRepository) -> None:
    assert browser.overview(Query()).stages == ("staging", "prod")
    (registry.path / "model-stages.yml").write_text(MAPPING.replace("staging", "canary"))
    assert browser.overview(Query()).stages == ("canary", "prod")
    (registry.path / "model-stages.yml").write_text("stages: [")
    assert browser.overview(Query()).stages == ("prod",)
    assert [row.stage for row in browser.model("m").rows] == ["prod"]


def test_bad_tags_of_one_model_hide_no_other(browser: Browser, registry: GitRepository) -> None:
    registry.tag("bad@v1.0.0")
    registry.tag("bad@v2.0.0")
    registry.tag("bad#prod#1")
    registry.tag("light#prod#1", annotated=False)
    found = browser.overview(Query())
    assert stages(found) == {"bad": {}, "m": {"prod": "v1.0.0"}, "n": {}}
    assert found.rows[0].ambiguous
    assert {finding.tag for finding in found.findings} >= {"bad#prod#1", "light#prod#1"}
    page = browser.model("bad")
    assert [finding.code for finding in page.findings] == ["ambiguous-version"]
    assert page.decided == ()


@pytest.mark.thorough
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["make", "move", "delete", "pack"]), st.integers(1, 3)), max_size=6))
def test_what_others_do_is_seen_at_the_next_look(
    tmp_path_factory: pytest.TempPathFactory, actions: list[tuple[str, int]]
) -> None:
    clone = GitRepository(tmp_path_factory.mktemp("registry"))
    commits = [clone.commit(), clone.commit()]
    for number, at in enumerate(commits):
        clone.tag(f"m@v{number + 1}.0.0", at=at)
    [browser] = list_of(opened(str(clone.path)))
    seen: dict[str, str] = {}
    for action, number in actions:
        name = f"m#stage-{number}#1"
        if action == "pack":
            clone.git("pack-refs", "--all")
        elif action == "delete":
            clone.git("update-ref", "-d", f"refs/tags/{name}")
            seen.pop(f"stage-{number}", None)
        else:
            on = 1 if action == "move" else 0
            clone.tag(name, at=commits[on], force=True)
            seen[f"stage-{number}"] = f"v{on + 1}.0.0"
        assert stages(browser.overview(Query())) == {"m": seen}
        held = {stage: page.holder(stage) for page in [browser.model("m").model] for stage in page.stages}
        assert {stage: held.version.name for stage, held in held.items() if held} == seen
    browser.close()


def list_of(made: Iterator[Browser]) -> list[Browser]:
    return [next(made)]


def test_many_at_once_while_tags_are_made(browser: Browser, registry: GitRepository) -> None:
    registry.git("config", "user.name", "Ada")
    problems: list[BaseException] = []
    done = threading.Event()

    def look() -> None:
        try:
            while not done.is_set():
                browser.overview(Query(sort="newest"))
                browser.model("m")
                browser.fingerprint()
        except BaseException as problem:  # noqa: BLE001 - shown below
            problems.append(problem)

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(2, 8):
        registry.tag(f"m#prod#{number}")
    done.set()
    for thread in threads:
        thread.join()
    assert problems == []
    assert browser.overview(Query()).rows[0].stages["prod"].tag == "m#prod#7"


@pytest.mark.thorough
class TestCodeHost:
    @pytest.fixture
    def github(self) -> Iterator[GitHubStandIn]:
        with GitHubStandIn(token=TOKEN) as standin:
            yield standin
            standin.assert_clean()

    def environ(self, github: GitHubStandIn) -> dict[str, str]:
        return {"GITHUB_TOKEN": TOKEN, "GITHUB_REPOSITORY": NAME, "GITHUB_API_URL": github.url}

    @pytest.fixture
    def browser(self, registry: GitRepository, github: GitHubStandIn) -> Iterator[Browser]:
        assert run(registry.path, "deploy", "m#prod#1", env=self.environ(github)).exit_code == 0
        yield from opened(str(registry.path), self.environ(github), token=Secret(TOKEN))

    def test_it_is_asked_afterwards_and_what_it_said_is_kept(self, browser: Browser, github: GitHubStandIn) -> None:
        before = len(github.calls)
        first = browser.overview(Query())
        assert (first.recorded_in, first.stages_asked, first.rows[0].stages["prod"].row) == ("github", False, None)
        assert len(github.calls) == before
        cells = {(name, cell.stage): cell for name, cell in browser.cells(["m", "n"])}
        row = cells["m", "prod"].row
        assert row is not None
        assert row.state.value == "deployed"
        asked = len(github.calls)
        again = browser.overview(Query())
        assert (again.stages_asked, again.rows[0].stages["prod"].row) == (True, row)
        browser.cells(["m", "n"])
        assert len(github.calls) == asked > before

    def test_a_new_tag_asks_anew_for_its_model_alone(self, browser: Browser, registry: GitRepository) -> None:
        browser.cells(["m", "n"])
        registry.tag("n#prod#1")
        found = browser.overview(Query())
        assert (found.stages_asked, found.rows[0].stages["prod"].row is not None) == (False, True)
        assert found.rows[1].stages["prod"].row is None
        browser.changed()
        assert browser.overview(Query()).rows[0].stages["prod"].row is None

    def test_who_is_patient_has_all_at_once(
        self, registry: GitRepository, browser: Browser, github: GitHubStandIn
    ) -> None:
        [patient] = list_of(opened(str(registry.path), self.environ(github), token=Secret(TOKEN), patient=True))
        found = patient.overview(Query())
        assert (found.stages_asked, found.rows[0].stages["prod"].row is not None) == (True, True)
        assert [(page.model.name, len(page.rows), page.problems) for page in patient.pages()] == [
            ("m", 1, ()),
            ("n", 0, ()),
        ]
        assert patient.news() == ()
        asked = len(github.calls)
        [page] = patient.pages(["m"])
        assert len(github.calls) == asked, "records are read once"
        assert page.rows[0].records == browser.model("m").rows[0].records

    def test_one_that_fails_hides_no_tag(self, browser: Browser, github: GitHubStandIn) -> None:
        github.fail_next("GET", "/deployments", status=403, times=50)
        cell = {cell.stage: cell for _, cell in browser.cells(["m"])}["prod"]
        assert cell.version == "v1.0.0"
        assert cell.row is not None
        assert (cell.row.state.value, cell.row.reason) == ("unknown", Reason.PERMISSION_MISSING)
        assert [row.holder and row.holder.version.name for row in browser.model("m").rows] == [None, "v1.0.0"]

    def test_one_that_cannot_even_be_asked_is_told_of(self, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(browser._deployments, "of", lambda _: Joined(unasked="nobody there"))
        cell = {cell.stage: cell for _, cell in browser.cells(["m"])}["prod"]
        assert cell.row is not None
        assert (cell.version, cell.row.state.value, cell.row.problem) == ("v1.0.0", "unknown", "nobody there")

    def test_one_that_is_silent_is_not_waited_for(
        self, registry: GitRepository, github: GitHubStandIn, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(deployed, "_PATIENCE", 0.05)
        with StallingProxy(github.url, passes=0) as proxy:
            environ = self.environ(github) | {"GITHUB_API_URL": proxy.url}
            [browser] = list_of(opened(str(registry.path), environ, token=Secret(TOKEN)))
            page = browser.model("m")
            assert (page.recorded_in, page.rows[0].running_known) == ("", False)
            assert "has not answered yet" in page.unasked
            assert proxy.held == 1

    def test_what_it_said_long_ago_is_not_what_is_so_now(
        self, registry: GitRepository, github: GitHubStandIn, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(deployed, "ASKED_AGAIN", 0.0)
        with StallingProxy(github.url) as proxy:
            environ = self.environ(github) | {"GITHUB_API_URL": proxy.url}
            assert run(registry.path, "deploy", "m#prod#1", env=self.environ(github)).exit_code == 0
            [browser] = list_of(opened(str(registry.path), environ, token=Secret(TOKEN)))
            assert browser.model("m").recorded_in == "github"
            proxy.passes = proxy.connections  # from now on it is silent
            monkeypatch.setattr(deployed, "_PATIENCE", 0.05)
            monkeypatch.setattr(deployed, "_TOO_OLD", 0.0)
            page = browser.model("m")
            assert (page.recorded_in, page.rows[0].running_known) == ("", False)


class TestRemote:
    @pytest.fixture
    def remote(self, tmp_path: Path, registry: GitRepository) -> Iterator[GitRemote]:
        with GitRemote(tmp_path / "remote", token=TOKEN) as made:
            made.add(NAME, registry)
            yield made

    def environ(self, remote: GitRemote) -> dict[str, str]:
        return {"GITHUB_TOKEN": TOKEN, "GITHUB_SERVER_URL": remote.url}

    def there(self, remote: GitRemote) -> GitRepository:
        return GitRepository(remote.directory(*NAME.split("/")), bare=True, moment=LATER)

    @pytest.fixture
    def clone(self, remote: GitRemote, tmp_path: Path) -> GitRepository:
        made = GitRepository(tmp_path / "clone")
        made.git("fetch", "--quiet", "--tags", str(self.there(remote).path), "+refs/heads/*:refs/remotes/origin/*")
        made.git("reset", "--quiet", "--hard", "refs/remotes/origin/main")
        made.git("remote", "add", "origin", remote.repository_url(NAME))
        return made

    def test_tags_that_the_clone_lacks_are_news_and_come_when_asked_for(
        self, remote: GitRemote, clone: GitRepository
    ) -> None:
        for number in range(2, 7):
            self.there(remote).tag(f"m#prod#{number}", when=LATER + number)
        self.there(remote).tag("nightly")
        [browser] = list_of(opened(str(clone.path), self.environ(remote)))
        assert told(browser) == (
            "The remote has 5 tags that this clone lacks: m#prod#2, m#prod#3, m#prod#4 and 2 more.",
        )
        before, said, after = browser.can_fetch, browser.fetch(), browser.can_fetch
        assert (before, said, after) == (True, "6 new tags came from the remote", False)
        assert browser.news() == ()
        assert browser.overview(Query()).rows[0].stages["prod"].tag == "m#prod#6"
        assert browser.fetch() == "the remote has no new tags"

    def test_tags_that_are_otherwise_there_are_not_moved(self, remote: GitRemote, clone: GitRepository) -> None:
        self.there(remote).tag("m#prod#1", at="n@v1.0.0", force=True)
        [browser] = list_of(opened(str(clone.path), self.environ(remote)))
        assert told(browser) == ("The remote has 1 tag that this clone has otherwise: m#prod#1.",)
        assert browser.fetch() == (
            "the remote has no new tags; of m#prod#1 it has another one than this clone, which was left as it is "
            "(git fetch --tags --force takes the remote's)"
        )

    def test_tags_that_the_remote_has_not_are_told_of(self, remote: GitRemote, clone: GitRepository) -> None:
        self.there(remote).git("tag", "-d", "m#prod#1")
        clone.tag("nightly")
        [browser] = list_of(opened(str(clone.path), self.environ(remote)))
        assert told(browser) == (
            "This clone has 1 tag that the remote has not: m#prod#1. Not pushed, or deleted there.",
        )
        assert not browser.can_fetch

    def test_a_remote_that_is_silent_makes_no_page_wait(
        self, remote: GitRemote, clone: GitRepository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(browsing, "_PATIENCE", 0.05)
        with StallingProxy(remote.url, passes=0) as proxy:
            clone.git("remote", "set-url", "origin", f"{proxy.url}/{NAME}")
            [browser] = list_of(opened(str(clone.path), self.environ(remote)))
            assert browser.news() == ()
            assert stages(browser.overview(Query())) == {"m": {"prod": "v1.0.0"}, "n": {}}
            page = browser.model("m")
            assert page.problems == ("whether something is locked is not known: the remote has not answered yet",)
            browser.close()

    def test_a_remote_that_is_down_is_no_news(self, remote: GitRemote, clone: GitRepository) -> None:
        remote.down = True
        [browser] = list_of(opened(str(clone.path), self.environ(remote)))
        assert told(browser) == ()
        with pytest.raises(MachineryFailed):
            browser.fetch()
        assert any("locked is not known" in problem for problem in browser.model("m").problems)

    def test_a_shallow_clone_shows_what_the_remote_has(self, remote: GitRemote, tmp_path: Path) -> None:
        made = GitRepository(tmp_path / "empty")
        path = tmp_path / "shallow"
        made.git("clone", "--quiet", "--depth=1", "--no-tags", self.there(remote).path.as_uri(), str(path))
        GitRepository(path).git("remote", "set-url", "origin", remote.repository_url(NAME))
        [browser] = list_of(opened(str(path), self.environ(remote)))
        found = browser.overview(Query())
        assert stages(found) == {"m": {"prod": "v1.0.0"}, "n": {}}
        assert found.rows[0].stages["prod"].who == "Grace Gate"
        assert browser.model("m").model.events[1].record.message == "the first\n\none"
        self.there(remote).tag("m#staging#2", at="m@v1.0.0^{commit}")
        browser.changed()
        assert stages(browser.overview(Query()))["m"] == {"prod": "v1.0.0", "staging": "v1.0.0"}
        assert browser.news() == ()

        remote.down = True
        browser.changed()
        assert stages(browser.overview(Query()))["m"] == {"prod": "v1.0.0", "staging": "v1.0.0"}
        assert "newer tags may be missing" in browser.news()[0]
        [late] = list_of(opened(str(path), self.environ(remote)))
        with pytest.raises(Refused) as refused:
            late.overview(Query())
        assert refused.value.reason is Reason.INCOMPLETE_TAGS

    def test_a_url_is_read_without_a_clone(self, remote: GitRemote, tmp_path: Path) -> None:
        before = sorted((tmp_path / "home").iterdir())
        [browser] = list_of(opened(remote.repository_url(NAME), self.environ(remote), token=Secret(TOKEN)))
        found = browser.overview(Query())
        assert stages(found) == {"m": {"prod": "v1.0.0"}, "n": {}}
        assert (found.stages, found.types) == (("staging", "prod"), ("dataset", "model"))
        assert found.rows[0].stages["prod"].who == "Grace Gate"
        page = browser.model("m")
        assert (page.mapped, page.problems) == (("staging", "prod"), ())
        assert page.annotation == Annotation("models/m", "model", "Who leaves")
        remote.forget()
        browser.overview(Query())
        assert remote.requests == [], "a look that is seconds old is good enough"

        self.there(remote).tag("m#staging#2", at="m@v1.0.0^{commit}")
        browser.changed()
        assert stages(browser.overview(Query()))["m"] == {"prod": "v1.0.0", "staging": "v1.0.0"}
        assert browser.news() == ()
        with pytest.raises(Invalid, match="no clone"):
            browser.fetch()
        browser.close()
        assert sorted((tmp_path / "home").iterdir()) == before

    def test_a_url_that_does_not_answer_any_more_shows_what_was_read(self, remote: GitRemote) -> None:
        [browser] = list_of(opened(remote.repository_url(NAME), self.environ(remote), token=Secret(TOKEN)))
        browser.overview(Query())
        remote.down = True
        browser.changed()
        assert stages(browser.overview(Query()))["m"] == {"prod": "v1.0.0"}
        assert any("does not answer" in problem for problem in browser.model("m").problems)
        browser.close()

    def test_a_url_that_cannot_be_read_says_why(self, remote: GitRemote) -> None:
        [browser] = list_of(opened(remote.repository_url(NAME), {}))
        with pytest.raises(ModelStageError):
            browser.overview(Query())
        browser.close()


def told(browser: Browser) -> tuple[str, ...]:
    """The news when the remote has answered, or refused to."""
    assert browser._news is not None
    try:
        browser._news._there.latest(None)
    except ModelStageError:
        return ()
    return browser.news()


def test_a_bare_repository_and_a_linked_work_tree(registry: GitRepository, tmp_path: Path) -> None:
    registry.git("worktree", "add", "--quiet", str(tmp_path / "linked"))
    registry.git("clone", "--quiet", "--bare", str(registry.path), str(tmp_path / "bare.git"))
    for path in (tmp_path / "linked", tmp_path / "bare.git"):
        [browser] = list_of(opened(str(path)))
        assert stages(browser.overview(Query())) == {"m": {"prod": "v1.0.0"}, "n": {}}
        GitRepository(path, bare=path.suffix == ".git").tag("m#prod#2", at="n@v1.0.0^{commit}", when=LATER)
        assert browser.overview(Query()).rows[0].stages["prod"].tag == "m#prod#2"


def test_an_empty_repository(tmp_path: Path) -> None:
    made = GitRepository(tmp_path / "empty")
    [browser] = list_of(opened(str(made.path)))
    found = browser.overview(Query())
    assert (found.rows, found.total, found.pages, found.types) == ((), 0, 1, ())
    made.commit()
    made.tag("m@v1.0.0")
    assert browser.overview(Query()).total == 1


def test_a_repository_that_goes_away_is_told_of(registry: GitRepository, browser: Browser) -> None:
    browser.overview(Query())
    shutil.rmtree(registry.path)
    with pytest.raises(ModelStageError):
        browser.overview(Query())


def test_no_repository(tmp_path: Path) -> None:
    with pytest.raises(Invalid) as refused:
        Browser(Settings(command="serve", repo=str(tmp_path)), {})
    assert refused.value.reason is Reason.NOT_A_REPOSITORY
