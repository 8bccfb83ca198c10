"""The tags of a release: `v1.2.3`, which never moves, at a commit whose action.yml names the image; `v1` follows."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from release.image import pinned
from release.papers import NotReleasable, parsed

_BOT = {"NAME": "github-actions[bot]", "EMAIL": "41898282+github-actions[bot]@users.noreply.github.com"}


def tag_release(root: Path, version: str, image: str, digest: str) -> str:
    """Commit action.yml with the image's digest on top of HEAD, tag it `vVERSION`, push the tag; the commit's id.

    The commit is on no branch. Who makes it and when (HEAD's time) are the same each time, so that a second run makes
    the same tag again, and Git refuses another one in its place. Raises NotReleasable.
    """
    parsed(version)
    tag = f"v{version}"
    parent = git(root, "rev-parse", "HEAD")
    when = git(root, "show", "--no-patch", "--format=%cI", parent)
    path = root / "action.yml"
    path.write_text(pinned(path.read_text(encoding="utf-8"), image, digest), encoding="utf-8")
    git(root, "commit", "--quiet", "--only", "action.yml", "--message", _message(version, image, digest), when=when)
    commit = git(root, "rev-parse", "HEAD")
    changed = git(root, "diff", "--numstat", parent, commit).split("\t")
    if changed != ["1", "1", "action.yml"]:
        raise NotReleasable(f"the release commit changes more than one line of action.yml: {changed}")
    git(root, "tag", "--annotate", "--message", tag, tag, commit, when=when)
    git(root, "push", "--quiet", "origin", f"refs/tags/{tag}:refs/tags/{tag}")
    return commit


def _message(version: str, image: str, digest: str) -> str:
    return f"Release {version}\n\nThe image of action.yml is pulled, not built: {image}@{digest}"


def move_major(root: Path, version: str) -> bool:
    """Let `v1` on the remote name the commit of `v1.2.3` there; whether it moved. It never goes back.

    Fails where somebody else moved it meanwhile. Raises NotReleasable.
    """
    major = f"v{parsed(version)[0]}"
    remote = _tags(root)
    if (commit := remote.get(f"v{version}")) is None:
        raise NotReleasable(f"the remote has no tag v{version}")
    if newest(set(remote), parsed(version)[0]) != f"v{version}":
        return False
    before = git(root, "ls-remote", "origin", f"refs/tags/{major}").partition("\t")[0]
    git(root, "fetch", "--quiet", "--no-tags", "--depth=1", "origin", f"refs/tags/v{version}")
    lease = f"--force-with-lease=refs/tags/{major}:{before}"
    git(root, "push", "--quiet", lease, "origin", f"{commit}:refs/tags/{major}")
    return True


def newest(tags: set[str], major: int) -> str | None:
    """The newest `vMAJOR.x.y` of some tags. Tags that are no releases do not count."""
    versions = []
    for tag in tags:
        try:
            versions.append(parsed(tag.removeprefix("v")) if tag.startswith("v") else None)
        except NotReleasable:
            continue
    of_major = [version for version in versions if version and version[0] == major]
    return "v" + ".".join(map(str, max(of_major))) if of_major else None


def _tags(root: Path) -> dict[str, str]:
    """The remote's tags and the commits behind them: the peeled line of an annotated tag comes after its own."""
    lines = git(root, "ls-remote", "--tags", "origin").splitlines()
    split = (line.split("\trefs/tags/") for line in lines)
    return {name.removesuffix("^{}"): found for found, name in split}


def git(root: Path, *arguments: str, when: str | None = None) -> str:
    """What git prints, without the last line end. Raises NotReleasable with its words."""
    who = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in _BOT.items()}
    dates = {"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when} if when else {}
    command = ["git", "-c", "commit.gpgSign=false", "-c", "tag.gpgSign=false", *arguments]
    done = subprocess.run(
        command, cwd=root, env={**os.environ, **who, **dates}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise NotReleasable(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout.rstrip("\n")
