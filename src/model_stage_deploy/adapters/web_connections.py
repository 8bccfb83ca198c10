"""How `requests` sends for web_requests.py: each request over a connection of its own, which somebody is shown first.

No `requests.Session`: made for each of a thousand requests it cost half as much again as the sending. What is dear and
the same for all, the authorities to trust (17 to 35 ms of CPU), is read once.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from model_stage_deploy.ports import WebRequest

if TYPE_CHECKING:
    import ssl
    from socket import socket

    import requests
    from requests.adapters import HTTPAdapter

_here = threading.local()  # `watch`: who is shown the sockets that this thread opens
_reading = threading.Lock()


@contextmanager
def answered(
    asked: WebRequest, url: str, timeout: float, watch: Callable[[socket], None]
) -> Iterator[requests.Response]:
    """The answer to `asked` at `url`, its body not read yet; on leaving, the connection is closed.

    `watch` gets every socket before a byte is sent. `timeout` in seconds is for connecting and for each read. No
    redirect is followed, no `.netrc` is read. Raises what requests and urllib3 raise, and OSError where the
    certificates to trust cannot be read.
    """
    prepared = _prepared(asked, url)
    adapter = _adapter_class()(max_retries=0)
    _here.watch = watch
    try:
        # By the adapter, not by a session: that reads the whole body of a redirect even when told not to follow.
        with adapter.send(
            prepared, stream=True, timeout=(timeout, timeout), verify=_authorities(), proxies=_proxies(url)
        ) as answer:
            yield answer
    finally:
        adapter.close()
        del _here.watch


def _prepared(asked: WebRequest, url: str) -> requests.PreparedRequest:
    import requests

    prepared = requests.PreparedRequest()
    prepared.prepare(method=asked.method, url=url, headers=dict(_standard_headers()), data=asked.body)
    for name, value in asked.headers.items():
        prepared.headers[name] = value.strip().encode()  # type: ignore[assignment]  # bytes: any text may travel
    return prepared


@functools.cache
def _standard_headers() -> Mapping[str, str]:
    import requests

    return {**requests.utils.default_headers(), "Accept-Encoding": "identity"}


def _proxies(url: str) -> dict[str, str]:
    """The proxies for `url`, as the environment (on macOS and Windows the system, too) has them."""
    import urllib.request

    import requests

    if urllib.request.getproxies is urllib.request.getproxies_environment:
        named = (name.lower() for name in os.environ)
        if not any(name.endswith("_proxy") and name != "no_proxy" for name in named):
            return {}
    return requests.utils.get_environ_proxies(url, no_proxy=None)


def _authorities() -> str | bool:
    return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True


def _trusting(authorities: str | bool) -> ssl.SSLContext:
    """TLS that verifies against a file or directory of certificates (True: the one that comes with requests).

    Raises OSError where it cannot be read.
    """
    from requests.adapters import DEFAULT_CA_BUNDLE_PATH

    path = authorities if isinstance(authorities, str) else DEFAULT_CA_BUNDLE_PATH
    state = os.stat(path)  # noqa: PTH116 - one call, for each request
    with _reading:  # by one, while others wait for it
        return _read_once(path, state.st_mtime_ns, state.st_size)


@functools.lru_cache(maxsize=4)
def _read_once(path: str, _changed: int, _size: int) -> ssl.SSLContext:
    import ssl

    from urllib3.util.ssl_ import create_urllib3_context

    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    at = "capath" if os.path.isdir(path) else "cafile"  # noqa: PTH112
    context.load_verify_locations(**{at: path})
    return context


@functools.cache
def _adapter_class() -> type[HTTPAdapter]:
    """The adapter of requests, with connections that show their sockets to `_here.watch`."""
    from requests.adapters import HTTPAdapter
    from requests.utils import select_proxy
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket:
            opened = super()._new_conn()
            _here.watch(opened)
            return opened

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket:
            opened = super()._new_conn()
            _here.watch(opened)
            return opened

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    class Adapter(HTTPAdapter):
        """Goes straight to the host where there is no proxy; the way by a proxy is that of requests."""

        _straight: HTTPConnectionPool | None = None

        def get_connection_with_tls_context(
            self, request: Any, verify: Any, proxies: Any = None, cert: Any = None
        ) -> Any:
            if proxies and select_proxy(request.url, proxies):
                return super().get_connection_with_tls_context(request, verify, proxies=proxies, cert=cert)
            parts = urlsplit(request.url)
            host = parts.hostname or ""
            self._straight = (
                SecurePool(host, parts.port, maxsize=1, cert_reqs="CERT_REQUIRED", ssl_context=_trusting(verify))
                if parts.scheme == "https"
                else PlainPool(host, parts.port, maxsize=1)
            )
            return self._straight

        def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
            if conn is not self._straight:  # its context knows already whom to trust
                super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]

        def proxy_manager_for(self, *arguments: Any, **named: Any) -> Any:
            manager = super().proxy_manager_for(*arguments, **named)
            manager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
            return manager

        def close(self) -> None:
            if self._straight is not None:
                self._straight.close()
            super().close()

    return Adapter
