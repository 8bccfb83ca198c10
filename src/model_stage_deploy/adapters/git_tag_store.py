"""The registry as one who changes it sees it: tags read where they count, made all or none, never overwritten.

How tag objects are made is in git_tagging.py, how they get to a remote in git_pushing.py; the two sides are in
git_clone_tags.py and git_remote_tags.py. Hooks of the repository (pre-push, reference-transaction) do not run.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

from model_stage_deploy.adapters.git_clone_tags import CloneTags, unknown
from model_stage_deploy.adapters.git_process import Git
from model_stage_deploy.adapters.git_pushing import push_tags
from model_stage_deploy.adapters.git_remote_tags import RemoteTags
from model_stage_deploy.adapters.git_remotes import Remote, TokenFor, remote_of
from model_stage_deploy.adapters.git_repository import GitRepository
from model_stage_deploy.adapters.git_scratch import credentials
from model_stage_deploy.adapters.git_settings import Settings, carried, use_ssh_command
from model_stage_deploy.adapters.git_tagging import TagObjects, borrow, tag_objects
from model_stage_deploy.core.errors import Invalid, MachineryFailed, ModelStageError, Refused
from model_stage_deploy.core.model import TagRecord
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.writing import NewTag
from model_stage_deploy.ports import TagClash, TagStore

Tell = Callable[[str], None]


@contextlib.contextmanager
def open_tag_store(repo: str, *, is_url: bool, push: bool, token_for: TokenFor, tell: Tell) -> Iterator[TagStore]:
    """The store of the clone at or above the path `repo` ("" is the current directory), or of a URL without a clone.

    `token_for` gives the token that may go to a server, by its address; `tell` is given what a person should know.
    Temporary directories are gone afterwards. Raises Invalid (not-a-repository, usage), MachineryFailed (git-failed).
    """
    if is_url and not push:
        raise Invalid(
            Reason.USAGE,
            "the registry was named by its URL, so there is no clone here to make tags in",
            hint="push them: --push",
        )
    with contextlib.ExitStack() as ending:

        def reading(remote: Remote) -> RemoteTags:
            made = RemoteTags(remote)
            ending.callback(made.close)
            return made

        if is_url:
            yield RemoteTagStore(reading(Remote("origin", repo, token_for(repo))))
            return
        clone = CloneTags(GitRepository.open(repo or "."))
        settings = carried(clone.git)
        if push:
            yield PushingTagStore(clone, reading(_required(remote_of(clone.repository, settings, token_for))), tell)
            return
        try:
            found = remote_of(clone.repository, settings, token_for)
        except Invalid as problem:
            tell(f"no remote is asked for tags: {problem.message}")
            found = None
        yield LocalTagStore(clone, reading(found) if found else None, settings, tell)


def _required(remote: Remote | None) -> Remote:
    if remote is None:
        raise Invalid(
            Reason.USAGE,
            "the clone has no remote to push to",
            hint="add one (git remote add origin URL), or leave --push out",
        )
    return remote


class RemoteTagStore:
    """A remote without a clone."""

    def __init__(self, remote: RemoteTags) -> None:
        self._remote = remote

    def tags(self, model: str) -> Sequence[TagRecord]:
        """See the port."""
        return self._remote.tags(model)

    def only_here(self, model: str) -> Sequence[str]:  # noqa: ARG002 - the port's argument
        """Nothing is here."""
        return ()

    def commit_of(self, ref: str) -> str:
        """See the port."""
        return self._remote.commit_of(ref)

    def read_file(self, path: str) -> bytes | None:
        """A file of the default branch (see the port)."""
        return self._remote.read_file(path)

    def make(self, tags: Sequence[NewTag], *, sign: bool) -> None:
        """See the port."""
        with _made_beside(self._remote, None, tags, sign=sign, fetched=True) as made:
            _push_from_scratch(self._remote, made, [tag.commit for tag in tags])


class PushingTagStore:
    """A clone whose tags are pushed: the remote decides, the clone is told afterwards."""

    def __init__(self, clone: CloneTags, remote: RemoteTags, tell: Tell) -> None:
        self._clone = clone
        self._remote = remote
        self._tell = tell
        self._names: dict[str, set[str]] = {}

    def tags(self, model: str) -> Sequence[TagRecord]:
        """See the port."""
        records = self._remote.tags(model)
        self._names[model] = {record.name for record in records}
        return records

    def only_here(self, model: str) -> Sequence[str]:
        """See the port; the remote's tags are those of the last reading."""
        if model not in self._names:
            self.tags(model)
        return [name for name in self._clone.names(model) if name not in self._names[model]]

    def commit_of(self, ref: str) -> str:
        """In the clone; what it lacks, on the remote (see the port)."""
        return self._clone.commit_of(ref) or self._remote.commit_of(ref)

    def read_file(self, path: str) -> bytes | None:
        """See the port."""
        return self._clone.read_file(path)

    def make(self, tags: Sequence[NewTag], *, sign: bool) -> None:
        """See the port. A clone that cannot be given the tags after the push is told of, not raised: they count."""
        commits = [tag.commit for tag in tags]
        missing = self._clone.missing(commits)
        with _made_beside(self._remote, self._clone, tags, sign=sign, fetched=bool(missing)) as made:
            if missing:
                _push_from_scratch(self._remote, made, commits)
            else:
                self._push(made, commits)
            for names in self._names.values():
                names.update(made.ids)
            self._give_clone(made, [tag.name for tag in tags if tag.commit not in missing])
            if missing:
                left = [tag.name for tag in tags if tag.commit in missing]
                self._tell(f"pushed, but not made in this clone, which lacks the commit: {', '.join(left)}")

    def _push(self, made: TagObjects, commits: Sequence[str]) -> None:
        """From the clone, by its remote's name: its settings for that remote hold, and a new commit goes along."""
        remote = self._remote.remote
        uploads = self._clone.unseen(sorted(set(commits) - self._remote.commits), remote.name)
        for commit in uploads:
            self._tell(f"commit {commit[:12]} is not on {remote.name} as far as this clone knows: the push uploads it")
        git = Git(self._clone.git.directory, credentials(remote.url, remote.token) if remote.token else None)
        use_ssh_command(git, remote.settings)
        # Of the tags that were read there, git sees what the remote has; else it has to ask.
        borrow(git, [made.objects, self._remote.objects])
        known = set(commits) <= self._remote.tips
        push_tags(
            git,
            remote.name,
            made.ids,
            self._remote.listed,
            thin=bool(uploads),
            negotiate=not known,
            turn=self._remote.turn,
        )
        self._remote.have_moved(made.ids)

    def _give_clone(self, made: TagObjects, names: Sequence[str]) -> None:
        try:
            here = self._clone.tag_ids(names)
            others = [name for name in names if here.get(name, made.ids[name]) != made.ids[name]]
            if others:
                self._tell(
                    f"pushed, but this clone has other tags of that name: {', '.join(others)} (the remote's count; "
                    "git fetch --tags --force brings them)"
                )
            absent = [name for name in names if name not in here]
            if absent:
                self._clone.create(made, absent)
        except (ModelStageError, TagClash) as problem:
            words = problem.message if isinstance(problem, ModelStageError) else f"{problem} came in between"
            self._tell(f"the tags are pushed, but this clone does not have them yet (git fetch --tags): {words}")


