"""What a client may do right and wrong after the handshake, and what RFC 8446 wants the server to do."""

import struct

from frames import fill, frame
from tls13 import ALERT, CHANGE_CIPHER_SPEC, DATA, HANDSHAKE, MOST

CLOSE_NOTIFY, USER_CANCELED = 0, 90
UNEXPECTED, BAD_MAC, OVERFLOW, ILLEGAL, DECODE = "alert 10", "alert 20", "alert 22", "alert 47", "alert 50"
LIVES = "pong, alert 0"  # the client ends a connection that lives with a close_notify


def each(count, make):
    return lambda c: b"".join(make(c) for _ in range(count))


def plain(kind, body, version=0x0303):
    return lambda c: struct.pack("!BHH", kind, version, len(body)) + body


def message(kind, body=b"", length=None):
    return bytes([kind]) + (len(body) if length is None else length).to_bytes(3, "big") + body


def sealed(kind, content=b"", padding=0):
    return lambda c: c.seal(kind, content, padding)


def pieces(kind, *contents):
    return lambda c: b"".join(c.seal(kind, content) for content in contents)


def forged(at):
    def wire(c):
        record = bytearray(c.seal(DATA, frame(2, b"forged")))
        record[at] ^= 1
        return bytes(record)

    return wire


def missing(c):
    c.seal(DATA, fill(50))
    return c.seal(DATA, fill(50))


def stays(c):
    """A KeyUpdate whose sender does not change its key."""
    return c.seal(HANDSHAKE, UPDATE)


def unannounced(c):
    c.outgoing = c.outgoing.next()
    return b""


def in_pieces(at):
    def wire(c):
        out = c.seal(HANDSHAKE, UPDATE[:at]) + c.seal(HANDSHAKE, UPDATE[at:])
        c.outgoing = c.outgoing.next()
        return out

    return wire


def close_notify_and(wire):
    return lambda c: c.seal(ALERT, bytes([1, CLOSE_NOTIFY])) + wire(c)


def other_version(c):
    """The version of a record must be ignored. It is part of what is authenticated."""
    inner = fill(50) + bytes([DATA])
    return c.outgoing.seal(inner, struct.pack("!BHH", DATA, 0x0301, len(inner) + 16))


UPDATE = message(24, b"\0")

