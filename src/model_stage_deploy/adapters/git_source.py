"""The registry's repository as the flows see it: the clone that is here where it is whole, the remote where not.

Closed by design: where neither can be known to be complete, it refuses (incomplete-tags) and nothing is deployed.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType

from model_stage_deploy.adapters.git_remotes import remote_of
from model_stage_deploy.adapters.git_repository import GitRepository
from model_stage_deploy.adapters.git_scratch import ScratchRepository, parts_of, without_password
from model_stage_deploy.adapters.git_settings import carried, use_ssh_command
from model_stage_deploy.core.errors import MachineryFailed, Refused
from model_stage_deploy.core.model import TagRecord
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Secret
from model_stage_deploy.core.tags import tag_artifact

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_FETCH_HINT = (
    "fetch everything (git fetch --unshallow --tags, or actions/checkout with fetch-depth: 0), "
    "or give the action a token that can read the repository (permissions: contents: read)"
)


class GitSource:
    """Fulfils the Repository port. `remotes` are tried in order, each with the token that may go there.

    `refs_from_remote` says that branches and tags are read where they live: a job's clone may be an earlier run's.
    """

    def __init__(
        self,
        local: GitRepository | None,
        remotes: Sequence[tuple[str, Secret | None]] = (),
        *,
        default_branch: str | None = None,
        refs_from_remote: bool = False,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.local = local
        self._refs_from_remote = refs_from_remote and bool(remotes)
        self._tell = tell
        self._remotes = list(remotes)
        self._default_branch = default_branch
        self._scratch: ScratchRepository | None = None
        self._temporary: list[Path] = []
        self._readable = False
        self._keeps = False
        self._kept: Sequence[TagRecord] | None = None

    def __enter__(self) -> GitSource:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for directory in self._temporary:
            shutil.rmtree(directory, ignore_errors=True)

    @property
    def url(self) -> str:
        """Address of the remote that is asked first, "" where there is none."""
        return self._remotes[0][0] if self._remotes else ""

    def identity(self) -> str:
        """Whom git knows here, `Name <address>`; "" where nobody."""
        if self.local is None:
            return ""
        done = self.local.git.attempt(["var", "GIT_COMMITTER_IDENT"])
        return done.stdout.decode(errors="replace").rpartition(" ")[0].rpartition(" ")[0] if not done.returncode else ""

    def writable(self) -> ScratchRepository | None:
        """A throw-away repository for one who writes to the remote; None where there is none.

        It goes the way that the clone pushes, else to the remote that is asked for tags.
        Raises Invalid (usage) where it is not plain which remote, MachineryFailed (git-failed).
        """
        if self.local is not None and not self._refs_from_remote:
            remote = remote_of(self.local, carried(self.local.git), self._token_to)
            if remote is None:
                return None
            made = remote.scratch()
        elif self._remotes:
            asked = self._from_remote().url
            made = self._create(*next(pair for pair in self._remotes if asked in (pair[0], without_password(pair[0]))))
        else:
            return None
        self._temporary.append(made.directory)
        return made

    def _token_to(self, url: str) -> Secret | None:
        """The token of a remote on the same server."""
        place = [(parts_of(known)[:2], token) for known, token in self._remotes]
        return next((token for server, token in place if all(server) and server == parts_of(url)[:2]), None)

    def read_all_at_once(self) -> None:
        """From now on take each model's tags from one reading of all: for a run that shows the registry as well."""
        self._keeps = True

    def tags(self, model: str | None, *, wanted: str | None = None, fresh: bool = False) -> Sequence[TagRecord]:
        """Every tag of the model (see the port)."""
        if not self._keeps:
            return self._tags(model, wanted, fresh=fresh)
        if self._kept is None or fresh:
            self._kept = self._tags(None, wanted, fresh=fresh)
        if model is None:
            return self._kept
        beginnings = tuple(f"{tag_artifact(model)}{mark}" for mark in "#@")
        return [record for record in self._kept if record.name.startswith(beginnings)]

    def _tags(self, model: str | None, wanted: str | None, *, fresh: bool) -> Sequence[TagRecord]:
        why, records = self._local_tags(model, wanted)
        if why is None and not ((fresh or self._refs_from_remote) and self._remotes):
            return records
        if not self._remotes:
            if self._readable and self._gap is None:
                return records  # a whole clone without a remote: what is here is all there is
            raise Refused(
                Reason.INCOMPLETE_TAGS,
                f"the tags that decide the version are not all here: {why}, and there is no remote to ask",
                hint=_FETCH_HINT,
            )
        try:
            return self._from_remote().fetch_tags(model)
        except MachineryFailed as problem:
            if why is None and not fresh:
                self._tell(f"tags are read from this clone, because its remote fails: {problem.message}")
                return records
            told = (
                "the tags that decide the version are not all here"
                f"{f': {why}' if why else ''}, and the remote could not be asked: {problem.message}"
            )
            if problem.reason is Reason.PERMISSION_MISSING:
                raise MachineryFailed(Reason.PERMISSION_MISSING, told, hint=problem.hint) from problem
            raise Refused(Reason.INCOMPLETE_TAGS, told, hint=problem.hint or _FETCH_HINT) from problem

    def commit_of(self, ref: str | None) -> str:
        """Commit id of a ref; None is the default branch (see the port)."""
        wanted = ref or self._default_branch
        found = None if self._refs_from_remote else self._local_commit(wanted)
        if found is not None:
            return found
        if not self._remotes:
            raise MachineryFailed(
                Reason.GIT_FAILED,
                f"there is no {wanted or 'default branch'!r} in this repository, and no remote to ask",
                hint="name a branch, tag or commit that exists with --config-ref",
            )
        try:
            return self._remote_commit(wanted)
        except MachineryFailed as problem:
            found = self._local_commit(wanted)
            if found is None:
                raise
            self._tell(
                f"{wanted or 'the default branch'} is read from this clone, for its remote fails: {problem.message}"
            )
            return found

    def read_file(self, commit: str, path: str) -> bytes | None:
        """A file of a commit (see the port)."""
        local = self._whole(commit)
        if local is not None:
            return local.read_file(commit, path)
        try:
            return self._with(commit).read_file(commit, path)
        except MachineryFailed:
            if self.local is None or self.local.commit_of(commit) is None:
                raise
        return self.local.read_file(commit, path)

    def read_files(self, asked: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], bytes | None]:
        """Many files at once (see the port): from the clone, and of commits that it lacks from the remote."""
        from model_stage_deploy.adapters.git_files import bring, read_files

        found: dict[tuple[str, str], bytes | None] = {}
        if self.local is not None and "partial" not in (self._gap or ""):
            found = read_files(self.local.git, asked)
        known = {commit for commit, _ in found}
        missing = [one for one in asked if one[0] not in known]
        if missing and self._remotes:
            scratch = self._from_remote()
            bring(scratch, missing)
            found |= read_files(scratch.git, missing)
        return found

    def checkout(self, commit: str) -> Path:
        """A directory with the files of a commit (see the port)."""
        from model_stage_deploy.adapters.git_checkout import check_out

        into = Path(tempfile.mkdtemp(prefix="model-stage-deploy-files-"))
        self._temporary.append(into)
        local = self._whole(commit)
        if local is not None:
            source, environment, origin = str(local.git_directory), {}, local.remote_url()
        else:
            scratch = self._from_remote()
            source, environment, origin = scratch.url, scratch.credentials, scratch.url
        check_out(commit, source=source, into=into, environment=environment, origin=origin)
        return into

    def is_reachable(self, commit: str, branch: str) -> bool | None:
        """Whether a branch contains the commit (see the port): the remote's branch, where there is a remote."""
        from model_stage_deploy.adapters.git_history import contains_here, contains_there

        branch = branch.removeprefix("refs/heads/")
        if self._remotes:
            return contains_there(self._from_remote(), self.local, commit, branch)
        if self.local is None:
            raise MachineryFailed(Reason.GIT_FAILED, "there is no repository to look for branches in", hint=_FETCH_HINT)
        return contains_here(self.local, commit, branch)

    def tag_object(self, tag: TagRecord) -> bytes:
        """The tag object that the record names, by its id, from wherever it is. Raises MachineryFailed (git-failed)."""
        from model_stage_deploy.adapters.git_signatures import tag_bytes

        # A partial clone would fetch what it lacks by itself, without our token.
        local = None if "partial" in (self._gap or "") else self.local
        for place in (local, self._scratch):
            if place is not None and (found := tag_bytes(place, tag.object_id)) is not None:
                return found
        scratch = self._from_remote()
        scratch.fetch_object(f"refs/tags/{tag.name}")
        found = tag_bytes(scratch, tag.object_id)
        if found is None:
            raise MachineryFailed(
                Reason.GIT_FAILED,
                f"the tag object {tag.object_id[:12]} of {tag.name} is not to be had: the remote has another (B17)",
                hint="run it again; if the tag was moved, make a new one",
            )
        return found

    @cached_property
    def _gap(self) -> str | None:
        """Why the clone may lack tags or files; asked of git once, for a run does not change it."""
        if self.local is None or self.local.is_plainly_whole():
            return None
        return self.local.why_incomplete()

    def _local_commit(self, wanted: str | None) -> str | None:
        """The commit of a ref in the clone; what the clone last saw of the remote's branch goes first."""
        if self.local is None:
            return None
        if wanted is None:
            return self.local.commit_of("refs/remotes/origin/HEAD")
        names = _full_names(wanted)
        branches = [name.removeprefix("refs/heads/") for name in names if name.startswith("refs/heads/")]
        names = [*(f"refs/remotes/origin/{branch}" for branch in branches), *names]
        return next((found for name in names if (found := self.local.commit_of(name)) is not None), None)

    def _remote_commit(self, wanted: str | None) -> str:
        scratch = self._from_remote()
        *others, last = _full_names(wanted)
        for name in others:
            try:
                return scratch.fetch_commit(name)
            except MachineryFailed:
                continue
        return scratch.fetch_commit(last)

    def _local_tags(self, model: str | None, wanted: str | None) -> tuple[str | None, Sequence[TagRecord]]:
        """Why the clone's tags may not be all (None: they are), and the tags."""
        if self.local is None:
            return "there is no clone of the repository here", ()
        try:
            records = self.local.tags(model)
            self._readable = True
        except MachineryFailed as problem:
            return f"this clone's tags cannot be read ({problem.message})", ()
        why = self._gap
        if why is None and wanted is not None:
            copies = [record for record in records if record.name == wanted]
            if not copies:
                why = f"the tag {wanted} is not in this clone"
            elif not copies[0].annotated:
                why = f"the tag {wanted} is lightweight in this clone, perhaps a copy of an annotated one"
        return why, records

    def _from_remote(self) -> ScratchRepository:
        """A scratch repository on the first remote that answers."""
        if self._scratch is not None:
            return self._scratch
        for url, token in self._remotes[:-1]:
            scratch = self._create(url, token)
            if scratch.answers():
                self._scratch = scratch
                return scratch
        if not self._remotes:
            raise MachineryFailed(Reason.GIT_FAILED, "there is no remote to ask", hint=_FETCH_HINT)
        self._scratch = self._create(*self._remotes[-1])
        return self._scratch

    def _create(self, url: str, token: Secret | None) -> ScratchRepository:
        scratch = ScratchRepository.create(url, token)
        self._temporary.append(scratch.directory)
        if self.local is not None and not url.startswith(("http://", "https://", "file://", "/")):
            use_ssh_command(scratch.git, carried(self.local.git))
        return scratch

    def _with(self, commit: str) -> ScratchRepository:
        scratch = self._from_remote()
        if scratch.commit_of(commit) is None:
            scratch.fetch_commit(commit)
        return scratch

    def _whole(self, commit: str) -> GitRepository | None:
        """The clone, if it has the commit and all its files.

        In a partial clone git would fetch what is missing by itself: without our token, and into the user's clone.
        """
        local = self.local
        if local is None or "partial" in (self._gap or ""):
            return None
        return local if local.commit_of(commit) is not None else None


class KeptSource(GitSource):
    """A remote, read through a clone of it that somebody keeps; nothing is written to that one."""

    def writable(self) -> ScratchRepository | None:
        """See GitSource: on the remote itself."""
        return self._create(*self._remotes[0])


def _full_names(ref: str | None) -> list[str]:
    """Full ref names to try, in order: a branch before a tag of its name, so that no tag can shadow one (T47)."""
    if ref is None:
        return ["HEAD"]
    if ref.startswith("refs/") or _COMMIT.fullmatch(ref):
        return [ref]
    return [f"refs/heads/{ref}", f"refs/tags/{ref}"]
