# The image that action.yml runs. Layers go from what changes seldom to what changes with every release.
FROM python:3.13-slim

# For deployers and for reading tags: the runner mounts the workspace under another user's id, hence
# safe.directory, and system-wide because the runner gives the container a HOME of its own.
# Versions are Debian's of the day: it keeps no old ones to ask for. Which they were is in the SBOM of a release.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends bash ca-certificates curl git gnupg openssh-client \
 && apt-get clean && rm -rf /var/lib/apt/lists/* \
 && git config --system --add safe.directory '*'

COPY requirements/runtime.lock /opt/model-stage-deploy/
RUN pip install --no-cache-dir --root-user-action=ignore --disable-pip-version-check \
    --require-hashes --requirement /opt/model-stage-deploy/runtime.lock

# The package is pure Python: it is put on the path rather than built, which would ask the network for a
# build backend.
RUN site="$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
 && echo /opt/model-stage-deploy/src > "$site/model-stage-deploy.pth"
COPY LICENSE /opt/model-stage-deploy/
COPY src /opt/model-stage-deploy/src
RUN python -m compileall -q --invalidation-mode unchecked-hash /opt/model-stage-deploy/src

# -I: the working directory is the user's checkout, and nothing in it may stand in for a module of ours.
# -u: log lines appear when they are written. Flags, not variables: deployers inherit variables.
ENTRYPOINT ["/usr/local/bin/python", "-I", "-u", "-m", "model_stage_deploy.faces.action"]
