"""Firefox ESR and WebKitGTK, driven without a driver of their own: `make engines`.

Firefox speaks WebDriver BiDi over a WebSocket, WebKitGTK plain WebDriver over HTTP to a browser in Xvfb. (WebKitGTK is
not Safari on a telephone: it is the same engine.) What is missing here fails: it is not skipped.
"""

import json
import os
import queue
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import httpx
from websockets.sync.client import ClientConnection, connect

from tests.processes import free_port

MISSING = "{name} is not installed. Type:  sh tests/browser/install-engines.sh"
STARTS_WITHIN_S = 60
MINI_BROWSERS = ("/usr/lib/{machine}-linux-gnu/webkit2gtk-4.1/MiniBrowser", "/usr/lib/webkit2gtk-4.1/MiniBrowser")
FRAMES = "document.querySelectorAll('iframe')"


class Engine(Protocol):
    """One window of a browser; `frames` are places of frames in the document, from the outside in."""

    name: str

    def open(self, url: str) -> None:
        """Go to a page, without waiting for its frames."""
        ...

    def evaluate(self, expression: str, *frames: int) -> object:
        """The JSON value of an expression, or of what a promise comes to."""
        ...


def until(engine: Engine, true: str, *frames: int, within_s: float = 20) -> object:
    """Wait until an expression is true in a document; a frame that is being replaced counts as not yet."""
    last = time.monotonic() + within_s
    while True:
        try:
            value = engine.evaluate(true, *frames)
        except Refused as refused:
            value, reason = None, str(refused)
        else:
            reason = ""
        if value:
            return value
        assert time.monotonic() < last, f"never true in {engine.name}: {true} {reason}"
        time.sleep(0.05)


class Refused(Exception):
    """The browser could not do what it was asked to do."""


# Firefox


class Firefox:
    """A tab, over WebDriver BiDi."""

    name = "firefox"

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._last = 0
        self._call("session.new", {"capabilities": {}})
        (context,) = self._call("browsingContext.getTree", {})["contexts"]
        self._top = context["context"]

    def open(self, url: str) -> None:
        self._call("browsingContext.navigate", {"context": self._top, "url": url, "wait": "interactive"})

    def evaluate(self, expression: str, *frames: int) -> object:
        answer = self._call(
            "script.evaluate",
            {
                "expression": f"Promise.resolve({expression}).then((value) => JSON.stringify(value ?? null))",
                "target": {"context": self._within(frames)},
                "awaitPromise": True,
                # A page where a click counts as a visitor's.
                "userActivation": True,
            },
        )
        if answer["type"] != "success":
            raise Refused(answer["exceptionDetails"]["text"])
        return json.loads(answer["result"]["value"])

    def _within(self, frames: tuple[int, ...]) -> str:
        context = self._top
        for index in frames:
            # Not by the tree of contexts, where frames stand in the order in which they were made.
            where = {"expression": f"{FRAMES}[{index}]?.contentWindow", "target": {"context": context}}
            found = self._call("script.evaluate", where | {"awaitPromise": False}).get("result", {})
            if found.get("type") != "window":
                raise Refused(f"no frame {index}")
            context = found["value"]["context"]
        return str(context)

    def _call(self, method: str, params: dict) -> dict:
        self._last += 1
        self._socket.send(json.dumps({"id": self._last, "method": method, "params": params}))
        while True:
            answer = json.loads(self._socket.recv(timeout=STARTS_WITHIN_S))
            if answer.get("id") != self._last:
                continue
            if answer["type"] == "error":
                raise Refused(f"{method}: {answer['error']}: {answer['message']}")
            return dict(answer["result"])


@contextmanager
def firefox(folder: Path) -> Iterator[Engine]:
    """A Firefox with an empty profile in a folder."""
    command = _found("firefox-esr", "firefox")
    profile = folder / "profile"
    profile.mkdir()
    told = ["--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0"]
    with _started([command, *told]) as process:
        address = _line(process, r"WebDriver BiDi listening on (ws://\S+)")
        with connect(address + "/session", max_size=None, open_timeout=STARTS_WITHIN_S) as socket:
            yield Firefox(socket)


# WebKitGTK


