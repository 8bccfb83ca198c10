"""Opening a registry to read it: the clone that is here, if it is whole; its remote if not; a URL without a clone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from model_stage_deploy.adapters.git_process import Git
from model_stage_deploy.adapters.git_repository import GitRepository
from model_stage_deploy.core.errors import Invalid, MachineryFailed, Refused
from model_stage_deploy.core.model import Model, TagRecord
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.registry import Registry, fold

if TYPE_CHECKING:
    from model_stage_deploy.adapters.git_scratch import ScratchRepository
    from model_stage_deploy.adapters.git_source import GitSource
    from model_stage_deploy.core.redaction import Secret


def read_tags(
    repo: str, model: str | None, environ: Mapping[str, str], *, details: bool = False
) -> Iterable[TagRecord]:
    """Every tag of a model, or of all for None; `repo` is a path or a URL, "" the current directory.

    `details` are the tag's id, tagger, email and message. Raises Refused (incomplete-tags), Invalid (not-a-repository),
    MachineryFailed (git-failed).
    """
    if is_url(repo):
        with _scratch(repo, environ) as scratch:
            return scratch.fetch_tags(model)
    local = GitRepository(Git(repo or "."))
    if is_whole(local):
        return local.read_tags(model, details=details)
    with _source(local, environ) as source:
        return source.tags(model)


def read_registry(
    repo: str, environ: Mapping[str, str], *, details: bool = False, until: int | None = None
) -> Registry:
    """The whole registry, as it was at `until` (unix seconds; None for now). Raises what `read_tags` raises."""
    return folded(read_tags(repo, None, environ, details=details), until)


def read_model(
    repo: str, name: str, environ: Mapping[str, str], *, details: bool = False, until: int | None = None
) -> tuple[Registry, Model]:
    """One model, and the registry that holds it alone, as it was at `until` (unix seconds; None for now).

    Raises what `read_tags` raises, Refused (unknown-model), Invalid (usage).
    """
    from model_stage_deploy.core.tags import require_model_name

    registry = folded(read_tags(repo, require_model_name(name), environ, details=details), until)
    model = registry.models.get(name)
    if model is None and until is not None:
        _require_begun(read_tags(repo, name, environ), name)
    if model is None:
        model = read_registry(repo, environ, until=until).model(name)  # raises, with the names that there are
    return registry, model


def moment_of(text: str, repo: str, environ: Mapping[str, str]) -> int:
    """Unix seconds of what `--at` names: a moment (core/moments.py), else a tag, branch or commit, in this order.

    Raises Invalid (usage), Refused (unknown-ref), and what `read_tags` raises.
    """
    from time import time

    from model_stage_deploy.core.moments import FORMS, BadMoment, parse_moment

    try:
        found = parse_moment(text, time())
    except BadMoment as problem:
        raise Invalid(Reason.USAGE, f"--at: {problem}", hint=f"write {FORMS}") from problem
    if found is not None:
        return found
    from model_stage_deploy.adapters.git_moments import time_here, time_there

    if is_url(repo):
        with _scratch(repo, environ) as scratch:
            found = time_there(scratch, text)
    else:
        local = GitRepository(Git(repo or "."))
        if not is_whole(local) and (url := local.remote_url()) is not None:
            with _scratch(url, environ) as scratch:  # a tag may be here as a lightweight copy of the real one (T2)
                found = time_there(scratch, text)
        found = time_here(local, text) if found is None else found
    if found is None:
        raise Refused(
            Reason.UNKNOWN_REF,
            f"{text[:120]!r} is no moment, and no dated tag, branch or commit of this repository",
            hint=f"write {FORMS}; or the name of a tag or branch, or a commit id",
        )
    return found


def is_url(repo: str) -> bool:
    """Whether `--repo` names a remote: a URL, or what ssh takes (user@host:path)."""
    if "://" in repo:
        return True
    host, colon, _ = repo.partition(":")
    return bool(colon) and "@" in host and "/" not in host and not os.path.exists(repo)  # noqa: PTH110 - pathlib is slow


def require_path(repo: str, command: str) -> None:
    """Raise Invalid (usage) where `--repo` names a remote and the command needs files."""
    if is_url(repo):
        raise Invalid(
            Reason.USAGE,
            f"{command} needs a clone: --repo must be a path, not a URL",
            hint="clone it first: git clone URL DIRECTORY, then --repo DIRECTORY",
        )


@contextmanager
def open_source(repo: str, environ: Mapping[str, str], tell: Callable[[str], None]) -> Iterator[GitSource]:
    """The registry as the flows see it, to resolve a tag. Raises Invalid (not-a-repository).

    In a workflow its remote is asked, for a job's clone may be an earlier run's; `tell` hears where that fails.
    """
    if is_url(repo):
        from model_stage_deploy.adapters.git_source import GitSource

        with GitSource(None, [(repo, token_for(repo, environ))]) as source:
            yield source
        return
    local = GitRepository(Git(repo or "."))
    if not local.is_plainly_whole():
        local.require_repository()
    with _source(local, environ, tell) as source:
        yield source


def origin_of(repo: str) -> str:
    """The address of the remote that the registry here came from, without a password; "" for none."""
    from model_stage_deploy.adapters.git_scratch import without_password

    return without_password(repo if is_url(repo) else GitRepository(Git(repo or ".")).remote_url() or "")


def who_tags(repo: str) -> tuple[str, str, bool]:
    """By whose hand git would make tags of this registry: name, e-mail address ("" where it does not know), and whether
    its settings sign every tag."""
    git = Git("/" if is_url(repo) else repo or ".")  # for a URL the person's own settings count alone
    done = git.attempt(["var", "GIT_COMMITTER_IDENT"])
    person = done.stdout.decode(errors="replace").rpartition(">")[0] if done.returncode == 0 else ""
    name, _, email = person.rpartition(" <")
    signs = git.attempt(["config", "--type=bool", "--get", "tag.gpgSign"])
    return name.strip(), email.strip(), signs.returncode == 0 and signs.stdout.strip() == b"true"


def in_job(environ: Mapping[str, str]) -> bool:
    """Whether a CI that we know runs us: GitHub Actions, GitLab CI, Jenkins. Its clone may be an earlier run's, and its
    files those of the tagged commit: what decides is read from the remote."""
    return "true" in (environ.get("GITHUB_ACTIONS"), environ.get("GITLAB_CI")) or bool(environ.get("JENKINS_URL"))


def is_on_gitlab(environ: Mapping[str, str]) -> bool:
    """Whether it is a GitLab project that the environment names: a job's, or at a terminal by CI_PROJECT_PATH."""
    if environ.get("GITHUB_ACTIONS") == "true":
        return False
    named = environ.get("CI_PROJECT_PATH") and not environ.get("GITHUB_REPOSITORY")
    return environ.get("GITLAB_CI") == "true" or bool(named)