class LocalTagStore:
    """A clone whose tags stay in it for now. Its remote, where it answers, has a say in what exists (B16)."""

    def __init__(self, clone: CloneTags, remote: RemoteTags | None, settings: Settings, tell: Tell) -> None:
        self._clone = clone
        self._remote = remote
        self._settings = settings
        self._tell = tell

    def tags(self, model: str) -> Sequence[TagRecord]:
        """See the port."""
        records = self._clone.repository.tags(model)
        gap = self._clone.repository.why_incomplete()
        try:
            if self._remote is None:
                if gap is None:
                    return records
                raise MachineryFailed(Reason.GIT_FAILED, "there is none to ask")
            self._remote.require_answer()
            there = self._remote.tags(model)
        except MachineryFailed as problem:
            if gap is not None:
                raise Refused(
                    Reason.INCOMPLETE_TAGS,
                    f"the model's tags are not all here: {gap}, and its remote does not tell them: {problem.message}",
                    hint="fetch everything: git fetch --unshallow --tags, or use a full clone",
                ) from problem
            self._tell(f"what exists is read from this clone alone, because its remote fails: {problem.message}")
            return records
        names = {record.name for record in records}
        return [*records, *(record for record in there if record.name not in names)]

    def only_here(self, model: str) -> Sequence[str]:  # noqa: ARG002 - the port's argument
        """Nothing is pushed."""
        return ()

    def commit_of(self, ref: str) -> str:
        """See the port."""
        found = self._clone.commit_of(ref)
        if found is None:
            raise unknown(ref)
        return found

    def read_file(self, path: str) -> bytes | None:
        """See the port."""
        return self._clone.read_file(path)

    def make(self, tags: Sequence[NewTag], *, sign: bool) -> None:
        """See the port."""
        missing = self._clone.missing(tag.commit for tag in tags)
        if missing:
            raise Refused(
                Reason.UNKNOWN_REF,
                f"commit {min(missing)[:12]} is not in this clone, so no tag can be made on it here",
                hint="fetch it first (git fetch, of a shallow clone git fetch --unshallow), or push the tag: --push",
            )
        clone = self._clone
        with tag_objects(clone.top, [clone.objects], self._settings, tags, sign=sign) as made:
            clone.create(made, [tag.name for tag in tags])


@contextlib.contextmanager
def _made_beside(
    remote: RemoteTags, clone: CloneTags | None, tags: Sequence[NewTag], *, sign: bool, fetched: bool
) -> Iterator[TagObjects]:
    """Tag objects on commits of the clone, or on ones `fetched` from the remote where it lacks one of them."""
    borrowed = [clone.objects] if clone else []
    if fetched:
        remote.bring([tag.commit for tag in tags])
        borrowed.append(remote.objects)
    place = clone.top if clone else remote.scratch.directory
    with tag_objects(place, borrowed, remote.remote.settings, tags, sign=sign) as made:
        yield made


def _push_from_scratch(remote: RemoteTags, made: TagObjects, commits: Sequence[str]) -> None:
    scratch = remote.scratch
    git = Git(scratch.directory)
    git.environment = dict(scratch.git.environment)
    borrow(git, [made.objects])
    known = set(commits) <= remote.tips
    push_tags(git, "origin", made.ids, remote.listed, thin=False, negotiate=not known, turn=remote.turn)
    remote.have_moved(made.ids)
