# SPDX-License-Identifier: MIT
"""
spoor open: hand a trace to the Perfetto UI.

The UI is a web page that fetches the file from this machine: it may do so only from 127.0.0.1:9001 (its content
security policy), and only if the answer allows its origin. So a small server offers exactly one file there. Nothing
leaves this machine; the page itself runs in the browser.
"""

from __future__ import annotations

import argparse
import errno
import http.server
import shutil
import sys
import threading
import webbrowser
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from qemu.paths import show

from . import tracetool, views
from .console import UserError, describe_file, size_text
from .options import Subparsers, add_command

UI_ORIGIN = "https://ui.perfetto.dev"
ADDRESS = "127.0.0.1"
PORT = 9001
LARGE_BYTES = 300 << 20

EXAMPLES = f"""\
  spoor open build/demo/demo.pftrace     serve it and open the browser; Ctrl-C ends
  spoor open demo.spoor --once           convert first; stop when the page has got it
  spoor open demo.pftrace --no-browser   only print the link
  spoor open demo.pftrace --view ipc     begin with the slowest calls (sched, ipc, faults, waits, loss)
Without a network, drop the file on a self-hosted UI: spoor open FILE --origin http://localhost:10000
The UI ({UI_ORIGIN}) runs in the browser; the trace does not leave this machine.
"""


def add_parser(subparsers: Subparsers) -> None:
    parser = add_command(subparsers, "open", "show a trace in the Perfetto UI",
                         f"Serve a .pftrace on {ADDRESS}:{PORT} and open it in the Perfetto UI.", EXAMPLES)
    parser.add_argument("file", type=Path, help=".pftrace, or a .spoor capture (converted first)")
    parser.add_argument("--view", metavar="NAME", help="what to begin with: " + ", ".join(sorted(views.load())))
    parser.add_argument("--once", action="store_true", help="stop when the file has been fetched")
    parser.add_argument("--no-browser", action="store_true", help="only print the link")
    parser.add_argument("--origin", default=UI_ORIGIN, help=f"address of the UI (default: {UI_ORIGIN})")
    parser.add_argument("--port", type=int, default=PORT,
                        help=f"port to serve on (default: {PORT}, the only one the public UI may fetch from)")
    parser.set_defaults(run=run)


class TraceServer(http.server.ThreadingHTTPServer):
    """Serves one file to one origin."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, file: Path, origin: str, port: int, view: str | None = None) -> None:
        self.file = file
        self.view = view
        self.origin = origin
        self.fetched = threading.Event()
        super().__init__((ADDRESS, port), TraceHandler)

    @property
    def link(self) -> str:
        url = f"http://{ADDRESS}:{self.server_address[1]}/{quote(self.file.name)}"
        return f"{self.origin}/#!/?url={url}&referrer=open_trace_in_ui{views.link_part(self.view)}"


class TraceHandler(http.server.BaseHTTPRequestHandler):
    """GET, HEAD and OPTIONS of the file; everything else is not there."""

    server: TraceServer
    protocol_version = "HTTP/1.1"
    server_version = "spoor"

    def do_OPTIONS(self) -> None:
        self.send_response(HTTPStatus.NO_CONTENT)
        self.send_header("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
        self.send_header("Access-Control-Allow-Headers", "*")
        # Asked for by browsers before a public page may talk to this machine.
        self.send_header("Access-Control-Allow-Private-Network", "true")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_HEAD(self) -> None:
        self._send_head()

    def do_GET(self) -> None:
        if not self._send_head():
            return
        try:
            with self.server.file.open("rb") as file:
                shutil.copyfileobj(file, self.wfile, 1 << 20)
            self.wfile.flush()
        except ConnectionError:
            return  # the page went away; it may ask again
        self.server.fetched.set()

    def _send_head(self) -> bool:
        if unquote(urlsplit(self.path).path) != "/" + self.server.file.name:
            self.send_error(HTTPStatus.NOT_FOUND)
            return False
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(self.server.file.stat().st_size))
        self.end_headers()
        return True

    def end_headers(self) -> None:
        self.send_header("Access-Control-Allow-Origin", self.server.origin)
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        print(f"spoor: {self.command} {self.path}: {format % args}", file=sys.stderr)


def run(args: argparse.Namespace) -> int:
    file = trace_file(args.file)
    size = file.stat().st_size
    if size > LARGE_BYTES:
        print(f"spoor: {show(file)} is {size_text(size)}: the UI may run out of memory; convert a slice of the capture "
              "(spoor convert --help)", file=sys.stderr)
    with _start(file, args.origin, args.port, args.view) as server:
        print(f"serving {describe_file(file)}; open this link, Ctrl-C ends:\n\n  {server.link}\n", flush=True)
        if not args.no_browser and not webbrowser.open(server.link):
            print("spoor: no browser could be started: open the link by hand", file=sys.stderr)
        if args.once:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            server.fetched.wait()
            server.shutdown()
        else:
            server.serve_forever()
    return 0


def _start(file: Path, origin: str, port: int, view: str | None) -> TraceServer:
    views.link_part(view)  # fail before anything is served
    try:
        return TraceServer(file, origin, port, view)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise UserError(f"port {port} is busy: another 'spoor open', or trace_processor (which the UI then uses by "
                            "itself), is running. End it and try again.") from error
        raise


def trace_file(path: Path) -> Path:
    """A Perfetto trace: the file itself, or what a capture was converted to."""
    if not path.is_file():
        raise UserError(f"{path} does not exist; 'make demo' makes build/demo/demo.pftrace")
    if path.suffix == ".spoor":
        target = path.with_suffix(".pftrace")
        tracetool.convert(path, target)
        return target
    with path.open("rb") as file:
        if file.read(1) != b"\x0a":
            raise UserError(f"{path} is not a Perfetto trace (a .spoor capture needs that ending)")
    return path