def token_in(environ: Mapping[str, str]) -> str:
    """The token of the code host that the environment names, "" for none."""
    return environ.get("GITLAB_TOKEN" if is_on_gitlab(environ) else "GITHUB_TOKEN", "")


def token_for(url: str, environ: Mapping[str, str]) -> Secret | None:
    """That token, for the server that gave it and no other host, and not in clear where that one encrypts."""
    token = token_in(environ)
    if not token:
        return None
    from model_stage_deploy.adapters.git_scratch import parts_of
    from model_stage_deploy.core.redaction import Secret

    asked = parts_of(url)
    for own in _servers(environ):
        server = parts_of(own)
        if asked.hostname and asked.hostname == server.hostname and asked.scheme in ("https", server.scheme):
            return Secret(token)
    return None


def _servers(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Addresses of the server that gave the token."""
    if is_on_gitlab(environ):
        server = environ.get("CI_SERVER_URL") or "https://gitlab.com"
        return server, environ.get("CI_API_V4_URL") or server
    return (
        environ.get("GITHUB_SERVER_URL") or "https://github.com",
        environ.get("GITHUB_API_URL") or "https://api.github.com",
    )


def is_whole(local: GitRepository) -> bool:
    """Whether all tags are in a clone. Raises Invalid (not-a-repository)."""
    if local.is_plainly_whole():
        return True
    local.require_repository()
    return local.why_incomplete() is None


def _source(
    local: GitRepository, environ: Mapping[str, str], tell: Callable[[str], None] = lambda _: None
) -> GitSource:
    """A clone, and the remote that it came from."""
    from model_stage_deploy.adapters.git_source import GitSource

    url = local.remote_url()
    remotes = [(url, token_for(url, environ))] if url else []
    return GitSource(local, remotes, refs_from_remote=in_job(environ), tell=tell)


@contextmanager
def _scratch(url: str, environ: Mapping[str, str]) -> Iterator[ScratchRepository]:
    """A repository to fetch into, gone afterwards. What fails inside names the remote."""
    import shutil

    from model_stage_deploy.adapters.git_scratch import ScratchRepository

    scratch = ScratchRepository.create(url, token_for(url, environ))
    try:
        yield scratch
    except MachineryFailed as problem:
        hint = problem.hint or "check the address, and that this machine may read it"
        raise MachineryFailed(
            problem.reason, f"{scratch.shown_url} cannot be read: {problem.message}", hint=hint
        ) from problem
    finally:
        shutil.rmtree(scratch.directory, ignore_errors=True)


def folded(records: Iterable[TagRecord], until: int | None = None) -> Registry:
    """The registry of the tags that were there at a moment.

    By their own dates, for nothing else tells (R38); tags without a date are left out of the past.
    """
    if until is not None:
        records = (record for record in records if record.time is not None and record.time <= until)
    try:
        return fold(records)
    except MachineryFailed as problem:
        raise _with_a_way_out(problem) from problem


def _require_begun(records: Iterable[TagRecord], name: str) -> None:
    """Raise Refused (unknown-model) for a model that there is now, but was not yet then."""
    from model_stage_deploy.report.registry import when

    model = fold(records).models.get(name)
    if model is not None:
        first = model.events[0]
        raise Refused(
            Reason.UNKNOWN_MODEL,
            f"the registry did not have {name!r} yet",
            hint=f"its first tag, {first.tag.text}, is of {when(first)}",
        )


def _with_a_way_out(problem: MachineryFailed) -> MachineryFailed:
    """The same with a hint. Git ends at the first damage, and nothing is guessed past it."""
    hint = problem.hint
    if "missing object" in problem.message:
        hint = (
            "an object of that tag is gone: delete the tag here and fetch it again "
            "(git tag -d NAME, git fetch --tags); until then ask for the other models by name"
        )
    elif "packed" in problem.message:
        hint = "the list of tags in this clone is damaged (.git/packed-refs): make a new clone"
    return MachineryFailed(problem.reason, problem.message, hint=hint)
