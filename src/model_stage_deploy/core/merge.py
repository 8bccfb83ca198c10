"""Layers of settings merged into one, knowing for each value which layer it came from.

Mappings merge deeply; lists and scalars replace. A null in a higher layer removes the key and all below it.
Another deployer in a higher layer (`uses`, `run` or `argv` that differs) drops the lower layers' choice and its
`with`, which was meant for that other deployer; `env`, `timeout` and `retries` stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from model_stage_deploy.core.mapping_document import Path

CHOICES = ("uses", "run", "argv")
"""Keys of `deploy` that choose the deployer: exactly one of them in the merged result."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Settings from one place of the file. `at` is where `values` stands there."""

    at: Path
    values: Mapping[str, Any]


@dataclass(slots=True)
class Merged:
    """Merged settings; `origins` says for each leaf (a path in `values`) where in the file it was written.

    A leaf is anything but a mapping with keys; a list is one leaf.
    """

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[Path, Path] = field(default_factory=dict)

    def origin(self, path: Path) -> Path:
        """Where in the file something was written, or would have been: a leaf, what is in one, what holds some."""
        for length in range(len(path), 0, -1):
            for leaf, at in self.origins.items():
                if leaf[:length] == path[:length]:
                    return (*at[: len(at) - len(leaf) + length], *path[length:])
        return ()

    def overlay(self, layer: Layer) -> None:
        """Put one higher layer on top."""
        deploy = layer.values.get("deploy")
        if isinstance(deploy, Mapping) and self._chooses_another(deploy):
            for key in (*CHOICES, "with"):
                self._drop(("deploy", key))
        self._overlay(self.values, layer.values, (), layer.at)

    def _chooses_another(self, deploy: Mapping[str, Any]) -> bool:
        lower = self.values.get("deploy", {})
        before = {key: lower[key] for key in CHOICES if key in lower}
        chosen = {key: deploy[key] for key in CHOICES if deploy.get(key) is not None}
        return bool(before) and bool(chosen) and chosen != before

    def _overlay(self, target: dict[str, Any], source: Mapping[str, Any], path: Path, origin: Path) -> None:
        for key, value in source.items():
            here, there = (*path, key), (*origin, key)
            both = isinstance(value, Mapping) and isinstance(target.get(key), dict)
            if both and value:
                self.origins.pop(here, None)  # an empty mapping was a leaf until now
                self._overlay(target[key], value, here, there)
            elif not both or not target[key]:
                self._forget(here, target.pop(key, None))
                if value is not None:
                    target[key] = self._copy(value, here, there)

    def _copy(self, value: Any, path: Path, origin: Path) -> Any:
        """A copy without nulls, whose leaves are noted in `origins`."""
        if not isinstance(value, Mapping):
            self.origins[path] = origin
            return list(value) if isinstance(value, list) else value
        fresh: dict[str, Any] = {}
        self._overlay(fresh, value, path, origin)
        if not fresh:
            self.origins[path] = origin
        return fresh

    def _drop(self, path: Path) -> None:
        target: Any = self.values
        for part in path[:-1]:
            target = target.get(part)
            if not isinstance(target, dict):
                return
        self._forget(path, target.pop(path[-1], None))

    def _forget(self, path: Path, value: Any) -> None:
        """Forget where a value that is gone came from."""
        self.origins.pop(path, None)
        if isinstance(value, dict):
            for key, item in value.items():
                self._forget((*path, key), item)


def merge(layers: Iterable[Layer]) -> Merged:
    """Lowest layer first."""
    merged = Merged()
    for layer in layers:
        merged.overlay(layer)
    return merged
