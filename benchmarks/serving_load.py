"""Callers of a server that cost as little as possible, so that the servers are what is timed."""

from __future__ import annotations

import asyncio
import select
import socket
import time
from dataclasses import dataclass

import numpy as np

JSON, ARROW = "application/json", "application/vnd.apache.arrow.stream"


@dataclass(frozen=True)
class Call:
    """A request, ready to be sent again and again."""

    address: str
    body: bytes
    kind: str = JSON
    path: str = "/predict"
    token: str = ""

    @property
    def host(self) -> tuple[str, int]:
        """Host and port."""
        host, port = self.address.removeprefix("http://").split(":")
        return host, int(port)

    @property
    def request(self) -> bytes:
        """What is sent."""
        lines = [f"POST {self.path} HTTP/1.1", f"Host: {self.host[0]}", f"Content-Type: {self.kind}"]
        lines += [f"Content-Length: {len(self.body)}", *([f"Authorization: Bearer {self.token}"] if self.token else [])]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


class Connection:
    """One kept-alive connection."""

    def __init__(self, address: str, body: bytes, *, kind: str = JSON, path: str = "/predict", token: str = "") -> None:
        """Connect to `address`, ready to post `body`."""
        self.call = Call(address, body, kind, path, token)
        self.request = self.call.request
        self.socket = self._open()

    def _open(self) -> socket.socket:
        opened = socket.create_connection(self.call.host)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return opened

    def _is_closed(self) -> bool:
        """Whether the server gave up waiting while it was another's turn."""
        return bool(select.select([self.socket], [], [], 0)[0])

    def time(self) -> float:
        """Milliseconds of one request; the status must be 200."""
        if self._is_closed():
            self.socket.close()
            self.socket = self._open()
        begun = time.perf_counter()
        self.socket.sendall(self.request)
        answer = self._more(b"")
        while b"\r\n\r\n" not in answer:
            answer = self._more(answer)
        head, _, rest = answer.partition(b"\r\n\r\n")
        lower = head.lower()
        if b"content-length:" in lower:
            size = int(lower.split(b"content-length:")[1].split(b"\r\n")[0])
            parts, held = [rest], len(rest)
            while held < size:
                parts.append(self._more(b""))
                held += len(parts[-1])
        else:  # in chunks: the last one is empty
            while not rest.endswith(b"0\r\n\r\n"):
                rest = self._more(rest)
        taken = (time.perf_counter() - begun) * 1000
        if not answer.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"answered {answer[:300]!r}")
        return taken

    def _more(self, before: bytes) -> bytes:
        got = self.socket.recv(1 << 20)
        if not got:
            raise SystemExit("the server closed the connection")
        return before + got


def take_turns(connections: dict[str, Connection], requests: int) -> dict[str, np.ndarray]:
    """Milliseconds of each request by server; the first tenth warms up and is not kept."""
    warm = max(requests // 10, 3)
    times = {name: np.empty(requests) for name in connections}
    for number in range(-warm, requests):
        for name, connection in connections.items():
            taken = connection.time()
            if number >= 0:
                times[name][number] = taken
    return times


async def crowd(call: Call, *, callers: int, seconds: float) -> tuple[np.ndarray, int]:
    """Milliseconds of every answer to callers that post as fast as they are answered, and how many were not 200."""
    request, end = call.request, time.perf_counter() + seconds
    times: list[float] = []
    wrong = 0

    async def post() -> None:
        nonlocal wrong
        reader, writer = await asyncio.open_connection(*call.host)
        while (begun := time.perf_counter()) < end:
            writer.write(request)
            answer = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(answer.lower().split(b"content-length:")[1].split(b"\r\n")[0]))
            times.append(1000 * (time.perf_counter() - begun))
            wrong += not answer.startswith(b"HTTP/1.1 200")
        writer.close()

    await asyncio.gather(*(post() for _ in range(callers)))
    return np.array(times), wrong


async def many(address: str, body: bytes, *, token: str, callers: int, seconds: float) -> tuple[np.ndarray, int]:
    """As `crowd`, of a JSON body posted to /predict."""
    return await crowd(Call(address, body, token=token), callers=callers, seconds=seconds)
