"""The registry as the pages show it: for the server and for the static report. What changed is read again, only that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from model_stage_deploy.core.dashboard import Cell, ModelPage, Overview, Query
from model_stage_deploy.faces.settings import Settings


class Browser:
    """Looks at one registry, from several threads."""

    def __init__(self, settings: Settings, environ: Mapping[str, str]) -> None:
        raise NotImplementedError

    def overview(self, query: Query) -> Overview:
        """One page of the table of models."""
        raise NotImplementedError

    def cells(self, names: Sequence[str]) -> list[tuple[str, Cell]]:
        """The stages of these models joined with their deployments, with each one's model."""
        raise NotImplementedError

    def model(self, name: str) -> ModelPage:
        """One model. Raises Refused (unknown-model)."""
        raise NotImplementedError

    def fingerprint(self) -> str:
        """Changes whenever tags do: one cheap look."""
        raise NotImplementedError

    def news(self) -> tuple[str, ...]:
        """Sentences on tags that the remote has and this clone lacks; () where it has all, or nobody can say."""
        raise NotImplementedError
