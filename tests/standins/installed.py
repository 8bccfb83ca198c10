"""Other people's tools as they are on PyPI, each in an environment of its own. For the long tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def install(directory: Path, *requirements: str, timeout: float = 600) -> Path:
    """A new virtual environment in `directory` with the requirements; gives its `bin`.

    pip is configured as this machine has it. Raises AssertionError with pip's words.
    """
    subprocess.run([sys.executable, "-m", "venv", str(directory)], check=True, timeout=timeout)
    bin_ = directory / "bin"
    done = subprocess.run(
        [str(bin_ / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements],
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return bin_
