"""`python -m model_stage_deploy`: the command line."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line; the exit code."""
    from model_stage_deploy.faces.cli import main as run

    return run(sys.argv[1:])


if __name__ == "__main__":
    raise SystemExit(main())
