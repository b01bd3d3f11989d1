"""Compressed WebSockets with an independent client: the package websockets, behind the real Mongrel2.

Usage: deflate.py ws://HOST:PORT/PATH [--contexts]

An echo handler is expected there that compresses; with --contexts, one that lets sessions refer to their
earlier messages. Ends with code 0 if all is as it should be; else says what is not.
"""

import dataclasses
import random
import sys
import threading
import zlib

from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.sync.client import connect

PATIENCE = 20.0
SIZES = [0, 1, 16, 63, 64, 65, 125, 126, 1000, 1024, 8192, 65535, 65536, 131072]
WORDS = "the quick brown fox jumps over the lazy dog and 0123456789 äöü 🦀".split()


def text_of(dice, size):
    words = []
    length = 0
    while length < size:
        words.append(dice.choice(WORDS))
        length += len(words[-1].encode()) + 1
    return " ".join(words)


def opened(uri, **asked):
    factory = ClientPerMessageDeflateFactory(**asked)
    return connect(
        uri, extensions=[factory], compression=None, open_timeout=PATIENCE, max_size=None
    )


def check(condition, what):
    if not condition:
        sys.exit(what)


def grid(uri, is_agreed, **asked):
    """Messages of all sizes, whole and in fragments, come back as they were."""
    dice = random.Random(7)
    with opened(uri, **asked) as socket:
        names = [extension.name for extension in socket.protocol.extensions]
        expected = ["permessage-deflate"] if is_agreed else []
        check(names == expected, f"{asked}: {names} was agreed upon")
        for size in SIZES:
            messages = [text_of(dice, size), dice.randbytes(size), b"\0" * size]
            for message in messages:
                for whole in [True, False]:
                    third = len(message) // 3 + 1
                    parts = [message[at : at + third] for at in range(0, len(message), third)]
                    socket.send(message if whole or not parts else parts)
                    answer = socket.recv(timeout=PATIENCE)
                    check(answer == message, f"{asked}: {size} octets came back otherwise")


def burst(uri, count, **asked):
    """Many messages are on their way before the first answer is read."""
    dice = random.Random(8)
    messages = [f"{number} {text_of(dice, 100)}" for number in range(count)]
    with opened(uri, **asked) as socket:

        def send():
            for message in messages:
                socket.send(message)

        sender = threading.Thread(target=send)
        sender.start()
        for message in messages:
            check(socket.recv(timeout=PATIENCE) == message, f"{asked}: out of order")
        sender.join()


def octets_of(data):
    """Compressed, without the end that is left out."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


def refused(uri, payload, code):
    """A message with these octets in place of compressed ones ends the session with this code."""
    with opened(uri) as socket:
        extension = socket.protocol.extensions[0]
        extension.encode = lambda frame: dataclasses.replace(frame, rsv1=True, data=payload)
        socket.send("something else")
        try:
            answer = socket.recv(timeout=PATIENCE)
            sys.exit(f"an answer of {len(answer)} octets in place of {code}")
        except ConnectionClosed as closed:
            check(closed.rcvd and closed.rcvd.code == code, f"{closed} in place of {code}")


def main():
    uri, contexts = sys.argv[1], "--contexts" in sys.argv
    nothing = {"server_no_context_takeover": True, "client_no_context_takeover": True}
    for asked in [
        {},
        {"client_max_window_bits": True},
        {"client_max_window_bits": 9},
        # The client is to be told, though nothing depends on it.
        {"server_max_window_bits": 15},
        {"server_no_context_takeover": True},
        {"client_no_context_takeover": True},
        nothing,
    ]:
        grid(uri, True, **asked)
    for bits in [9, 12]:
        # A handler without contexts cannot keep to a small window, and declines.
        grid(uri, contexts, server_max_window_bits=bits)
    refused(uri, octets_of(bytes(8 << 20)), 1009)
    refused(uri, octets_of(bytes(1000))[:-2], 1007)
    refused(uri, b"\xff\xff\xff\xff", 1007)
    # Text that is none.
    refused(uri, octets_of(b"\xff" * 100), 1007)
    burst(uri, 10_000)
    burst(uri, 2_000, **nothing)


main()
