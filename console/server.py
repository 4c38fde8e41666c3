"""uvicorn, told about streams that never end by themselves."""

from __future__ import annotations

from types import FrameType

import uvicorn
from fastapi import FastAPI

from console.hub import Hub

GRACEFUL_S = 3
"""What a request in flight gets when the console is stopped."""


class ConsoleServer(uvicorn.Server):
    """Ends the live streams when it is told to stop; without that uvicorn waits for them and then cancels them with a traceback each. No access log: who wrote a concern is nowhere."""

    def __init__(self, app: FastAPI, *, host: str, port: int, log_level: str = "warning") -> None:
        super().__init__(uvicorn.Config(app, host=host, port=port, log_level=log_level, access_log=False, timeout_graceful_shutdown=GRACEFUL_S, server_header=False))
        self._hub: Hub = app.state.house.hub

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._hub.end_streams()
        super().handle_exit(sig, frame)
