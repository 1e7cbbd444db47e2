#!/usr/bin/env python3
"""An application in Python that serves Heirloom's app API itself, with nothing but the standard library.

It keeps named values, and counts how often each is read: the most read go first when its VM goes.

    python3 scripts/examples/warm_app.py --socket /run/shop/warm.sock

and in the agent's configuration:

    sources: [{ name: values, kind: app, url: unix:/run/shop/warm.sock }]

PUT and GET /values/NAME are the application's own; what is below /warm/v1/ is for the agent.
"""

import argparse
import http.server
import json
import os
import signal
import socketserver
import sys
import threading
import urllib.parse

WARM = "/warm/v1/"
OWN = "/values/"


class State:
    """Named values, and how often each was read. Requests come from several threads."""

    def __init__(self):
        self.lock = threading.Lock()
        self.values = {}
        self.reads = {}

    def get(self, name):
        with self.lock:
            if name in self.values:
                self.reads[name] = self.reads.get(name, 0) + 1
            return self.values.get(name)

    def peek(self, name):
        with self.lock:
            return self.values.get(name)

    def put(self, name, value):
        with self.lock:
            self.values[name] = value

    def restore(self, name, value):
        """What this VM has written itself meanwhile is fresher, and stays."""
        with self.lock:
            self.values.setdefault(name, value)

    def inventory(self):
        """One chunk a value, the most read first."""
        with self.lock:
            names = sorted(self.values, key=lambda name: -self.reads.get(name, 0))
            return [
                {"id": name, "bytes": len(self.values[name]), "readProbability": 1 + self.reads.get(name, 0)}
                for name in names
            ]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path.startswith(OWN):
            self.answer_value(self.server.state.get(self.name_after(OWN)))
        elif self.path.startswith(WARM + "chunks/"):
            self.answer_value(self.server.state.peek(self.name_after(WARM + "chunks/")))
        else:
            self.answer(404)

    def do_PUT(self):
        body = self.read_body()
        if self.path.startswith(OWN):
            self.server.state.put(self.name_after(OWN), body)
            self.answer(204)
        elif self.path.startswith(WARM + "chunks/"):
            self.server.state.restore(self.name_after(WARM + "chunks/"), body)
            self.answer(204)
        else:
            self.answer(404)

    def do_POST(self):
        body = self.read_body()
        if self.path == WARM + "inventory":
            lines = "".join(json.dumps(chunk) + "\n" for chunk in self.server.state.inventory())
            self.answer(200, lines.encode(), "application/x-ndjson")
        elif self.path == WARM + "ready":
            say({"event": "ready", "outcome": json.loads(body).get("outcome")})
            self.answer(204)
        else:
            self.answer(404)

    def name_after(self, prefix):
        return urllib.parse.unquote(self.path[len(prefix):])

    def read_body(self):
        """The agent sends bodies with their length, or in pieces of which each says its own."""
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        pieces = []
        while length := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(length))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def answer_value(self, value):
        self.answer(404) if value is None else self.answer(200, value)

    def answer(self, status, body=b"", kind="application/octet-stream"):
        self.send_response(status)
        if status != 204:
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self):
        return "local"

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64


def say(event):
    print(json.dumps(event), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--socket", required=True)
    path = parser.parse_args().socket
    if os.path.exists(path):
        os.unlink(path)
    with Server(path, Handler) as server:
        server.state = State()
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        say({"event": "listening", "url": f"unix:{path}"})
        server.serve_forever()


if __name__ == "__main__":
    main()
