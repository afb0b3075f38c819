"""A chat server on loopback with the OpenAI form: latency, quotas with 429, malformed and hanging replies, and scripted faults.

What it does to a request is decided by a hash of the request's messages and how often these were asked, so runs repeat exactly.

In the test's process, with any answer scripted::

    with ChatServer(latency=0.01) as server:
        OpenAIChat("judge", url=server.url)
        server.answer = lambda body, number: (500, {"error": {"message": "down"}}, {}) if number == 1 else None

In a process of its own (``GET /stats`` tells what happened)::

    with spawned(latency=0.2, rpm=3000, hang=0.01) as url: ...
    python -m tests.models.chat_server --latency 0.2 --rpm 3000 --hang 0.01
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

ROOT = Path(__file__).parents[2]

#: In place of an answer: say nothing until the client goes away; close the connection without an answer.
HANG: Literal["hang"] = "hang"
CLOSE: Literal["close"] = "close"
#: Status, content (a str is sent as it is, anything else as JSON), headers.
Answer = tuple[int, Any, dict[str, str]]


@dataclass(frozen=True)
class Manners:
    """How the server behaves.

    Attributes:
        latency: seconds a reply takes, spread by ``spread`` (0.5: from half to one and a half of it).
        rpm, tpm: requests and tokens per minute let through, in a bucket that holds ``burst`` seconds of them; None: any number.
        retry_after: whether 429 says how long to wait.
        malformed: share of the replies whose text no judge protocol reads.
        broken: share of the answers that are no JSON.
        hang: share of the calls never answered. errors: share answered by status 500.
        owner, version: what ``GET /v1/models`` says in ``owned_by``, such as "vllm", and ``GET /version``.
        refuses: keys of a body answered by 400, such as "response_format".
    """

    latency: float = 0.0
    spread: float = 0.0
    rpm: float | None = None
    tpm: float | None = None
    burst: float = 1.0
    retry_after: bool = True
    malformed: float = 0.0
    broken: float = 0.0
    hang: float = 0.0
    errors: float = 0.0
    owner: str = "tests"
    version: str = ""
    refuses: tuple[str, ...] = ()


class _Bucket:
    def __init__(self, per_minute: float | None, burst: float) -> None:
        self.rate = (per_minute or 0.0) / 60
        self.most = max(1.0, self.rate * burst)
        self.level, self.at = self.most, time.monotonic()

    def wait(self, cost: float) -> float:
        """Seconds until ``cost`` may be taken."""
        now = time.monotonic()
        self.level, self.at = min(self.most, self.level + (now - self.at) * self.rate), now
        return max(0.0, (min(cost, self.most) - self.level) / self.rate) if self.rate else 0.0

    def take(self, cost: float) -> None:
        if self.rate:
            self.level -= cost


class ChatServer:
    """The server, in a thread of this process while the context is open.

    ``answer(body, number)`` may replace the answer to the request of that number (from 1) by an :data:`Answer`, ``HANG``,
    ``CLOSE`` or the reply's text; None: the usual one. ``say(body)`` is the usual text. ``stats`` counts what happened.
    """

    def __init__(self, **manners: Any) -> None:
        self.manners = Manners(**manners)
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.answer: Callable[[dict[str, Any], int], Any] = lambda body, number: None
        self.say: Callable[[dict[str, Any]], str] = usual_text
        self.stats: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.under_way = self.most_under_way = 0
        self.requests_bucket = _Bucket(self.manners.rpm, self.manners.burst)
        self.tokens_bucket = _Bucket(self.manners.tpm, self.manners.burst)
        self.url = ""
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def start(self) -> ChatServer:
        """Open the port; :meth:`close` ends it."""
        self._thread.start()
        self._ready.wait(10)
        return self

    def __enter__(self) -> ChatServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop: connections are cut and new ones refused."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        listening = self._loop.run_until_complete(self.listen())
        self._ready.set()
        self._loop.run_forever()
        listening.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    async def listen(self, port: int = 0) -> asyncio.Server:
        """Open the port on the running loop."""
        listening = await asyncio.start_server(self._connection, "127.0.0.1", port, limit=2**26, backlog=1024)
        self.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
        return listening

    # -- one connection -----------------------------------------------------------------------------------------------

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while await self._request(reader, writer):
                pass
        writer.close()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines) if name}
        data = await reader.readexactly(int(headers.get("content-length", 0)))
        method, path, _ = first.split(" ", 2)
        if method == "GET":
            await self._write(writer, self._got(path))
            return True
        body = json.loads(data)
        self.requests.append(body)
        self.headers.append(headers)
        number = self.stats["requests"] = self.stats["requests"] + 1
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            answer = await self._answered(path, body, number)
            if answer == HANG:
                self.stats["hung"] += 1
                await reader.read(1)
            if answer in (HANG, CLOSE):
                return False
            if reader.at_eof():
                self.stats["gone"] += 1
                return False
            self.stats[f"status {answer[0]}"] += 1
            await self._write(writer, answer)
        finally:
            self.under_way -= 1
        return True

    async def _write(self, writer: asyncio.StreamWriter, answer: Answer) -> None:
        status, content, headers = answer
        data = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        said = {"Content-Type": "application/json", **headers, "Content-Length": str(len(data))}
        lines = "".join(f"{name}: {value}\r\n" for name, value in said.items())
        writer.write(f"HTTP/1.1 {status} Said\r\n{lines}\r\n".encode() + data)
        await writer.drain()

    # -- what is answered ---------------------------------------------------------------------------------------------

    def _got(self, path: str) -> Answer:
        if path == "/stats":
            counts = {**self.stats, "most_under_way": self.most_under_way}
            twice = sum(count - 1 for count in self.answered.values() if count > 1)
            return 200, {**counts, "contents": len(self.asked), "answered_again": twice}, {}
        if path == "/v1/models":
            return 200, {"object": "list", "data": [{"id": "judge", "owned_by": self.manners.owner}]}, {}
        if path == "/version" and self.manners.version:
            return 200, {"version": self.manners.version}, {}
        return error(404, f"no {path}")

    async def _answered(self, path: str, body: dict[str, Any], number: int) -> Any:
        said = self.answer(body, number)
        if said in (HANG, CLOSE) or isinstance(said, tuple):
            return said
        manners = self.manners
        if path != "/v1/chat/completions":
            return error(404, f"no {path}")
        refused = [name for name in manners.refuses if name in body]
        if refused:
            return error(400, f"Unrecognized request argument supplied: {refused[0]}")
        key = content_key(body)
        tokens = prompt_tokens(body) + 16
        wait = max(self.requests_bucket.wait(1), self.tokens_bucket.wait(tokens))
        if wait > 0:
            return error(429, "Rate limit reached", {"Retry-After": f"{wait:.3f}"} if manners.retry_after else {})
        self.requests_bucket.take(1)
        self.tokens_bucket.take(tokens)
        time_ = self.asked[key] = self.asked[key] + 1
        fate = share(key, time_, "fate")
        if fate < manners.hang:
            return HANG
        latency = manners.latency * (1 + manners.spread * (2 * share(key, time_, "latency") - 1))
        if latency > 0:
            await asyncio.sleep(latency)
        if fate < manners.hang + manners.errors:
            return error(500, "the server had an error")
        if fate < manners.hang + manners.errors + manners.broken:
            return 200, '{"choices": [{"mess', {}
        self.answered[key] += 1
        text = said if isinstance(said, str) else self.say(body)
        return (
            200,
            completion(body, "I would rather not say." if share(key, 1, "text") < manners.malformed else text),
            {},
        )


def error(status: int, message: str, headers: dict[str, str] | None = None, code: str | None = None) -> Answer:
    """An answer of failure in the OpenAI form."""
    return status, {"error": {"message": message, "type": "scripted", "code": code}}, headers or {}


def content_key(body: dict[str, Any]) -> str:
    """A hash of what is asked; what names a ``sample-NUMBER`` is the same for all who ask about it, whatever their words."""
    said = json.dumps([body["messages"], body.get("seed")], sort_keys=True)
    named = re.search(r"sample-\d+", said)
    said = said if named is None else named[0]
    return blake2b(said.encode(), digest_size=12).hexdigest()


def share(key: str, time_: int, what: str) -> float:
    """A number from 0 to 1 drawn from a hash."""
    return int.from_bytes(blake2b(f"{key} {time_} {what}".encode(), digest_size=6).digest()) / 2**48


def prompt_tokens(body: dict[str, Any]) -> int:
    """A fifth of the characters asked, as a tokenizer would have it."""
    return sum(len(str(message.get("content"))) for message in body["messages"]) // 5


def usual_text(body: dict[str, Any]) -> str:
    """``score: x`` with x in tenths from the content; one of the allowed replies where the request names them."""
    key = content_key(body)
    outputs = body.get("structured_outputs") or {}
    choices = outputs.get("choice") or body.get("guided_choice")
    if choices:
        return str(choices[int(share(key, 1, "choice") * len(choices))])
    schema = ((body.get("response_format") or {}).get("json_schema") or {}).get("schema")
    if schema:
        return json.dumps({name: example(kind, key + name) for name, kind in schema.get("properties", {}).items()})
    return f"score: {round(share(key, 1, 'score') * 10) / 10}"


def example(schema: dict[str, Any], key: str) -> Any:
    """A value of a simple schema."""
    if "enum" in schema:
        return schema["enum"][int(share(key, 1, "enum") * len(schema["enum"]))]
    return {"integer": 3, "number": 0.5, "boolean": True, "array": [], "object": {}}.get(schema.get("type", ""), "text")


def completion(body: dict[str, Any], text: str, finish: str = "stop", **message: Any) -> dict[str, Any]:
    """A chat completion that says ``text``, with log-probabilities where they are asked for."""
    tokens = re.findall(r"\w+|\W", text)
    content = [
        {
            "token": token,
            "logprob": -0.25,
            "bytes": list(token.encode()),
            "top_logprobs": [
                {"token": token if rank == 0 else f"~{rank}", "logprob": -0.25 - rank, "bytes": None}
                for rank in range(body.get("top_logprobs", 0))
            ],
        }
        for token in tokens
    ]
    asked = prompt_tokens(body)
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": body.get("model", ""),
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, **message},
                "finish_reason": finish,
                "logprobs": {"content": content} if body.get("logprobs") else None,
            }
        ],
        "usage": {
            "prompt_tokens": asked,
            "completion_tokens": len(tokens),
            "total_tokens": asked + len(tokens),
            "prompt_tokens_details": {"cached_tokens": asked // 2},
        },
    }


# -- in a process of its own ------------------------------------------------------------------------------------------


@contextmanager
def spawned(**manners: Any) -> Iterator[str]:
    """The URL of a server in a process of its own."""
    command = [sys.executable, "-m", "tests.models.chat_server", "--manners", json.dumps(asdict(Manners(**manners)))]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def stats(url: str) -> dict[str, int]:
    """What happened so far at a server of any process."""
    with urllib.request.urlopen(url.removesuffix("/v1") + "/stats", timeout=10) as said:
        counts: dict[str, int] = json.load(said)
    return counts


async def _main(manners: dict[str, Any], port: int) -> None:
    server = ChatServer(**manners)
    listening = await server.listen(port)
    print(server.url, flush=True)
    await listening.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--manners", type=json.loads, default={}, metavar="JSON", help="all manners at once")
    for field in fields(Manners):
        if field.name not in ("refuses", "retry_after", "owner", "version"):
            parser.add_argument(f"--{field.name}", type=float)
    said = vars(parser.parse_args())
    port, manners = said.pop("port"), said.pop("manners")
    asyncio.run(_main({**manners, **{name: value for name, value in said.items() if value is not None}}, port))


if __name__ == "__main__":
    main()