class WebKit:
    """A window, over W3C WebDriver."""

    name = "webkit"

    def __init__(self, address: str, browser: str) -> None:
        self._address = address
        # Nothing waits for frames, which a test may hold back.
        wanted = {
            "pageLoadStrategy": "none",
            "webkitgtk:browserOptions": {"binary": browser, "args": ["--automation"]},
        }
        session = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._session = f"/session/{session['sessionId']}"
        self._call("POST", self._session + "/timeouts", {"script": 30_000, "pageLoad": 30_000})

    def open(self, url: str) -> None:
        # The top window again: the last expression may have been a frame's.
        self._call("POST", self._session + "/frame", {"id": None})
        self._call("POST", self._session + "/url", {"url": url})

    def evaluate(self, expression: str, *frames: int) -> object:
        self._call("POST", self._session + "/frame", {"id": None})
        for index in frames:
            find = {"script": f"return {FRAMES}[{index}]", "args": []}
            found = self._call("POST", self._session + "/execute/sync", find)
            if found is None:
                raise Refused(f"no frame {index}")
            self._call("POST", self._session + "/frame", {"id": found})
        script = f"const done = arguments[0]; Promise.resolve({expression}).then((value) => done(value ?? null));"
        return self._call("POST", self._session + "/execute/async", {"script": script, "args": []})

    def close(self) -> None:
        """End the browser."""
        self._call("DELETE", self._session)

    def _call(self, method: str, path: str, body: dict | None = None) -> dict:
        answer = httpx.request(method, self._address + path, json=body, timeout=STARTS_WITHIN_S)
        value = answer.json()["value"]
        if answer.is_error:
            raise Refused(f"{path}: {value['error']}: {value['message']}")
        return value


@contextmanager
def webkit(folder: Path) -> Iterator[Engine]:
    """A WebKitGTK in a screen of its own."""
    driver, screen = _found("WebKitWebDriver"), _found("Xvfb")
    names = [name.format(machine=os.uname().machine) for name in MINI_BROWSERS]
    browser = next((name for name in names if Path(name).is_file()), None)
    if browser is None:
        raise RuntimeError(MISSING.format(name="MiniBrowser of WebKitGTK"))
    # The server finds a number that is free and writes it.
    with _started([screen, "-displayfd", "2", "-screen", "0", "1280x1000x24", "-nolisten", "tcp"]) as display:
        environment = {
            "DISPLAY": ":" + _line(display, r"^(\d+)$"),
            "HOME": str(folder),
            "WEBKIT_DISABLE_COMPOSITING_MODE": "1",
            "WEBKIT_DISABLE_DMABUF_RENDERER": "1",
        }
        if os.geteuid() == 0:
            environment["WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS"] = "1"
        port = free_port()
        with _started([driver, f"--port={port}"], environment):
            address = f"http://127.0.0.1:{port}"
            _await(address + "/status")
            engine = WebKit(address, browser)
            try:
                yield engine
            finally:
                engine.close()


ENGINES = {"firefox": firefox, "webkit": webkit}


# Processes


def _found(*names: str) -> str:
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        raise RuntimeError(MISSING.format(name=names[0]))
    return path


@contextmanager
def _started(command: list[str], environment: dict[str, str] | None = None) -> Iterator["subprocess.Popen[str]"]:
    """A process in a group of its own, ended with everything that it started."""
    process = subprocess.Popen(
        command,
        env=os.environ | (environment or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if process.stderr is not None:
            process.stderr.close()


def _line(process: "subprocess.Popen[str]", pattern: str) -> str:
    """What a process says of itself; whatever comes later is read and forgotten."""
    said: queue.Queue[str] = queue.Queue()
    stream = process.stderr
    assert stream is not None

    def read() -> None:
        # Closed under us at the end.
        try:
            for line in stream:
                found = re.search(pattern, line.strip())
                if found:
                    said.put(found[1])
        except ValueError:
            return

    threading.Thread(target=read, daemon=True).start()
    return said.get(timeout=STARTS_WITHIN_S)


def _await(address: str) -> None:
    last = time.monotonic() + STARTS_WITHIN_S
    while True:
        try:
            httpx.get(address, timeout=5)
            return
        except httpx.TransportError:
            assert time.monotonic() < last, f"no answer at {address}"
            time.sleep(0.05)
