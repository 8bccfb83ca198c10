"""Loads a user's own deployer from a Python file of the trusted checkout."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.deployers.catalogue import told

CLASS = "Deployer"


def load_own(name: str, files: Path | None) -> Any:
    """The class `Deployer` of the file `name` (`./path/file.py`) under `files`.

    The file must be in `files` even after symbolic links are followed. It is executed, as the user's own code.
    Raises Invalid (mapping-invalid).
    """
    shown = one_line(name, 200)
    path = _inside(name, shown, files)
    # Two files of one name must not be one module; and dataclasses and pydantic look their module up by name.
    module_name = f"model_stage_deploy_own_{hashlib.sha256(str(path).encode()).hexdigest()[:16]}"
    spec = importlib.util.spec_from_loader(module_name, _Source(module_name, str(path)))
    if spec is None or spec.loader is None:
        raise Invalid(Reason.MAPPING_INVALID, f"the deployer {shown} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as problem:
        sys.modules.pop(module_name, None)
        raise Invalid(Reason.MAPPING_INVALID, f"the deployer {shown} cannot be loaded: {told(problem)}") from problem
    if not hasattr(module, CLASS):
        raise Invalid(
            Reason.MAPPING_INVALID,
            f"the deployer {shown} defines no class `{CLASS}`",
            hint="see docs/howto/write-a-deployer.md",
        )
    return getattr(module, CLASS)


def _inside(name: str, shown: str, files: Path | None) -> Path:
    if files is None:
        raise Invalid(Reason.MAPPING_INVALID, f"the deployer {shown} is a file, but there is no checkout to find it in")
    root = files.resolve()
    try:
        path = (root / name).resolve()
    except (OSError, ValueError):
        raise Invalid(Reason.MAPPING_INVALID, f"the deployer {shown} is no usable path") from None
    if not path.is_relative_to(root):
        raise Invalid(Reason.MAPPING_INVALID, f"the deployer {shown} leads out of the trusted checkout")
    if not path.is_file():
        raise Invalid(
            Reason.MAPPING_INVALID,
            f"there is no file {shown} in the trusted checkout",
            hint="the checkout is that of `config-ref`, by default the default branch: is it committed there?",
        )
    return path


class _Source(SourceFileLoader):
    """Leaves no `__pycache__` in the user's checkout."""

    def set_data(self, path: Any, data: Any, *, _mode: int = 0o666) -> None:
        """Writes nothing."""
