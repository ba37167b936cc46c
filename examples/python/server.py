"""A web app in Python, nothing but the standard library: Viaduct asks only for a Procfile."""

import os
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Hello(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # Keep-alive; every answer then needs its length.

    def do_GET(self):
        release = os.environ.get("RELEASE", "none")
        instance = os.environ.get("PROCESS_ID", "web.1")
        self.answer(f"Hello from Python, release {release}, instance {instance}\n".encode())

    def do_POST(self):
        self.answer(self.rfile.read(int(self.headers.get("content-length", 0))))

    def answer(self, body):
        self.send_response(200)
        self.send_header("content-type", "text/plain; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


address = (os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "3000")))
server = ThreadingHTTPServer(address, Hello)
server.daemon_threads = False  # Requests in hand are finished before the process leaves.
# shutdown() waits for serve_forever(), which runs in this thread: it must be called from another.
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
print(f"Listening on {address[0]}:{address[1]}")
server.serve_forever()
