"""The frames of a WebSocket's client (RFC 6455, section 5.2)."""

import struct


def frame(opcode, payload):
    length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack("!H", len(payload))
    return bytes([0x80 | opcode]) + length + bytes(4) + payload


def fill(size):
    """Returns messages that the server ignores."""
    out = b""
    while size - len(out) > 200:
        out += frame(2, bytes(min(size - len(out) - 108, 4000)))
    if size - len(out) > 131:
        out += frame(2, bytes(100))
    return out + frame(2, bytes(size - len(out) - 6))
