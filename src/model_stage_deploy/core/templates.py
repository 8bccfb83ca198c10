"""What the mapping needs of a template language. Rendering is pure: text and values in, text out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class TemplateProblem(Exception):
    """A template cannot be rendered; the text says why, without values of secrets."""


class Templates(Protocol):
    """Renders the templates of a mapping file."""

    def render(self, template: str, variables: Mapping[str, Any], *, url: bool = False) -> str:
        """The text with values filled in. With `url`, every value but `vars` and `secrets` is percent-encoded.

        Raises TemplateProblem.
        """
        ...

    def names(self, template: str) -> frozenset[str]:
        """Dotted names that the template reads (`model.path`, `secrets.TOKEN`). Raises TemplateProblem."""
        ...
