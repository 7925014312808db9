"""Breaks the rules of TLS 1.3 on a WebSocket, and tests their limits: python3 records.py HOST PORT PATH SECONDS [CASE...].

The cases that are named are left out.

Prints a line for each case: its name, what RFC 8446 wants, and what the server did, with tabs between. What the server does is a list of
"pong" (it has read everything and lives), "KeyUpdate", "alert N" and "closed". The cases of tlsfuzzer's scripts for post-handshake
records are among these.
"""

import os
import sys

from cases import CASES, CLOSE_NOTIFY, LIVES
from frames import fill, frame
from tls13 import ALERT, DATA, HANDSHAKE, KEY_UPDATE, MOST, SUITES, Client

host, port, path, patience = sys.argv[1], int(sys.argv[2]), sys.argv[3], float(sys.argv[4])
left_out = sys.argv[5:]

PING, PONG = 9, 10


class WebSocket(Client):
    """A client whose connection the server's publisher has."""

    def __init__(self, suite):
        super().__init__(host, port, suite, patience)
        request = (
            "GET %s HTTP/1.1\r\nHost: live.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" % path
        )
        self.socket.sendall(self.seal(DATA, request.encode()))
        self.stream = b""
        while b"\r\n\r\n" not in self.stream:
            kind, content = self.read()
            if kind == DATA:
                self.stream += content
        head, _, self.stream = self.stream.partition(b"\r\n\r\n")
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise ConnectionError("the upgrade was refused: %r" % head)

    def ponged(self, token):
        """Reads the frames that are whole, and reports whether one is the pong."""
        found = False
        while len(self.stream) >= 2:
            length, at = self.stream[1], 2
            if length > 125:
                size = 2 if length == 126 else 8
                length, at = int.from_bytes(self.stream[2 : 2 + size], "big"), 2 + size
            if len(self.stream) < at + length:
                break
            found = found or self.stream[0] & 15 == PONG and self.stream[at : at + length] == token
            self.stream = self.stream[at + length :]
        return found

    def send(self, wire):
        try:
            self.socket.sendall(wire)
        except OSError:
            pass  # the server has closed; what it said is there to be read

    def outcome(self, wire):
        """Sends wire and a ping, and returns what the server did."""
        token = os.urandom(8)
        self.send(wire + self.seal(DATA, frame(PING, token)))
        seen = []
        while True:
            try:
                kind, content = self.read()
            except (EOFError, ConnectionError):
                return ", ".join(seen if seen and seen[-1].startswith("alert") else seen + ["closed"])
            if kind == ALERT:
                seen.append("alert %d" % content[1])
            elif kind == HANDSHAKE and content[0] == KEY_UPDATE:
                seen.append("KeyUpdate")
                self.incoming = self.incoming.next()
            elif kind == DATA:
                self.stream += content
                if self.ponged(token):
                    seen.append("pong")
                    self.send(self.seal(ALERT, bytes([1, CLOSE_NOTIFY])))


def main():
    for name, want, wire in CASES:
        if name in left_out:
            continue
        c = WebSocket(0x1301)
        print(name, want, c.outcome(wire(c)), sep="\t", flush=True)
        c.socket.close()
    for suite in SUITES:
        # In turn, on one connection: the keys change and the numbers go on.
        c = WebSocket(suite)
        wire = b""
        for size in (6, 100, 1000, MOST):
            wire += c.seal(DATA, fill(size)) + c.key_update(1) + c.seal(DATA, fill(size), min(size, MOST - size)) + c.key_update()
        print("suite %#x" % suite, "KeyUpdate, " + LIVES, c.outcome(wire), sep="\t", flush=True)
        c.socket.close()


main()
