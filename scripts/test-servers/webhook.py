#!/usr/bin/env python3
"""A receiver of webhooks on loopback for the tests: webhook.py PORT OUT SECRET [CERT KEY]: over HTTPS with the last two. Checks the signature; each accepted request is one line of JSON
in OUT, written before the 200."""
import hashlib
import hmac
import json
import os
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

port, out, secret, *secure = sys.argv[1:]
lock = threading.Lock()


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        signed = self.headers["X-Tripline-Timestamp"].encode() + b"." + body
        expected = "sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        good = hmac.compare_digest(expected, self.headers["X-Tripline-Signature"])
        if good:
            kept = {"delivery": self.headers["X-Tripline-Delivery"], "body": json.loads(body)}
            with lock, open(out, "a", encoding="utf-8") as file:
                file.write(json.dumps(kept) + "\n")
                file.flush()
                os.fsync(file.fileno())
        self.send_response(200 if good else 403)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(port)), Receiver)
if secure:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*secure)
    # The handshake is each connection's own affair: one that says nothing must not keep the others waiting.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
