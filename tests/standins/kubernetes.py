"""A stand-in of the Kubernetes API on loopback: enough of it for kubectl to patch, look, wait and delete.

It holds Deployments, Pods, InferenceServices and Models. A patched Deployment gets its new pods a moment later. So does
an InferenceService, whose condition Ready stays True all the while, as was reported of KServe.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

MOMENT = 0.4  # seconds that each thing takes


class Kind(NamedTuple):
    """A kind of thing and where it lives."""

    group: str
    kind: str
    short: str = ""


KINDS: Mapping[str, Kind] = {
    "deployments": Kind("apps/v1", "Deployment", "deploy"),
    "pods": Kind("v1", "Pod", "po"),
    "inferenceservices": Kind("serving.kserve.io/v1beta1", "InferenceService", "isvc"),
    "models": Kind("mlops.seldon.io/v1alpha1", "Model"),
}


class Cluster:
    """What there is, by plural and name; `requests` are those that change something. `stuck` rollouts never end."""

    def __init__(self) -> None:
        self.things: dict[tuple[str, str], dict[str, Any]] = {}
        self.events: list[tuple[str, str, dict[str, Any]]] = []
        self.changed = threading.Condition()
        self.requests: list[str] = []
        self.stuck = False
        self.closed = False
        self._timers: list[threading.Timer] = []

    def put(self, plural: str, thing: dict[str, Any], event: str = "MODIFIED") -> None:
        with self.changed:
            self.events.append((plural, event, thing))
            thing["metadata"]["resourceVersion"] = str(len(self.events))
            self.events[-1] = (plural, event, json.loads(json.dumps(thing)))
            key = (plural, thing["metadata"]["name"])
            if event == "DELETED":
                self.things.pop(key, None)
            else:
                self.things[key] = thing
            self.changed.notify_all()

    def make(self, plural: str, name: str, namespace: str, **parts: Any) -> None:
        kind = KINDS[plural]
        meta = {"name": name, "namespace": namespace, "generation": 1, "uid": name, **parts.pop("metadata", {})}
        self.put(plural, {"apiVersion": kind.group, "kind": kind.kind, "metadata": meta, **parts}, "ADDED")

    def later(self, seconds: float, act: Any) -> None:
        timer = threading.Timer(seconds, act)
        self._timers.append(timer)
        timer.start()

    def patch(self, plural: str, name: str, change: Mapping[str, Any]) -> dict[str, Any]:
        thing = self.things[plural, name]
        before = json.dumps(thing["spec"], sort_keys=True)
        merge(thing, change)
        if json.dumps(thing["spec"], sort_keys=True) != before:
            thing["metadata"]["generation"] += 1
            self.put(plural, thing)
            if not self.stuck:
                self.later(MOMENT, lambda: self._follow(plural, thing))
        return thing

    def _follow(self, plural: str, thing: dict[str, Any]) -> None:
        """What the controllers of a cluster do a moment later."""
        if plural == "deployments":
            wanted = thing["spec"]["replicas"]
            thing["status"] = {
                "observedGeneration": thing["metadata"]["generation"],
                "replicas": wanted,
                "updatedReplicas": wanted,
                "availableReplicas": wanted,
            }
            self.put(plural, thing)
        elif plural == "inferenceservices":
            labels = {
                "serving.kserve.io/inferenceservice": thing["metadata"]["name"],
                **thing["spec"]["predictor"].get("labels", {}),
            }
            name, space = f"predictor-{thing['metadata']['generation']}", thing["metadata"]["namespace"]
            self.make("pods", name, space, metadata={"labels": labels}, spec={}, status=ready("False"))
            self.later(MOMENT, lambda: self.put("pods", {**self.things["pods", name], "status": ready("True")}))

    def close(self) -> None:
        for timer in self._timers:
            timer.cancel()
            timer.join()
        with self.changed:
            self.closed = True
            self.changed.notify_all()


def ready(status: str) -> dict[str, Any]:
    return {"conditions": [{"type": "Ready", "status": status}]}


def merge(thing: dict[str, Any], change: Mapping[str, Any]) -> None:
    """A merge patch; lists of things with names are merged by name, as a strategic merge patch of containers is."""
    for key, value in change.items():
        if key.startswith("$"):
            continue
        old = thing.get(key)
        if isinstance(value, Mapping) and isinstance(old, dict):
            merge(old, value)
        elif isinstance(value, list) and isinstance(old, list) and all("name" in one for one in value):
            named = {one["name"]: one for one in old}
            for one in value:
                merge(named.setdefault(one["name"], {}), one)
            thing[key] = list(named.values())
        else:
            thing[key] = value


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cluster: Cluster

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing: what failed is seen by kubectl."""

    def _say(self, answer: Mapping[str, Any], status: int = 200) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _missing(self, what: str = "") -> None:
        words = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}
        self._say({**words, "message": f"{what} not found", "details": {}}, 404)

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        parts, query = url.path.strip("/").split("/"), {key: one[-1] for key, one in parse_qs(url.query).items()}
        if parts == ["version"]:
            self._say({"major": "1", "minor": "32", "gitVersion": "v1.32.0"})
        elif parts == ["api"]:
            self._say({"kind": "APIVersions", "versions": ["v1"]})
        elif parts == ["apis"]:
            self._say({"kind": "APIGroupList", "apiVersion": "v1", "groups": list(_groups())})
        elif parts[0] in ("api", "apis") and "/".join(parts[1:]) in {kind.group for kind in KINDS.values()}:
            self._say(_resources("/".join(parts[1:])))
        else:
            self._thing(parts, query)

    def _thing(self, parts: list[str], query: Mapping[str, str]) -> None:
        rest = parts[parts.index("namespaces") + 2 :] if "namespaces" in parts else []
        plural, name = (*rest, "", "")[:2]
        if plural not in KINDS or (name and (plural, name) not in self.cluster.things):
            self._missing(f'{plural} "{name}"')
        elif name:
            self._say(self.cluster.things[plural, name])
        elif query.get("watch") in ("1", "true"):
            self._watch(plural, query)
        else:
            items = [
                thing for (kind, _), thing in self.cluster.things.items() if kind == plural and _chosen(thing, query)
            ]
            kind, version = KINDS[plural], str(len(self.cluster.events))
            head = {"kind": f"{kind.kind}List", "apiVersion": kind.group, "metadata": {"resourceVersion": version}}
            self._say({**head, "items": items})

    def _watch(self, plural: str, query: Mapping[str, str]) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Connection", "close")
        self.end_headers()
        seen = int(query.get("resourceVersion") or 0)
        with contextlib.suppress(OSError):
            while not self.cluster.closed:
                with self.cluster.changed:
                    while len(self.cluster.events) == seen and not self.cluster.closed:
                        self.cluster.changed.wait()
                    new, seen = self.cluster.events[seen:], len(self.cluster.events)
                for kind, event, thing in new:
                    if kind == plural and _chosen(thing, query):
                        self.wfile.write(json.dumps({"type": event, "object": thing}).encode() + b"\n")
                        self.wfile.flush()

    def do_PATCH(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        plural, name = urlsplit(self.path).path.split("/")[-2:]
        self.cluster.requests.append(f"PATCH {plural} {name}")
        if (plural, name) not in self.cluster.things:
            self._missing(f'{plural} "{name}"')
        else:
            self._say(self.cluster.patch(plural, name, body))

    def do_DELETE(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        plural, name = urlsplit(self.path).path.split("/")[-2:]
        self.cluster.requests.append(f"DELETE {plural} {name}")
        thing = self.cluster.things.get((plural, name))
        if thing is None:
            self._missing(f'{plural} "{name}"')
        else:
            self.cluster.put(plural, thing, "DELETED")
            self._say({"kind": "Status", "apiVersion": "v1", "status": "Success", "details": {"uid": name}})


def _chosen(thing: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    meta = thing["metadata"]
    field = query.get("fieldSelector", "").partition("=")[2]
    labels = dict(one.split("=", 1) for one in query.get("labelSelector", "").split(",") if one)
    return field in ("", meta["name"]) and labels.items() <= meta.get("labels", {}).items()


def _groups() -> Iterator[Mapping[str, Any]]:
    for group in sorted({kind.group for kind in KINDS.values()} - {"v1"}):
        name, _, version = group.partition("/")
        found = {"groupVersion": group, "version": version}
        yield {"name": name, "versions": [found], "preferredVersion": found}


def _resources(group: str) -> Mapping[str, Any]:
    found = [
        {
            "name": plural,
            "singularName": kind.kind.lower(),
            "namespaced": True,
            "kind": kind.kind,
            "shortNames": [kind.short] if kind.short else [],
            "verbs": ["get", "list", "patch", "watch", "delete"],
        }
        for plural, kind in KINDS.items()
        if kind.group == group
    ]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group, "resources": found}


@contextlib.contextmanager
def kubernetes() -> Iterator[tuple[Cluster, str]]:
    """The stand-in, running; what it holds, and its URL."""
    cluster = Cluster()
    handler = type("Handler", (_Handler,), {"cluster": cluster})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield cluster, f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        cluster.close()
        server.shutdown()
        thread.join()
        server.server_close()
