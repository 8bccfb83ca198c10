"""Which part of the mapping file a path lies in: the file itself, a settings layer, a model's part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from model_stage_deploy.core.mapping_document import Path

Kind = Literal["file", "settings", "model"]
_MERGED = {("gates",), ("rollback",), ("events",), ("lock",), ("strategy",)}


def split(path: Path) -> tuple[Kind, Path, Path]:
    """Kind of part, where that part stands, and the rest of the path inside it."""
    if path[:1] == ("defaults",):
        return "settings", path[:1], path[1:]
    if path[:1] == ("stages",) and len(path) >= 2:
        return "settings", path[:2], path[2:]
    if path[:1] == ("models",) and len(path) >= 4 and path[2] == "stages":
        return "settings", path[:4], path[4:]
    if path[:1] == ("models",) and len(path) >= 2:
        return "model", path[:2], path[2:]
    return "file", (), path


def is_text(path: Path) -> bool:
    """Whether an unquoted number or boolean at this path is meant as text, exactly as written.

    So in `vars`, in `deploy.env`, in `deploy.argv` and in all that is said of targets: `python: 3.10` is the text 3.10,
    not the number 3.1.
    """
    kind, _, rest = split(path)
    if len(rest) == 2 and rest[0] == "vars":
        return True
    if kind == "settings" and rest[:1] == ("targets",):
        return rest[1:2] != ("from",)
    if kind == "settings" and len(rest) == 3 and rest[:2] == ("strategy", "waves"):
        return True
    return kind == "settings" and len(rest) == 3 and rest[:2] in (("deploy", "env"), ("deploy", "argv"))


def is_partial(path: Path) -> bool:
    """Whether a layer need not be complete at this path, as another may say the rest; what stands in a list must be."""
    kind, _, rest = split(path)
    return kind == "settings" and rest[0:1] in _MERGED and not any(isinstance(part, int) for part in rest)


def layers(value: Any) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Every settings layer of a file and where it stands, top to bottom; what is no mapping is passed over."""
    if not isinstance(value, Mapping):
        return
    if isinstance(value.get("defaults"), Mapping):
        yield ("defaults",), value["defaults"]
    yield from _stages(("stages",), value.get("stages"))
    models = value.get("models")
    for name, model in models.items() if isinstance(models, Mapping) else ():
        if isinstance(model, Mapping):
            yield from _stages(("models", name, "stages"), model.get("stages"))


def _stages(at: Path, stages: Any) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    for name, settings in stages.items() if isinstance(stages, Mapping) else ():
        if isinstance(settings, Mapping):
            yield (*at, name), settings
