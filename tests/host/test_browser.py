# SPDX-License-Identifier: MIT
"""
What a person sees in a browser: the report's page laid out by headless Chromium, and a page at the Perfetto UI's
address that fetches a trace from `spoor open`.

A page of ours, the harness, looks at what the browser made of the other one and leaves what it found in its own DOM.
"""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import re
import shutil
import signal
import ssl
import struct
import subprocess
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from test_report import nested, save, spoor
from trace_tools import BUILD, ROOT

pytestmark = pytest.mark.browser

WIDTH, HEIGHT = 1280, 900
LIMIT_SECONDS = 240
UI_HOST = "ui.perfetto.dev"

MEASURE = """<!doctype html><link rel="icon" href="data:,"><body style="margin:0"><pre id="found"></pre>
<iframe id="page" src="/report.html" style="border:0;width:100%;height:850px"></iframe><script>
document.getElementById("page").onload = event => {
    const page = event.target.contentDocument, view = event.target.contentWindow;
    const box = item => { const r = item.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; };
    const visible = item => item.getBoundingClientRect().width > 0;
    const plots = [...page.querySelectorAll("svg")].filter(visible).map(
        plot => ({box: box(plot), bars: [...plot.querySelectorAll("rect")].map(box),
                 texts: [...plot.querySelectorAll("text")].map(box)}));
    document.getElementById("found").textContent = JSON.stringify({
        plots, width: view.innerWidth, wide: page.documentElement.scrollWidth, title: page.title,
        headings: [...page.querySelectorAll("h2")].filter(visible).map(item => item.textContent),
        open: page.querySelectorAll("details[open]").length, details: page.querySelectorAll("details").length,
        bad: [...page.querySelectorAll(".bad")].map(item => getComputedStyle(item).color),
        tables: [...page.querySelectorAll("table")].map(table => [...table.rows].map(row => row.cells.length))});
};
</script>"""

# What the UI does with the link: fetch what url= names, with the browser watching over origins.
FETCH = """<!doctype html><link rel="icon" href="data:,"><pre id="found"></pre><script>
(async () => {
    const url = new URLSearchParams(location.hash.replace(/^#!?\\/?\\?/, "")).get("url"), found = {url, origin};
    try {
        const data = await (await fetch(url)).arrayBuffer();
        const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
        found.sha256 = [...hash].map(byte => byte.toString(16).padStart(2, "0")).join("");
    } catch (error) { found.error = String(error); }
    document.getElementById("found").textContent = JSON.stringify(found);
})();
</script>"""


class Pages(http.server.ThreadingHTTPServer):
    """Serves texts by path and remembers who asked for what."""

    daemon_threads = True

    def __init__(self, pages: dict[str, bytes]) -> None:
        self.pages = pages
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), PageHandler)


class PageHandler(http.server.BaseHTTPRequestHandler):
    server: Pages

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        self.server.asked.append(path)
        content = self.server.pages.get(path)
        self.send_response(200 if content is not None else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serve(pages: dict[str, bytes], certificate: Path | None = None) -> Iterator[Pages]:
    with Pages(pages) as server:
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def chromium(folder: Path, *arguments: str) -> str:
    """What it printed; it sees no network but this machine."""
    program = shutil.which("chromium")
    assert program, "no chromium: run 'tools/deps.sh install browser'"
    command = [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
               "--disable-background-networking", f"--user-data-dir={folder / 'profile'}",
               f"--window-size={WIDTH},{HEIGHT}", "--virtual-time-budget=60000", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False,
                          env=os.environ | {"HOME": str(folder)})
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def found(dom: str) -> Any:
    match = re.search(r'<pre id="found">(.+?)</pre>', dom, re.S)
    assert match, dom[-2000:]
    return json.loads(unescape(match[1]))


def read_png(path: Path) -> tuple[int, int, list[bytes]]:
    """Width, height, rows of pixels. Only what Chromium writes: 8 bits per channel, not interlaced."""
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    at, packed = 8, b""
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8:at + 8 + size]
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack_from(">IIBB", body)
            assert depth == 8 and colour in (2, 6)
        elif kind == b"IDAT":
            packed += body
        at += size + 12
    channels = 3 if colour == 2 else 4
    raw, rows, above = zlib.decompress(packed), [], bytes(width * channels)
    for y in range(height):
        start = y * (width * channels + 1)
        above = unfilter(raw[start], raw[start + 1:start + 1 + width * channels], above, channels)
        rows.append(b"".join(above[x:x + 3] for x in range(0, len(above), channels)))
    return width, height, rows


