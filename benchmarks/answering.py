"""A receiver of webhooks that answers each request after a fixed time, in a process of its own: `answering(0.05)`.

Run as a program it prints its port and answers until its standard input ends. It reads requests just as well as it
must, with one coroutine for each connection, so that hundreds at once are no effort.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

_BODY = b'{"status": "done"}'
_WHOLE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"


class Heard(NamedTuple):
    """What came: requests in all, how many at the same time at most, and how many connections."""

    requests: int
    at_once: int
    connections: int


class Answering:
    """A server that is at work. `url` is where it listens."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def heard(self) -> Heard:
        """What came since the last time that this was asked."""
        with urllib.request.urlopen(f"{self.url}/heard", timeout=10) as answer:
            return Heard(*json.load(answer))


@contextmanager
def answering(seconds: float) -> Iterator[Answering]:
    """A server in another process that takes `seconds` for each answer."""
    process = subprocess.Popen(
        [sys.executable, "-I", __file__, str(seconds)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Answering(int(process.stdout.readline()))
    finally:
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


class _Server:
    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._requests = self._now = self._most = self._connections = 0

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    (int(line[15:]) for line in head.lower().split(b"\r\n") if line[:15] == b"content-length:"), 0
                )
                if length:
                    await reader.readexactly(length)
                writer.write(await self._answer(head))
        writer.close()

    async def _answer(self, head: bytes) -> bytes:
        body = _BODY
        if head.startswith(b"GET /heard "):
            body = json.dumps([self._requests, self._most, self._connections - 1]).encode()
            self._requests = self._most = self._connections = 0
        else:
            self._requests += 1
            self._now += 1
            self._most = max(self._most, self._now)
            await asyncio.sleep(self._seconds)
            self._now -= 1
        return _WHOLE % (len(body), body)


async def _serve(seconds: float) -> None:
    server = await asyncio.start_server(_Server(seconds).connection, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)
    os._exit(0)  # whoever asked has gone: connections that are still open are of no interest


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1])))
