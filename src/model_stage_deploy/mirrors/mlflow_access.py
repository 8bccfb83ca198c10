"""Where MLflow is and who we say we are: `MLFLOW_TRACKING_URI` and its credentials, as MLflow's own client reads them.

As there, a user name with a password goes before a token.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from model_stage_deploy.core.mlflow_names import wrong_uri
from model_stage_deploy.core.redaction import Secret

URI = "MLFLOW_TRACKING_URI"
USERNAME = "MLFLOW_TRACKING_USERNAME"
PASSWORD = "MLFLOW_TRACKING_PASSWORD"  # noqa: S105 - the name of a variable
TOKEN = "MLFLOW_TRACKING_TOKEN"  # noqa: S105 - the name of a variable
VARIABLES = (URI, USERNAME, PASSWORD, TOKEN)
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Access(NamedTuple):
    """An MLflow server: its address without a final `/`, and the `Authorization` header for it (None for none)."""

    uri: str
    authorization: Secret | None = None

    @property
    def place(self) -> str:
        """Host and port, for messages: a path may be a secret."""
        parts = urlsplit(self.uri)
        return parts.netloc

    @property
    def is_open(self) -> bool:
        """Whether credentials would travel in the clear over a network."""
        parts = urlsplit(self.uri)
        return self.authorization is not None and parts.scheme == "http" and parts.hostname not in LOOPBACK


def access(uri: str, variable: Callable[[str], str], mask: Callable[[str], None]) -> Access:
    """The server that `uri` names, or the variable MLFLOW_TRACKING_URI where `uri` is "".

    `variable` gives the value of a variable, "" where it is not set; secrets go to `mask` before anything else.
    Raises ValueError, whose text says what is wrong and quotes no value.
    """
    password, token = variable(PASSWORD), variable(TOKEN)
    for secret in filter(None, (password, token)):
        mask(secret)
    place = uri or variable(URI)
    if not place:
        raise ValueError(f"{URI} is not set, and no `tracking-uri` is given")
    why_not = wrong_uri(place)
    if why_not:
        raise ValueError(f"the tracking URI {why_not}")
    return Access(place.strip().rstrip("/"), _authorization(variable(USERNAME), password, token, mask))


def from_environ(environ: Mapping[str, str]) -> Callable[[str], str]:
    """Variables as the environment has them, without the white space around a value that copying brings."""
    return lambda name: environ.get(name, "").strip()


def _authorization(username: str, password: str, token: str, mask: Callable[[str], None]) -> Secret | None:
    if username and password:
        encoded = base64.b64encode(f"{username}:{password}".encode()).decode()
        mask(encoded)
        return Secret(f"Basic {encoded}")
    if token:
        return Secret(f"Bearer {token}")
    if username or password:
        missing = PASSWORD if username else USERNAME
        raise ValueError(f"{missing} is not set: MLflow takes a user name and a password together")
    return None