def unfilter(kind: int, line: bytes, above: bytes, step: int) -> bytes:
    """One row, see "Filter types" of the PNG specification."""
    result = bytearray(line)
    for x in range(len(result)):
        left = result[x - step] if x >= step else 0
        corner = above[x - step] if x >= step else 0
        guess = left + above[x] - corner
        nearest = min((left, above[x], corner), key=lambda value: abs(guess - value))
        result[x] = (result[x] + (0, left, above[x], (left + above[x]) // 2, nearest)[kind]) & 0xff
    return bytes(result)


@pytest.fixture
def report(tmp_path: Path) -> Path:
    page = tmp_path / "report.html"
    spoor("report", "--html", str(page), save(tmp_path, nested(slow=5000)))
    return page


def test_the_report_is_laid_out_as_it_should_be(tmp_path: Path, report: Path) -> None:
    with serve({"/": MEASURE.encode(), "/report.html": report.read_bytes()}) as server:
        seen = found(chromium(tmp_path, "--dump-dom", f"http://127.0.0.1:{server.server_port}/"))
        assert sorted(server.asked) == ["/", "/report.html"], "the page fetches something"
    assert seen["title"].startswith("Spoor: ") and "The slowest calls" in seen["headings"]
    assert len(seen["headings"]) == 7 and seen["wide"] <= seen["width"], "it must be scrolled sideways"
    assert seen["open"] == 1 and seen["details"] >= 2
    assert all(len(set(rows)) == 1 for rows in seen["tables"]), "a row of a table has more or fewer cells"
    assert len(seen["plots"]) >= 5
    for plot in seen["plots"]:
        left, top, right, bottom = plot["box"]
        assert plot["bars"] and right <= seen["width"]
        for part in plot["bars"] + plot["texts"]:
            assert left - 1 <= part[0] < part[2] <= right + 1, f"{part} is cut off at a side"
            assert top - 1 <= part[1] < part[3] <= bottom + 1, f"{part} is cut off above or below"


def test_the_report_is_seen(tmp_path: Path, report: Path) -> None:
    picture = tmp_path / "report.png"
    chromium(tmp_path, f"--screenshot={picture}", report.as_uri())
    width, height, rows = read_png(picture)
    assert width == WIDTH and height <= HEIGHT
    colours = {row[x:x + 3] for row in rows for x in range(0, len(row), 3)}
    assert b"\xff\xff\xff" in colours and b"\xd1\x61\x5d" in colours, "no band says that a page fault took the time"
    inked = sum(1 for row in rows if row != b"\xff\xff\xff" * width)
    assert inked > height / 3, "most of the window is empty"


def make_certificate(folder: Path) -> Path:
    target = folder / "certificate.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={UI_HOST}",
                    "-keyout", str(target), "-out", str(folder / "public.pem")], capture_output=True, check=True)
    with target.open("ab") as file:
        file.write((folder / "public.pem").read_bytes())
    return target


@contextmanager
def opened(trace: Path, *options: str) -> Iterator[str]:
    """`spoor open` while it serves; its link."""
    command = [str(ROOT / "tools/spoor"), "open", str(trace), "--no-browser", "--once", *options]
    environment = os.environ | {"BUILD": str(BUILD)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout
        try:
            yield next(line.strip() for line in process.stdout if line.strip().startswith("http"))
            assert process.wait(timeout=60) == 0, "it does not end when the page has the trace"
        finally:
            process.send_signal(signal.SIGKILL)


@pytest.mark.parametrize("allowed", [True, False])
def test_the_ui_can_fetch_the_trace_and_no_other_page_can(tmp_path: Path, allowed: bool) -> None:
    """A stand-in for the UI at its own address: the browser checks origin, scheme and port as for the real one."""
    trace = tmp_path / "trace.pftrace"
    spoor("convert", save(tmp_path, nested()), str(trace))
    with serve({"/": FETCH.encode()}, make_certificate(tmp_path)) as ui, opened(trace) as link:
        assert link.startswith(f"https://{UI_HOST}/#!/?url=http://127.0.0.1:9001/")
        if not allowed:
            link = link.replace(UI_HOST, "elsewhere.example")
        seen = found(chromium(tmp_path, "--ignore-certificate-errors", "--dump-dom",
                              f"--host-resolver-rules=MAP *:443 127.0.0.1:{ui.server_port}", link))
    if allowed:
        assert seen.get("sha256") == hashlib.sha256(trace.read_bytes()).hexdigest(), seen
    else:
        assert "error" in seen and "sha256" not in seen
