"""What action.yml and host/action.yml must hold: the inputs and outputs of faces/settings.py, in two places to run."""

from __future__ import annotations

import json

from model_stage_deploy.faces.settings import INPUTS, OUTPUTS

_ACTION_HEAD = """\
name: Deploy a model on a GTO stage tag
description: Push a GTO stage tag such as churn#prod#4 and exactly that model version is deployed, checked and recorded.
author: model-stage-deploy
branding:
  icon: upload-cloud
  color: purple
"""
_ACTION_TAIL = """\
runs:
  using: docker
  image: Dockerfile
"""
# The runner starts Python itself: no shell that drops names with hyphens, and no process between it and the signals.
# The version is asked in words that every Python understands, for the rest of the code is not.
_HOST_STEP = """\
runs:
  using: composite
  steps:
    - id: run
      name: Set up, then run
      shell: python3 -I -S -u "{0}"
      run: |
        import os, runpy, sys
        if sys.version_info < (3, 11):
            print("::error title=model-stage-deploy::Python 3.11 or newer is needed, and python3 on this runner is "
                  + sys.version.split()[0] + ". Add a step with actions/setup-python before this one.")
            with open(os.environ["GITHUB_OUTPUT"], "a") as file:
                file.write("result=error\\nreason=setup-failed\\n")
            sys.exit(4)
        runpy.run_path(os.path.join(os.environ["GITHUB_ACTION_PATH"], "start.py"), run_name="__main__")
      env:
"""


def action() -> str:
    """action.yml."""
    lines = [*_action_inputs(), "outputs:"]
    for output in OUTPUTS:
        lines += [f"  {output.name}:", f"    description: {_quoted(output.help)}"]
    return _ACTION_HEAD + "\n".join(lines) + "\n" + _ACTION_TAIL


def host_action() -> str:
    """host/action.yml: the same inputs and outputs, passed on by hand, as a composite action has to."""
    head = _ACTION_HEAD.replace("stage tag\n", "stage tag, on the runner itself\n", 1)
    lines = [*_action_inputs(), "outputs:"]
    for output in OUTPUTS:
        lines += [f"  {output.name}:", f"    description: {_quoted(output.help)}"]
        lines += [f"    value: ${{{{ steps.run.outputs.{output.name} }}}}"]
    given = [f"        INPUT_{entry.name.upper()}: ${{{{ inputs.{entry.name} }}}}" for entry in INPUTS]
    return head + "\n".join(lines) + "\n" + _HOST_STEP + "\n".join(given) + "\n"


def _action_inputs() -> list[str]:
    lines = ["inputs:"]
    for entry in INPUTS:
        lines += [f"  {entry.name}:", f"    description: {_quoted(entry.help)}", "    required: false"]
        lines += [f"    default: {_quoted(entry.default)}"]
    return lines


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # a JSON text is a YAML text
