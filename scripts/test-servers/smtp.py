#!/usr/bin/env python3
"""A mail server on loopback for the tests: aiosmtpd. smtp.py PORT OUT [CERT KEY [USER PASSWORD]]: with a certificate it speaks TLS from
the first byte, with all four it insists on STARTTLS and log-in. Each accepted message is one line of JSON in OUT, written before the 250."""
import email
import email.policy
import json
import os
import ssl
import sys
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


class Keep:
    def __init__(self, out):
        self.out = out

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        parts = [(p.get_content_type(), p.get("Content-ID", ""), p.get_content()) for p in mail.walk() if not p.is_multipart()]
        kept = {
            "subject": mail["Subject"], "message_id": mail["Message-ID"], "delivery": mail["X-Tripline-Delivery"],
            "to": envelope.rcpt_tos, "tls": session.ssl is not None, "login": bool(session.authenticated),
            "parts": [[kind, cid, body if isinstance(body, str) else body[:8].hex()] for kind, cid, body in parts],
        }
        with open(self.out, "a", encoding="utf-8") as out:
            out.write(json.dumps(kept) + "\n")
            out.flush()
            os.fsync(out.fileno())
        return "250 OK kept"


def main():
    port, out, *secure = sys.argv[1:]
    more = {}
    if secure:
        cert, key, *login = secure
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(cert, key)
        more = {"ssl_context": context}
    if secure and login:
        user, password = login

        def check(server, session, envelope, mechanism, data):
            # Not handled: the server itself answers 535.
            good = (data.login, data.password) == (user.encode(), password.encode())
            return AuthResult(success=good, handled=False)

        more = {"tls_context": context, "require_starttls": True, "auth_required": True, "authenticator": check}
    Controller(Keep(out), hostname="127.0.0.1", port=int(port), **more).start()
    threading.Event().wait()


main()
