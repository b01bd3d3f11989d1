"""Compressed WebSockets with an independent client: the package websockets, behind the real Mongrel2.

Usage: deflate.py ws://HOST:PORT/PATH [--contexts]

An echo handler is expected there that compresses; with --contexts, one that lets sessions refer to their
earlier messages. Ends with code 0 if all is as it should be; else says what is not.
"""

import random
import sys
import threading

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


def main():
    uri, contexts = sys.argv[1], "--contexts" in sys.argv
    nothing = {"server_no_context_takeover": True, "client_no_context_takeover": True}
    for asked in [
        {},
        {"client_max_window_bits": True},
        {"client_max_window_bits": 9},
        {"server_no_context_takeover": True},
        {"client_no_context_takeover": True},
        nothing,
    ]:
        grid(uri, True, **asked)
    for bits in [9, 12]:
        # A handler without contexts cannot keep to a small window, and declines.
        grid(uri, contexts, server_max_window_bits=bits)
    burst(uri, 10_000)
    burst(uri, 2_000, **nothing)


main()
