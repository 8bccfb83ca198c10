"""Which names a request may call this server by, and which pages may send it one: exact lists, nothing guessed."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence

from model_stage_deploy.core.writing import usage

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}")
_ORIGIN = re.compile(r"https?://([^/?#@\\\s]+)")
_HARMLESS = ("same-origin", "none")  # "none": typed into the address bar, a bookmark, a click in a terminal


def hosts_of(host: str, port: int, names: Sequence[str] = ()) -> frozenset[str]:
    """Every `Host` that is ours, in lower case: loopback and `host` with the port, and `names` (those of proxies).

    A name may have a port of its own; without one it may come without any, or with ours. `host` that stands for any
    address (0.0.0.0) is nobody's name. Raises Invalid (usage) for what is no name.
    """
    own = [*LOOPBACK, *([] if is_any(host) else [bracketed(host)])]
    hosts = {f"{name}:{port}" for name in own}
    if port == 80:
        hosts.update(own)
    for name in names:
        bare, outer = _parts(name)
        hosts.update([f"{bare}:{outer}"] if outer else [bare, f"{bare}:{port}"])
    return frozenset(entry.lower() for entry in hosts)


def is_any(host: str) -> bool:
    """Whether it stands for every address of the machine."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return host == ""


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def bracketed(host: str) -> str:
    """As it stands in an address: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def is_ours(given: str, hosts: frozenset[str]) -> bool:
    """Whether a `Host` is one of ours."""
    return given.lower() in hosts


def may_post(origins: Sequence[str], sites: Sequence[str], hosts: Iterable[str]) -> bool:
    """Whether a POST comes from a page of ours, by its `Origin` and `Sec-Fetch-Site` headers.

    Every browser of today sends `Origin` with a POST. Where there is none, only a browser that says `same-origin` by
    the other header is believed; `null` (a sandbox, a file, a redirect from elsewhere) never.
    """
    if len(origins) > 1 or len(sites) > 1 or (sites and sites[0] != "same-origin"):
        return False
    if not origins:
        return bool(sites)
    found = _ORIGIN.fullmatch(origins[0].lower())
    return found is not None and found[1] in hosts


def may_get(sites: Sequence[str], modes: Sequence[str], places: Sequence[str]) -> bool:
    """Whether a page or a file may be fetched: by ourselves, or as a link that a person follows in a tab.

    Other sites may not embed anything of ours, frame it or ask for it in a script. Who sends no such headers (an old
    browser, curl, a browser without TLS on another machine) is not kept out by them.
    """
    if len(sites) > 1 or len(modes) > 1 or len(places) > 1:
        return False
    if not sites or sites[0] in _HARMLESS:
        return True
    return list(modes) == ["navigate"] and list(places) == ["document"]


def _parts(name: str) -> tuple[str, str]:
    """A name and the port that it has, "" for none. Raises Invalid (usage)."""
    found = re.fullmatch(r"(\[[^\]]+\]|[^:]+):([0-9]{1,5})", name)
    bare, port = (found[1], found[2]) if found else (name, "")
    try:
        bare = bracketed(str(ipaddress.ip_address(bare.removeprefix("[").removesuffix("]"))))
    except ValueError:
        if not _NAME.fullmatch(bare) or len(bare) > 253:
            raise usage(
                f"--allow-host {name[:120]!r} is no name of a machine",
                "name it as the browser's address bar does, without scheme and path: models.example.com",
            ) from None
    return bare, port
