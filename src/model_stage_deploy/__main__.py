"""`python -m model_stage_deploy`: the command line."""

from __future__ import annotations

import os
import sys


def main() -> int:
    """Run the command line; the exit code."""
    from model_stage_deploy.faces.cli import main as run

    return run(sys.argv[1:])


if __name__ == "__main__":
    # `python -m` looks for modules in the current directory first: a yaml.py there must not pass for the library.
    if not sys.flags.safe_path:
        del sys.path[0]
    code = main()
    # All is closed and flushed. Taking the interpreter apart in order would only take time.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
