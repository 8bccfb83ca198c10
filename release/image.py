"""Where action.yml finds its image: built from the Dockerfile on main, pulled by digest in a release."""

from __future__ import annotations

import re

from release.papers import NotReleasable

_BUILT = "  image: Dockerfile\n"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_NAME = re.compile(r"[a-z0-9.-]+(?::\d+)?(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)+")


def pinned(action: str, image: str, digest: str) -> str:
    """The text of action.yml with one line changed: the image, by digest, in place of the Dockerfile (T46).

    Raises NotReleasable for a digest or a name that is none, and for a text without exactly one line to change.
    """
    if not _DIGEST.fullmatch(digest):
        raise NotReleasable(f"{digest!r} is no digest such as sha256:…")
    if not _NAME.fullmatch(image):
        raise NotReleasable(f"{image!r} is no name of an image such as ghcr.io/owner/name")
    if action.count(_BUILT) != 1:
        raise NotReleasable(f"action.yml has {action.count(_BUILT)} lines `{_BUILT.strip()}` and needs one")
    return action.replace(_BUILT, f"  image: docker://{image}@{digest}\n")


def unpinned(action: str) -> str:
    """The text as it stands on main, whether it was released or not: so that the tests of a release pass, too."""
    return re.sub(r"^  image: docker://\S+@sha256:[0-9a-f]{64}\n", _BUILT, action, flags=re.MULTILINE)
