"""The stand-in for GitHub on the wire: paths, connections, ordered trouble, and life as a process."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tests.standins.github import GitHubStandIn
from tests.standins.github_client import Api

SHA, OTHER_SHA = "a" * 40, "b" * 40
ROOT = Path(__file__).parents[2]


@pytest.fixture
def standin() -> Iterator[GitHubStandIn]:
    with GitHubStandIn(refs={"refs/tags/churn#prod#4": SHA, "main": SHA, "50%2F": OTHER_SHA}) as running:
        yield running


@pytest.fixture
def api(standin: GitHubStandIn) -> Iterator[Api]:
    client = Api(standin)
    with client.session:
        yield client


def test_paths_are_decoded_exactly_once(standin: GitHubStandIn, api: Api) -> None:
    standin.add_commit_status(OTHER_SHA, "success")
    raw = http.client.HTTPConnection(urlsplit(standin.url).netloc, timeout=20)
    headers = {"Authorization": "token test-token", "User-Agent": "test"}
    answers = []
    for ref in ("50%252F", "50%2F", "50%25252F", "50%252f%", "tags%2Fchurn%23prod%234"):
        raw.request("GET", f"/repos/org/models/commits/{ref}/status", headers=headers)
        answer = raw.getresponse()
        answers.append((answer.status, json.loads(answer.read()).get("sha")))
    raw.close()
    nothing = (404, None)
    assert answers == [(200, OTHER_SHA), nothing, nothing, nothing, (200, SHA)]
    assert standin.calls[0].path == "/repos/org/models/commits/50%2F/status"


def test_many_clients_at_once_get_ids_of_their_own(standin: GitHubStandIn) -> None:
    def deploy(_: int) -> int:
        api = Api(standin)
        with api.session:
            made = api.created("/deployments", {"ref": SHA})
            return int(api.created(f"/deployments/{made['id']}/statuses", {"state": "success"})["id"])

    with ThreadPoolExecutor(16) as pool:
        status_ids = list(pool.map(deploy, range(64)))
    assert len(set(status_ids)) == len(standin.deployments) == 64
    standin.assert_clean()


def test_ordered_answers_come_in_turn(standin: GitHubStandIn, api: Api) -> None:
    standin.fail_next("POST", r"/deployments$", status=502, times=2, after=1, body={"message": "bad gateway"})
    standin.fail_next("GET", r"/deployments$", kind="html")
    standin.limit_next("POST", r"/statuses/", retry_after=7)
    codes = [api("POST", "/deployments", {"ref": SHA}).status_code for _ in range(4)]
    assert codes == [201, 502, 502, 201]
    page = api("GET", "/deployments")
    assert (page.status_code, page.headers["Content-Type"]) == (502, "text/html; charset=utf-8")
    limited = api("POST", f"/statuses/{SHA}", {"state": "success"})
    assert (limited.status_code, limited.headers["Retry-After"]) == (403, "7")
    assert "secondary rate limit" in limited.json()["message"]
    assert (standin.pending_faults, len(standin.deployments), standin.commit_statuses(SHA)) == (0, 2, [])
    standin.assert_clean()


def test_links_lead_back_to_the_name_that_the_client_used(standin: GitHubStandIn) -> None:
    made = standin.add_deployment(ref=SHA)
    raw = http.client.HTTPConnection(urlsplit(standin.url).netloc, timeout=20)
    found = []
    for host in ("host.containers.test:81", 'evil"/><'):
        headers = {"Authorization": "token test-token", "User-Agent": "test", "Host": host}
        raw.request("GET", f"/repos/org/models/deployments/{made.id}", headers=headers)
        found.append(json.loads(raw.getresponse().read())["repository_url"])
    raw.close()
    assert found == ["http://host.containers.test:81/repos/org/models", f"{standin.url}/repos/org/models"]
    standin.assert_clean()


def test_a_reset_is_one_for_the_network_too(standin: GitHubStandIn) -> None:
    standin.fail_next("GET", r"^/rate_limit$", kind="reset")
    address = ("127.0.0.1", urlsplit(standin.url).port or 0)
    with socket.create_connection(address, timeout=20) as raw:
        raw.sendall(b"GET /rate_limit HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            raw.recv(1)
    standin.assert_clean()


@pytest.mark.parametrize("applied", [False, True])
def test_a_reset_cuts_the_connection_before_or_after_the_work(standin: GitHubStandIn, api: Api, applied: bool) -> None:
    assert api("GET", "").status_code == 200
    standin.fail_next("*", r"/deployments", kind="reset", applied=applied)
    with pytest.raises(requests.ConnectionError):
        api("POST", "/deployments", {"ref": SHA})
    assert len(standin.deployments) == int(applied)
    assert [call.status for call in standin.calls] == [200, None]
    api.created("/deployments", {"ref": SHA})
    standin.assert_clean()


def test_a_stalled_request_ends_with_the_stand_in() -> None:
    with GitHubStandIn() as standin, ThreadPoolExecutor(1) as pool, Api(standin).session as session:
        standin.fail_next("GET", r"", kind="timeout", seconds=3600, times=2)
        with pytest.raises(requests.Timeout):
            session.get(standin.url + "/rate_limit", timeout=0.2)
        idle = socket.create_connection(("127.0.0.1", urlsplit(standin.url).port or 0))
        stalled = pool.submit(session.get, standin.url + "/rate_limit", timeout=60)
        while standin.pending_faults:
            time.sleep(0.005)
        began = time.monotonic()
        standin.stop()
        assert time.monotonic() - began < 5
        with pytest.raises(requests.ConnectionError):
            stalled.result()
        assert idle.recv(1) == b""
        idle.close()
    standin.assert_clean()


def test_connections_are_kept_alive_and_hang_ups_forgiven(standin: GitHubStandIn) -> None:
    raw = http.client.HTTPConnection(urlsplit(standin.url).netloc, timeout=20)
    headers = {"Authorization": "token test-token", "User-Agent": "test"}
    sockets = set()
    for method in ("GET", "GET", "POST"):
        raw.request(method, "/rate_limit", headers=headers)
        assert raw.getresponse().read()
        sockets.add(raw.sock)
    assert len(sockets) == 1 and raw.sock is not None
    raw.request("GET", "/rate_limit", headers={"Authorization": "token test-token"})
    assert raw.getresponse().status == 403  # GitHub wants to know who asks
    raw.close()
    assert standin.violations == ["unknown operation: POST /rate_limit"]


def test_as_a_process_it_tells_what_happened(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    fault = {"method": "GET", "path_regex": "/deployments$", "status": 503}
    command = [sys.executable, "-m", "tests.standins.github", "--state-file", str(state), "--token", "t"]
    command += ["--permission", "deployments=write", "--ref", f"a=prod#1={SHA}", "--fault", json.dumps(fault)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        url = child.stdout.readline().strip()
        assert json.loads(state.read_text())["calls"] == []
        headers = {"Authorization": "Bearer t"}
        with requests.Session() as session:
            session.trust_env = False
            address = f"{url}/repos/org/models/deployments"
            made = session.post(address, json={"ref": "a=prod#1"}, headers=headers, timeout=20)
            assert session.get(address, headers=headers, timeout=20).status_code == 503
            session.post(f"{address}/{made.json()['id']}/statuses", json={}, headers=headers, timeout=20)
        seen = json.loads(state.read_text())
        child.send_signal(signal.SIGTERM)
        assert child.wait(timeout=20) == 0
    assert [(call["method"], call["status"]) for call in seen["calls"]] == [
        ("POST", 201),
        ("GET", 503),
        ("POST", 422),
    ]
    assert seen["calls"][0]["body"] == {"ref": "a=prod#1"}
    assert [(each["sha"], each["statuses"]) for each in seen["deployments"]] == [(SHA, [])]
    assert (seen["url"], seen["pending_faults"], len(seen["violations"])) == (url, 0, 1)
