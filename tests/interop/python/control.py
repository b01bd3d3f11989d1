"""A server that introduces itself to a handler, written from the description of the control socket
alone: over pyzmq, and with none of our code.

Usage: control.py CONTROL

CONTROL is the address of the control socket of an echo handler that serves nobody yet. Ends with code
0 if all is as it should be; else says what is not.
"""

import json
import os
import socket
import sys
import tempfile
import time
import uuid

import zmq

PATIENCE = 20.0
# How long the original package waits for each text before it asks again.
TRY_MS = 100


def request(sender, path, headers, body="", conn_id="-1"):
    """A request as Mongrel2 and the original package write it."""
    head = json.dumps(headers).encode()
    body = body.encode()
    start = f"{sender} {conn_id} {path} {len(head)}:".encode()
    return start + head + f",{len(body)}:".encode() + body + b","


class Asker:
    """A REQ socket at a control socket."""

    def __init__(self, context, address):
        self.socket = context.socket(zmq.REQ)
        self.socket.linger = 0
        self.socket.connect(address)

    def ask(self, message):
        if isinstance(message, list):
            self.socket.send_multipart(message)
        else:
            self.socket.send(message)
        assert self.socket.poll(PATIENCE * 1000), f"no answer to {message!r}"
        parts = self.socket.recv_multipart()
        assert len(parts) == 1, f"an answer of several parts: {parts!r}"
        return parts[0]

    def expect(self, message, answer):
        given = self.ask(message)
        assert given == answer, f"{message!r} is answered by {given!r}, not {answer!r}"

    def expect_error(self, message):
        given = self.ask(message)
        assert given.startswith(b"ERROR "), f"{message!r} is answered by {given!r}"
        assert len(given) > len(b"ERROR ") + 10, f"{given!r} does not say why"


class Server:
    """The two sockets of a server, bound, and its orders."""

    def __init__(self, context, bind):
        self.sender = str(uuid.uuid4())
        self.push = context.socket(zmq.PUSH)
        self.sub = context.socket(zmq.SUB)
        for each in (self.push, self.sub):
            each.linger = 0
        bind(self)
        # Its own name alone, as the original package does.
        self.sub.subscribe(self.sender)

    def add(self, push, sub):
        body = json.dumps({"push": push, "sub": sub})
        return request(self.sender, "/__add_connection__", {"METHOD": "JSON"}, body)

    def remove(self):
        return request(self.sender, "/__remove_connection__", {"METHOD": "JSON"}, "{}")

    def ping(self, text):
        headers = {"METHOD": "MONGREL2", "QUERY": f"text={text}"}
        return request(self.sender, "/__ping__", headers)

    def disconnect_ping(self):
        return request(self.sender, "/__disconnect_ping__", {"METHOD": "MONGREL2"})

    def hear(self, timeout_ms):
        return self.sub.recv() if self.sub.poll(timeout_ms) else None

    def prove(self, asker):
        """A random text goes there and comes back."""
        text = str(uuid.uuid4())
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            asker.expect(self.ping(text), b"RECEIVED")
            heard = self.hear(TRY_MS)
            if heard is not None:
                assert heard == f"{self.sender} 2:-1, {text}".encode(), f"heard {heard!r}"
                break
        else:
            raise AssertionError("the text does not come back")
        # It may have been asked for several times.
        while self.hear(TRY_MS) is not None:
            pass

    def prove_end(self, asker):
        """The text that says that it is still served does not come any more."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            asker.expect(self.disconnect_ping(), b"RECEIVED")
            if self.hear(TRY_MS) is None:
                return
        raise AssertionError("it is still served")

    def browse(self, conn_id, path):
        """A browser's request gets its answer."""
        headers = {
            "PATH": path,
            "host": "localhost",
            "METHOD": "GET",
            "VERSION": "HTTP/1.1",
            "URI": path,
            "PATTERN": "/",
            "URL_SCHEME": "http",
            "REMOTE_ADDR": "127.0.0.1",
        }
        assert self.push.poll(PATIENCE * 1000, zmq.POLLOUT), "nobody takes requests"
        self.push.send(request(self.sender, path, headers, conn_id=conn_id))
        heard = self.hear(PATIENCE * 1000)
        ids = f"{self.sender} {len(conn_id)}:{conn_id}, HTTP/1.1 200 ".encode()
        assert heard is not None and heard.startswith(ids), f"heard {heard!r}"
        assert heard.endswith(f"\r\n\r\nGET {path}\n".encode()), f"heard {heard!r}"


def on_tcp(server):
    server.push_port = server.push.bind_to_random_port("tcp://127.0.0.1")
    server.sub_port = server.sub.bind_to_random_port("tcp://127.0.0.1")


def signs_of_life(asker):
    for text in (b"PING", b"ping", b"PiNg"):
        asker.expect(text, b"PONG")


