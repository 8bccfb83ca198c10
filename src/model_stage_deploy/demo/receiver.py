"""The demo's "production": a webhook receiver that checks the signature and remembers what is live."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

from model_stage_deploy.deployers.signing import verify


class Receiver:
    """A server on this machine, on a free port. `live` maps "stage.model" to the version sent last."""

    def __init__(self, secret: str) -> None:
        self.live: dict[str, str] = {}
        self.deliveries = 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(min(int(self.headers.get("Content-Length", "0")), 1 << 20))
                stamp, signature = self.headers["X-MSD-Timestamp"], self.headers["X-MSD-Signature"]
                genuine = verify(secret, stamp, body, signature, time.time())
                if genuine:
                    receiver.remember(json.loads(body))
                self.send_response(200 if genuine else 401)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Quiet: the story tells."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])

    def remember(self, payload: dict[str, object]) -> None:
        """Note a genuine delivery."""
        model = payload["model"]
        name = model["name"] if isinstance(model, dict) else ""
        self.live[f"{payload['stage']}.{name}"] = str(payload["version"])
        self.deliveries += 1

    def __enter__(self) -> Receiver:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
