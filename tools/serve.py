"""Serve the built site on this machine and open it in the browser.

    python tools/serve.py [--port 8000] [--no-browser]

The port is the next free one when another program holds it. Ctrl-C stops the server.
"""

import argparse
import os
import signal
import sys
import webbrowser
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SITE = Path(__file__).resolve().parent.parent / "_build" / "html"
HOST = "127.0.0.1"


class Handler(SimpleHTTPRequestHandler):
    """Serves files without a line in the terminal for each, and never from a stale cache."""

    def log_message(self, *_):
        pass

    def end_headers(self):
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()


class Server(ThreadingHTTPServer):
    allow_reuse_address = os.name != "nt"  # on Windows it would share a port already in use
    daemon_threads = True


def open_server(folder: Path, port: int, tries: int = 50) -> Server:
    """A server for `folder` on `port`, or on the next free one of `tries`.

    Raises:
        OSError: if none of them is free.
    """
    handler = partial(Handler, directory=str(folder))
    for candidate in range(port, port + tries):
        try:
            return Server((HOST, candidate), handler)
        except OSError as error:
            busy = error
    raise OSError(f"no free port from {port} to {port + tries - 1}") from busy


def has_browser() -> bool:
    """Whether a window can open: not in CI, and not on a Linux machine without a display."""
    if os.environ.get("CI"):
        return False
    windows = sys.platform in ("darwin", "win32")
    return windows or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Serve the built site on this machine.")
    parser.add_argument("--port", type=int, default=8000, help="first port to try")
    parser.add_argument("--no-browser", action="store_true", help="print the address only")
    options = parser.parse_args(arguments)
    if not (SITE / "index.html").exists():
        print("The site is not built yet: run `make site`, then this again.", file=sys.stderr)
        return 1
    try:
        server = open_server(SITE, options.port)
    except OSError as error:
        print(f"Cannot serve the site: {error}. Choose another with --port.", file=sys.stderr)
        return 1
    address = f"http://{HOST}:{server.server_port}/"
    print(f"The book is at {address}  (Ctrl-C stops it)", flush=True)
    if has_browser() and not options.no_browser:
        webbrowser.open(address)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stop as for Ctrl-C
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print()
    finally:
        server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