CASES = [
    # Records
    ("nothing", LIVES, lambda c: b""),
    ("data", LIVES, lambda c: c.seal(DATA, fill(1000))),
    ("data of one byte each", LIVES, lambda c: b"".join(c.seal(DATA, bytes([b])) for b in fill(50))),
    ("2^14 bytes of data", LIVES, lambda c: c.seal(DATA, fill(MOST))),
    ("2^14+1 bytes of data", OVERFLOW, lambda c: c.seal(DATA, fill(MOST + 1))),
    ("2^14 bytes and 1 of padding", OVERFLOW, lambda c: c.seal(DATA, fill(MOST), 1)),
    ("2^14+256 bytes on the wire", OVERFLOW, lambda c: c.seal(DATA, fill(200), MOST + 256 - 16 - 201)),
    ("2^14+257 bytes on the wire", OVERFLOW, lambda c: c.seal(DATA, fill(200), MOST + 257 - 16 - 201)),
    ("2^14+257 bytes, forged", OVERFLOW, plain(DATA, bytes(MOST + 257))),
    ("2^14+256 bytes, forged", BAD_MAC, plain(DATA, bytes(MOST + 256))),
    ("a header of 2^16-1 bytes", OVERFLOW, lambda c: b"\x17\x03\x03\xff\xff"),
    ("padding", LIVES, lambda c: c.seal(DATA, fill(100), 100)),
    ("most padding", LIVES, lambda c: c.seal(DATA, fill(100), MOST - 100)),
    ("no data", LIVES, sealed(DATA)),
    ("no data, padding", LIVES, sealed(DATA, b"", 1000)),
    ("no data, most padding", LIVES, sealed(DATA, b"", MOST)),
    ("no data, too much padding", OVERFLOW, sealed(DATA, b"", MOST + 1)),
    ("no data, 16 times", LIVES, each(16, sealed(DATA))),
    ("no data, 17 times", LIVES, each(17, sealed(DATA))),
    ("no data, 33 times", UNEXPECTED, each(33, sealed(DATA))),
    ("no type", UNEXPECTED, sealed(0)),
    ("no type, padding", UNEXPECTED, sealed(0, bytes(1000))),
    ("an unknown type", UNEXPECTED, sealed(99, b"hello")),
    ("a heartbeat", UNEXPECTED, sealed(24, b"\1\0\1a")),
    ("a forged tag", BAD_MAC, forged(-1)),
    ("forged data", BAD_MAC, forged(6)),
    ("a record twice", BAD_MAC, lambda c: 2 * c.seal(DATA, fill(50))),
    ("a record is missing", BAD_MAC, missing),
    ("an empty record", BAD_MAC, plain(DATA, b"")),
    ("a record of 15 bytes", BAD_MAC, plain(DATA, bytes(15))),
    ("a record of 16 bytes", BAD_MAC, plain(DATA, bytes(16))),
    ("another version in the header", LIVES, other_version),
    ("data that is not protected", BAD_MAC, plain(DATA, fill(50))),
    ("HTTP", UNEXPECTED, lambda c: b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("zeros", UNEXPECTED, lambda c: bytes(100)),
    # change_cipher_spec
    ("change_cipher_spec", UNEXPECTED, plain(CHANGE_CIPHER_SPEC, b"\1")),
    ("change_cipher_spec of two bytes", UNEXPECTED, plain(CHANGE_CIPHER_SPEC, b"\1\1")),
    ("a protected change_cipher_spec", UNEXPECTED, sealed(CHANGE_CIPHER_SPEC, b"\1")),
    # Alerts
    ("close_notify", "alert 0", close_notify_and(lambda c: b"")),
    ("close_notify as an error", "alert 0", sealed(ALERT, bytes([2, CLOSE_NOTIFY]))),
    ("data after close_notify", "alert 0", close_notify_and(lambda c: c.seal(DATA, fill(100)))),
    ("a forged record after close_notify", "alert 0", close_notify_and(forged(-1))),
    ("user_canceled", LIVES, sealed(ALERT, bytes([1, USER_CANCELED]))),
    ("a warning", "closed", sealed(ALERT, bytes([1, 41]))),
    ("an error", "closed", sealed(ALERT, bytes([2, 40]))),
    ("an alert of an unknown level", "closed", sealed(ALERT, bytes([66, 40]))),
    ("an unknown alert", "closed", sealed(ALERT, bytes([2, 255]))),
    ("an empty alert", UNEXPECTED, sealed(ALERT)),
    ("an empty alert, padding", UNEXPECTED, sealed(ALERT, b"", 30)),
    ("half an alert", DECODE, sealed(ALERT, b"\1")),
    ("an alert in pieces", DECODE, pieces(ALERT, b"\1", b"\0")),
    ("an alert of three bytes", DECODE, sealed(ALERT, b"\1\0\0")),
    ("two alerts in a record", DECODE, sealed(ALERT, bytes([1, USER_CANCELED, 1, 0]))),
    ("an alert that is not protected", UNEXPECTED, plain(ALERT, b"\2\x28")),
    ("close_notify that is not protected", UNEXPECTED, plain(ALERT, b"\1\0")),
    # KeyUpdate
    ("KeyUpdate", LIVES, lambda c: c.key_update()),
    ("KeyUpdate, requested", "KeyUpdate, " + LIVES, lambda c: c.key_update(1)),
    ("KeyUpdate, requested, with data", "KeyUpdate, " + LIVES, lambda c: c.seal(DATA, fill(99)) + c.key_update(1) + c.seal(DATA, fill(99))),
    ("KeyUpdate, requested 3 times", "KeyUpdate, " + LIVES, each(3, lambda c: c.key_update(1))),
    ("KeyUpdate, 16 times", LIVES, each(16, lambda c: c.key_update())),
    ("KeyUpdate, 17 times", LIVES, each(17, lambda c: c.key_update())),
    ("KeyUpdate, 33 times", UNEXPECTED, each(33, lambda c: c.key_update())),
    ("KeyUpdate, 100 times with data", LIVES, each(100, lambda c: c.key_update() + c.seal(DATA, fill(50)))),
    ("KeyUpdate, padding", LIVES, lambda c: (c.seal(HANDSHAKE, UPDATE, 500), unannounced(c))[0]),
    ("KeyUpdate, then close_notify", "alert 0", lambda c: c.key_update(1) + c.seal(ALERT, bytes([1, CLOSE_NOTIFY]))),
    ("KeyUpdate of 2", ILLEGAL, sealed(HANDSHAKE, message(24, b"\2"))),
    ("KeyUpdate of 255", ILLEGAL, sealed(HANDSHAKE, message(24, b"\xff"))),
    ("an empty KeyUpdate", DECODE, sealed(HANDSHAKE, message(24))),
    ("KeyUpdate of two bytes", DECODE, sealed(HANDSHAKE, message(24, b"\0\0"))),
    ("KeyUpdate of 2^24-1 bytes", DECODE, sealed(HANDSHAKE, message(24, b"\0", (1 << 24) - 1))),
    ("two KeyUpdates in a record", UNEXPECTED, sealed(HANDSHAKE, UPDATE + UPDATE)),
    ("KeyUpdate and a byte", UNEXPECTED, sealed(HANDSHAKE, UPDATE + b"\x18")),
    ("KeyUpdate and the same key", BAD_MAC, stays),
    ("another key without KeyUpdate", BAD_MAC, unannounced),
    ("KeyUpdate that is not protected", UNEXPECTED, plain(HANDSHAKE, UPDATE)),
    # Other handshake messages
    ("an empty handshake record", UNEXPECTED, sealed(HANDSHAKE)),
    ("an empty handshake record, padding", UNEXPECTED, sealed(HANDSHAKE, b"", 30)),
    ("ClientHello", UNEXPECTED, lambda c: c.seal(HANDSHAKE, c.client_hello(bytes(32)))),
    ("ClientHello that is not protected", UNEXPECTED, lambda c: plain(HANDSHAKE, c.client_hello(bytes(32)))(c)),
    ("Finished", UNEXPECTED, sealed(HANDSHAKE, message(20, bytes(32)))),
    ("a message of 2^24-1 bytes", UNEXPECTED, sealed(HANDSHAKE, message(20, bytes(32), (1 << 24) - 1))),
]
CASES += [
    (name, UNEXPECTED, sealed(HANDSHAKE, message(kind, body)))
    for name, kind, body in [
        ("HelloRequest", 0, b""),
        ("NewSessionTicket", 4, bytes(16)),
        ("EndOfEarlyData", 5, b""),
        ("EncryptedExtensions", 8, bytes(2)),
        ("an empty Certificate", 11, bytes(4)),
        ("CertificateRequest", 13, bytes(3)),
        ("CertificateVerify", 15, bytes(8)),
        ("message_hash", 254, bytes(32)),
        ("an unknown message", 99, b""),
    ]
]
for cut in range(1, 5):
    CASES += [
        ("KeyUpdate in pieces of %d and %d" % (cut, 5 - cut), LIVES, in_pieces(cut)),
        (
            "data after %d bytes of KeyUpdate" % cut,
            UNEXPECTED,
            lambda c, cut=cut: c.seal(HANDSHAKE, UPDATE[:cut]) + c.seal(DATA, fill(50)) + c.seal(HANDSHAKE, UPDATE[cut:]),
        ),
    ]
CASES += [
    ("KeyUpdate in pieces of 1", LIVES, lambda c: (pieces(HANDSHAKE, *(bytes([b]) for b in UPDATE))(c), unannounced(c))[0]),
    ("close_notify inside KeyUpdate", UNEXPECTED, lambda c: c.seal(HANDSHAKE, UPDATE[:2]) + c.seal(ALERT, bytes([1, 0]))),
    ("no data inside KeyUpdate", UNEXPECTED, lambda c: c.seal(HANDSHAKE, UPDATE[:2]) + c.seal(DATA)),
]