def introduction(context, asker):
    server = Server(context, on_tcp)
    asker.expect_error(server.ping("x"))
    asker.expect_error(server.remove())
    push, sub = ["127.0.0.1", server.push_port], ["127.0.0.1", server.sub_port]
    asker.expect(server.add(push, sub), b"RECEIVED")
    server.prove(asker)
    server.browse("7", "/hello")
    asker.expect_error(server.add(push, sub))
    # It is served, so this comes back.
    asker.expect(server.disconnect_ping(), b"RECEIVED")
    heard = server.hear(PATIENCE * 1000)
    assert heard == f"{server.sender} 2:-1, disconnect_ping".encode(), f"heard {heard!r}"
    return server


def nonsense(context, asker, server):
    json_method, other_method = {"METHOD": "JSON"}, {"METHOD": "MONGREL2"}
    body = '{"push": ["127.0.0.1", 1], "sub": ["127.0.0.1", 2]}'
    add, name = "/__add_connection__", str(uuid.uuid4())
    for message in (
        b"",
        b"PING ",
        b"STOP",
        b"\x00\xff" * 1000,
        [b"PING", b"PING"],
        [b"", b""],
        request(name, "/", json_method, body),
        request(name, "/x" + add, json_method, body),
        request(name, add, json_method, body, conn_id="1"),
        request(name, add, other_method, body),
        request(name, add, {}, body),
        request(name, add, json_method, "{}"),
        request(name, add, json_method, "[]"),
        request(name, add, json_method, '{"push": ["*", 1], "sub": ["h", 2]}'),
        request(name, add, json_method, '{"push": ["h", 0], "sub": ["h", 2]}'),
        request(name, add, json_method, '{"push": "carrier-pigeon://h", "sub": ["h", 2]}'),
        request("under_score", add, json_method, body),
        request(server.sender, "/__ping__", other_method),
        request(server.sender, "/__ping__", {"METHOD": "MONGREL2", "QUERY": "text=%"}),
        request(server.sender, "/__remove_connection__", other_method, "{}"),
    ):
        asker.expect_error(message)
    # Nobody waits for the answer to these.
    for message in (b"PING", b"x" * 60000, server.ping("x")):
        leaver = Asker(context, asker.socket.last_endpoint.decode())
        leaver.socket.send(message)
        leaver.socket.close()
    signs_of_life(asker)
    # The last may have got there before its sender left, and was obeyed then.
    while server.hear(TRY_MS) is not None:
        pass


def strangers(address):
    """Peers that speak no ZMTP, half a frame of it, or nothing at all."""
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    for octets in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\xff" + b"\x00" * 8 + b"\x7f\x03", b"\x00" * 99):
        with socket.create_connection((host, int(port))) as stream:
            stream.sendall(octets)
    return [socket.create_connection((host, int(port))) for _ in range(200)]


def orders_elsewhere(server):
    """What the control socket obeys is an ordinary message to the PULL socket."""
    for order in (server.remove(), server.add(["127.0.0.1", 1], ["127.0.0.1", 2]), server.ping("x")):
        server.push.send(order)
    server.browse("8", "/x/__remove_connection__")
    assert server.hear(TRY_MS) is None, "an order over PUSH was obeyed"


def removal(asker, server):
    asker.expect(server.remove(), b"RECEIVED")
    server.prove_end(asker)
    end = time.monotonic() + PATIENCE
    while b"removed:" in asker.ask(server.ping("late")) and time.monotonic() < end:
        time.sleep(TRY_MS / 1000)
    asker.expect_error(server.ping("late"))
    asker.expect_error(server.remove())
    asker.expect(server.disconnect_ping(), b"RECEIVED")
    assert server.hear(TRY_MS * 3) is None, "a removed server is still spoken to"


def over_unix_sockets(context, asker):
    """Endpoints in place of host and port."""
    with tempfile.TemporaryDirectory() as directory:

        def bind(server):
            server.endpoints = [f"ipc://{os.path.join(directory, name)}" for name in ("push", "sub")]
            server.push.bind(server.endpoints[0])
            server.sub.bind(server.endpoints[1])

        server = Server(context, bind)
        asker.expect(server.add(*server.endpoints), b"RECEIVED")
        server.prove(asker)
        server.browse("1", "/unix")
        removal(asker, server)


def main(address):
    context = zmq.Context()
    asker = Asker(context, address)
    signs_of_life(asker)
    server = introduction(context, asker)
    nonsense(context, asker, server)
    idle = strangers(address)
    signs_of_life(Asker(context, address))
    orders_elsewhere(server)
    over_unix_sockets(context, asker)
    server.browse("9", "/still/here")
    removal(asker, server)
    # And once more, as the same server.
    push, sub = ["127.0.0.1", server.push_port], ["127.0.0.1", server.sub_port]
    asker.expect(server.add(push, sub), b"RECEIVED")
    server.prove(asker)
    server.browse("1", "/again")
    signs_of_life(asker)
    for stream in idle:
        stream.close()
    context.destroy(linger=0)
    print("all as it should be")


if __name__ == "__main__":
    main(sys.argv[1])
