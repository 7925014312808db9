"""A client of TLS 1.3 (RFC 8446) whose records a test makes itself. It owes nothing to Go: the ciphers are OpenSSL's."""

import hashlib
import hmac
import os
import socket
import struct

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, DATA = 20, 21, 22, 23
FINISHED, KEY_UPDATE = 20, 24
MOST = 1 << 14  # bytes of content

# suite: hash, length of the key, cipher
SUITES = {
    0x1301: ("sha256", 16, AESGCM),
    0x1302: ("sha384", 32, AESGCM),
    0x1303: ("sha256", 32, ChaCha20Poly1305),
}


class Direction:
    """The keys and the sequence number of one direction."""

    def __init__(self, suite, secret):
        self.suite, self.secret, self.number = suite, secret, 0
        self.hash, length, cipher = SUITES[suite]
        self.cipher = cipher(expand(self.hash, secret, "key", b"", length))
        self.iv = expand(self.hash, secret, "iv", b"", 12)

    def next(self):
        size = hashlib.new(self.hash).digest_size
        return Direction(self.suite, expand(self.hash, self.secret, "traffic upd", b"", size))

    def nonce(self):
        mask = self.number.to_bytes(12, "big")
        self.number += 1
        return bytes(a ^ b for a, b in zip(self.iv, mask))

    def seal(self, inner, header=None):
        if header is None:
            header = struct.pack("!BHH", DATA, 0x0303, len(inner) + 16)
        return header + self.cipher.encrypt(self.nonce(), inner, header)

    def open(self, header, body):
        inner = self.cipher.decrypt(self.nonce(), body, header).rstrip(b"\0")
        return inner[-1], inner[:-1]


def extract(name, salt, secret):
    return hmac.new(salt, secret, name).digest()


def expand(name, secret, label, context, size):
    """HKDF-Expand-Label (section 7.1)."""
    label = b"tls13 " + label.encode()
    info = struct.pack("!HB", size, len(label)) + label + bytes([len(context)]) + context
    out, block = b"", b""
    while len(out) < size:
        block = hmac.new(secret, block + info + bytes([len(out) // hashlib.new(name).digest_size + 1]), name).digest()
        out += block
    return out[:size]


def vector(size, body):
    return len(body).to_bytes(size, "big") + body


def extension(kind, body):
    return struct.pack("!H", kind) + vector(2, body)


class Client:
    def __init__(self, host, port, suite, patience):
        self.socket = socket.create_connection((host, port), patience)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.suite = suite
        self.rest = b""
        self.handshake()

    def client_hello(self, public):
        extensions = (
            extension(43, vector(1, b"\x03\x04"))  # supported_versions
            + extension(10, vector(2, b"\x00\x1d"))  # supported_groups: x25519
            + extension(13, vector(2, b"\x04\x03\x08\x04\x08\x07"))  # signature_algorithms
            + extension(51, vector(2, b"\x00\x1d" + vector(2, public)))  # key_share
            + extension(16, vector(2, vector(1, b"http/1.1")))  # application_layer_protocol_negotiation
        )
        body = b"\x03\x03" + os.urandom(32) + vector(1, b"") + vector(2, struct.pack("!H", self.suite)) + b"\x01\x00"
        return b"\x01" + vector(3, body + vector(2, extensions))

    def handshake(self):
        """Does the handshake, without a look at the server's certificate."""
        name = SUITES[self.suite][0]
        size = hashlib.new(name).digest_size
        private = X25519PrivateKey.generate()
        hello = self.client_hello(private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
        self.socket.sendall(struct.pack("!BH", HANDSHAKE, 0x0301) + vector(2, hello))
        header, server_hello = self.record()
        if header[0] != HANDSHAKE or server_hello[0] != 2:
            raise ConnectionError("no ServerHello: %r" % (header + server_hello))
        at = 4 + 2 + 32
        at += 1 + server_hello[at] + 2 + 1 + 2
        share = None
        while at < len(server_hello):
            kind, length = struct.unpack_from("!HH", server_hello, at)
            if kind == 51:
                share = server_hello[at + 8 : at + 4 + length]
            at += 4 + length
        shared = private.exchange(X25519PublicKey.from_public_bytes(share))

        def digest(data):
            return hashlib.new(name, data).digest()

        zero = bytes(size)
        said = hello + server_hello
        early = extract(name, zero, zero)
        secret = extract(name, expand(name, early, "derived", digest(b""), size), shared)
        ours = Direction(self.suite, expand(name, secret, "c hs traffic", digest(said), size))
        self.incoming = Direction(self.suite, expand(name, secret, "s hs traffic", digest(said), size))
        flight = b""
        while True:
            kind, content = self.read()
            if kind != HANDSHAKE:
                raise ConnectionError("a record of type %d in the handshake: %r" % (kind, content))
            flight += content
            at = 0
            while at + 4 <= len(flight) and flight[at] != FINISHED:
                at += 4 + int.from_bytes(flight[at + 1 : at + 4], "big")
            if len(flight) >= at + 4 + size:
                break
        said += flight[:at]
        key = expand(name, self.incoming.secret, "finished", b"", size)
        if flight[at + 4 : at + 4 + size] != extract(name, key, digest(said)):
            raise ConnectionError("the server's Finished is wrong")
        said += flight[at : at + 4 + size]
        key = expand(name, ours.secret, "finished", b"", size)
        finished = bytes([FINISHED]) + vector(3, extract(name, key, digest(said)))
        self.socket.sendall(ours.seal(finished + bytes([HANDSHAKE])))
        master = extract(name, expand(name, secret, "derived", digest(b""), size), zero)
        self.outgoing = Direction(self.suite, expand(name, master, "c ap traffic", digest(said), size))
        self.incoming = Direction(self.suite, expand(name, master, "s ap traffic", digest(said), size))

    def receive(self, size):
        while len(self.rest) < size:
            more = self.socket.recv(1 << 16)
            if not more:
                raise EOFError
            self.rest += more
        out, self.rest = self.rest[:size], self.rest[size:]
        return out

    def record(self):
        """Returns the next record as it is on the wire: header and body."""
        header = self.receive(5)
        return header, self.receive(int.from_bytes(header[3:], "big"))

    def read(self):
        """Returns the type and the content of the next record that is protected."""
        header, body = self.record()
        while header[0] == CHANGE_CIPHER_SPEC:
            header, body = self.record()
        return self.incoming.open(header, body)

    def seal(self, kind, content=b"", padding=0):
        return self.outgoing.seal(content + bytes([kind]) + bytes(padding))

    def key_update(self, request=0):
        wire = self.seal(HANDSHAKE, bytes([KEY_UPDATE, 0, 0, 1, request]))
        self.outgoing = self.outgoing.next()
        return wire
