"""Where deployments are recorded: what the settings name, else what the run's own platform has."""

from __future__ import annotations

import pytest

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.redaction import Secret
from model_stage_deploy.faces.event import read_event
from model_stage_deploy.faces.hosting import Books, books_of
from model_stage_deploy.faces.settings import Settings

GITHUB = {"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "org/models"}
GITLAB = {"GITLAB_CI": "true", "CI_PROJECT_PATH": "ml/models"}
JENKINS = {"JENKINS_URL": "https://ci.example.com/"}
TERMINAL: dict[str, str] = {}
KNOWN = {"GITHUB_REPOSITORY": "org/models"}
PROJECT = {"CI_PROJECT_PATH": "ml/models"}


@pytest.mark.parametrize(
    ("environ", "command", "token", "books"),
    [
        (GITHUB, "deploy", True, Books.GITHUB),
        (GITHUB, "deploy", False, Books.GITHUB),  # refused: a job's own log is gone with the job
        (GITHUB, "status", False, Books.GITHUB),
        (GITLAB, "deploy", True, Books.GITLAB),
        (GITLAB, "deploy", False, Books.GITLAB),  # refused
        (GITLAB, "sweep", False, Books.GITLAB),  # refused: what GitLab shows must be closed as well
        (GITLAB, "status", False, Books.GIT),  # the record is in Git, and the job's own token reads that
        (JENKINS, "deploy", False, Books.GIT),
        (JENKINS, "history", False, Books.GIT),
        (JENKINS | KNOWN, "deploy", True, Books.GITHUB),  # Jenkins beside GitHub
        (TERMINAL, "deploy", False, Books.GITHUB),  # refused, with a hint at --no-github
        (TERMINAL, "status", False, Books.LOG),
        (KNOWN, "status", True, Books.GITHUB),
        (PROJECT, "deploy", True, Books.GITLAB),
        (PROJECT, "history", False, Books.GIT),
    ],
)
def test_without_a_word_it_is_where_the_project_is(
    environ: dict[str, str], command: str, token: bool, books: Books
) -> None:
    settings = Settings(command, token=Secret("x") if token else None)
    assert books_of(settings, read_event(environ)) is books


@pytest.mark.parametrize("environ", [GITHUB, GITLAB, JENKINS, TERMINAL])
@pytest.mark.parametrize("books", list(Books))
def test_what_is_named_counts(environ: dict[str, str], books: Books) -> None:
    assert books_of(Settings("deploy", records=books.value), read_event(environ)) is books
    assert books_of(Settings("deploy", no_github=True), read_event(environ)) is Books.LOG


@pytest.mark.parametrize(
    "given", [Settings("deploy", records="paper"), Settings("deploy", no_github=True, records="git")]
)
def test_what_does_not_fit_together_is_refused(given: Settings) -> None:
    with pytest.raises(Invalid):
        books_of(given, read_event(TERMINAL))
