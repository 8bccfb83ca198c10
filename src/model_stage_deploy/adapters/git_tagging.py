"""Tag objects made by git itself, beside the repository: no ref points at them yet, so none is half-made."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from model_stage_deploy.adapters.git_process import Git
from model_stage_deploy.adapters.git_settings import Settings, add_settings
from model_stage_deploy.core.errors import Invalid, MachineryFailed
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.writing import NewTag

_SIGNING_TIMEOUT = 120.0  # seconds: a person may have to type a passphrase
_BORROWED = "GIT_ALTERNATE_OBJECT_DIRECTORIES"
_UNKNOWN_PERSON = re.compile(r"tell me who you are|empty ident|ident name consists only|auto-detection is disabled")


class TagObjects(NamedTuple):
    """Annotated tag objects, by the names of the tags that they are to be. They are in `git`'s own scratch place."""

    git: Git
    ids: Mapping[str, str]
    objects: Path

    def packed(self) -> bytes:
        """The objects, and nothing else, as git hands them on."""
        wanted = "".join(f"{object_id}\n" for object_id in self.ids.values())
        return self.git.run(["pack-objects", "--quiet", "--stdout"], given=wanted.encode())


@contextlib.contextmanager
def tag_objects(
    place: Path, borrowed: Sequence[Path], settings: Settings, tags: Sequence[NewTag], *, sign: bool
) -> Iterator[TagObjects]:
    """Objects of the tags, on commits that are in one of the `borrowed` object directories; gone at the end.

    Git starts in `place`, where paths in its settings count from. Without `sign`, `tag.gpgSign` decides.
    Raises Invalid (identity-missing, usage), MachineryFailed (git-failed).
    """
    with _scratch_directory() as scratch:
        form = Git(place).run(["rev-parse", "--show-object-format"]).decode().strip()
        Git(scratch).run(["init", "--quiet", "--bare", "--template=", f"--object-format={form}", "."])
        git = Git(place, {"GIT_DIR": scratch})
        add_settings(git, settings)
        borrow(git, borrowed)
        for tag in tags:
            _make(git, tag, sign=sign)
        rows = git.run(["for-each-ref", "--format=%(objectname) %(refname:lstrip=2)", "refs/tags"]).decode()
        found = {name: object_id for object_id, _, name in (row.partition(" ") for row in rows.splitlines())}
        yield TagObjects(git, {tag.name: found[tag.name] for tag in tags}, Path(scratch, "objects"))


def _scratch_directory() -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory(prefix="model-stage-deploy-tags-", ignore_cleanup_errors=True)
    except OSError as problem:
        raise MachineryFailed(
            Reason.GIT_FAILED, f"no temporary directory can be made in {tempfile.gettempdir()}: {problem.strerror}"
        ) from problem


def borrow(git: Git, objects: Sequence[Path]) -> None:
    """Let `git` read objects from these directories, too."""
    before = git.environment.get(_BORROWED, "")
    git.environment[_BORROWED] = os.pathsep.join([*(_quoted(path) for path in objects), *filter(None, [before])])


def _make(git: Git, tag: NewTag, *, sign: bool) -> None:
    if "\0" in tag.message:
        raise Invalid(Reason.USAGE, f"the message of {tag.name} holds a NUL character, which Git would cut it at")
    zone = time.strftime("%z", time.localtime(tag.time)) or "+0000"
    git.environment["GIT_COMMITTER_DATE"] = f"@{tag.time} {zone}"
    message = f"{tag.message.strip()}\n".encode(errors="replace")
    done = git.attempt(
        [
            *("tag", "--sign" if sign else "--annotate", "--cleanup=verbatim", "--file=-"),
            *("--end-of-options", tag.name, tag.commit),
        ],
        timeout=_SIGNING_TIMEOUT,
        given=message,
    )
    # Where ssh-keygen fails, git 2.39 says so, makes a tag without a signature all the same, and ends with 0.
    complained = any(line.startswith(b"error:") for line in done.stderr.splitlines())
    if (
        done.returncode != 0
        or complained
        or (sign and git.run(["cat-file", "tag", f"refs/tags/{tag.name}"]).endswith(message))
    ):
        raise _not_made(tag, done.stderr.decode(errors="replace"), git.environment)


def _not_made(tag: NewTag, complaint: str, environment: Mapping[str, str]) -> Invalid | MachineryFailed:
    if _UNKNOWN_PERSON.search(complaint):
        name, email = '"Your Name"', '"you@example.com"'
        if environment.get("GITHUB_ACTIONS") == "true":
            name, email = '"$GITHUB_ACTOR"', '"$GITHUB_ACTOR_ID+$GITHUB_ACTOR@users.noreply.github.com"'
        return Invalid(
            Reason.IDENTITY_MISSING,
            f"the tag {tag.name} cannot be made: Git does not know who makes it",
            hint=f"git config user.name {name} && git config user.email {email}",
        )
    words = spoken(complaint)
    if "sign" in complaint or "public key" in complaint or "gpg" in complaint:
        return MachineryFailed(
            Reason.GIT_FAILED,
            f"the tag {tag.name} could not be signed: {words}",
            hint="see that git itself can sign here: git tag --sign -m try try-signing && git tag --delete try-signing",
        )
    return MachineryFailed(Reason.GIT_FAILED, f"the tag {tag.name} could not be made: {words}")


def spoken(complaint: str) -> str:
    """What git, and whom it asked, said is wrong, on one line."""
    said = [
        line.strip()
        for line in complaint.splitlines()
        if line.strip() and not line.startswith(("hint:", "***", "warning:"))
    ]
    telling = [line for line in said if not line.startswith(("error: failed to push some refs", "To "))]
    return one_line("; ".join(telling[:6]) or "git said nothing", 600)


def _quoted(path: Path) -> str:
    """A path as git takes it in a list, whatever it holds."""
    text = os.fspath(path)
    if os.pathsep not in text and '"' not in text and "\n" not in text:
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
