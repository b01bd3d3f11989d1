//! What browsers say: octets for the real server, and the same for a client.

use bytes::Bytes;
use interop::websocket::{BINARY, CLOSE, PING, PONG, TEXT, encode};
use mongrel2_transceiver::client::{Action, Ask, Limits, Protocol};

use crate::server::End;

pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) protocol: Protocol,
    pub(crate) octets: Vec<u8>,
    pub(crate) actions: Vec<Action>,
    /// The route that leads to the handler.
    pub(crate) pattern: &'static str,
    pub(crate) limits: Limits,
    /// How it ends, and how many messages come before the notice.
    pub(crate) wire_end: (End, usize),
}

impl Case {
    fn new(
        name: &'static str,
        protocol: Protocol,
        octets: impl Into<Vec<u8>>,
        actions: Vec<Action>,
    ) -> Self {
        Self {
            name,
            protocol,
            octets: octets.into(),
            wire_end: (End::Leaves, actions.len()),
            actions,
            pattern: "/",
            limits: Limits::default(),
        }
    }

    /// One request over HTTP.
    fn http(name: &'static str, octets: impl Into<Vec<u8>>, ask: Ask) -> Self {
        Self::new(name, Protocol::Http, octets, vec![Action::Request(ask)])
    }

    /// A WebSocket: what is said over it goes out without waiting for an answer.
    fn websocket(name: &'static str, frames: &[(u8, &'static [u8])]) -> Self {
        let encode = |(first, payload): &(u8, &'static [u8])| encode(*first, payload, MASK);
        let octets: Vec<u8> = [HANDSHAKE.as_bytes().to_vec()]
            .into_iter()
            .chain(frames.iter().map(encode))
            .flatten()
            .collect();
        let frame = |(first, payload): &(u8, &'static [u8])| Action::Frame {
            first: *first,
            payload: Bytes::from_static(payload),
        };
        let actions = [Action::Handshake(handshake())].into_iter().chain(frames.iter().map(frame));
        Self::new(name, Protocol::WebSocket, octets, actions.collect())
    }

    /// With so many messages before the notice.
    fn messages(mut self, count: usize) -> Self {
        self.wire_end.1 = count;
        self
    }

    fn ended_by_server(mut self) -> Self {
        self.wire_end.0 = End::IsEnded;
        self
    }

    fn pattern(mut self, pattern: &'static str) -> Self {
        self.pattern = pattern;
        self
    }
}

const MASK: Option<[u8; 4]> = Some([0x37, 0xFA, 0x21, 0x3D]);
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const HANDSHAKE: &str = "GET /chat?room=1 HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
                         Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                         Sec-WebSocket-Version: 13\r\n\r\n";

fn handshake() -> Ask {
    Ask::get("/chat?room=1").header("Sec-WebSocket-Key", KEY)
}

/// A request whose only header is `host`.
fn plain(line: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

fn with(line: &str, headers: &[u8]) -> Vec<u8> {
    [line.as_bytes(), b" HTTP/1.1\r\nHost: localhost\r\n", headers, b"\r\n"].concat()
}

pub(crate) fn all() -> Vec<Case> {
    [
        targets(),
        methods(),
        headers(),
        odd_headers(),
        bodies(),
        connections(),
        websockets(),
        others(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn targets() -> Vec<Case> {
    vec![
        Case::http("get", plain("GET /"), Ask::get("/")),
        Case::http("query", plain("GET /a?q=1&name=two"), Ask::get("/a?q=1&name=two")),
        Case::http("empty query", plain("GET /a?"), Ask::get("/a?")),
        Case::http("fragment", plain("GET /a?b=c#d/e?f"), Ask::get("/a?b=c#d/e?f")),
        Case::http("empty fragment", plain("GET /a#"), Ask::get("/a#")),
        Case::http(
            "percents",
            plain("GET /a%20b/%C3%A9%00?x=%2F"),
            Ask::get("/a%20b/%C3%A9%00?x=%2F"),
        ),
        Case::http(
            "punctuation",
            plain("GET /!$&'()*+,-.:;=@_~?/!$&'()*+,-.:;=@_~?/"),
            Ask::get("/!$&'()*+,-.:;=@_~?/!$&'()*+,-.:;=@_~?/"),
        ),
        Case::http("slashes and dots", plain("GET //x//../y/./"), Ask::get("//x//../y/./")),
        Case::http(
            "absolute target",
            plain("GET http://o.x:80/a?b"),
            Ask::get("http://o.x:80/a?b"),
        ),
        Case::http("path of a jssocket", plain("GET @chat"), Ask::get("@chat")).pattern("@chat"),
    ]
}

fn methods() -> Vec<Case> {
    vec![
        Case::http("head", plain("HEAD /"), Ask::head("/")),
        Case::http("delete", plain("DELETE /a"), Ask::delete("/a")),
        Case::http("options", plain("OPTIONS /a"), Ask::new("OPTIONS", "/a")),
        Case::http("any method", plain("A1B2 /a"), Ask::get("/a").method("A1B2")),
        Case::http("the method of a jssocket", plain("JSON /a"), Ask::new("JSON", "/a")),
    ]
}

fn headers() -> Vec<Case> {
    let many: String = (0..7).map(|n| format!("X-Many: {n}\r\n")).collect();
    let asked_many = (0..7).fold(Ask::get("/"), |ask, n| ask.header("X-Many", n.to_string()));
    vec![
        Case::http(
            "a browser's headers",
            with(
                "GET /",
                b"Accept: */*\r\nUser-Agent: probe/1.0 (x; y)\r\nCookie: a=1; b=\"2\"\r\n",
            ),
            Ask::get("/")
                .header("Accept", "*/*")
                .header("User-Agent", "probe/1.0 (x; y)")
                .header("Cookie", "a=1; b=\"2\""),
        ),
        Case::http(
            "repeated cookies",
            with("GET /", b"Cookie: a=1\r\nX-B: only\r\ncookie: b=2\r\nCOOKIE: c\r\n"),
            Ask::get("/")
                .header("Cookie", "a=1")
                .header("X-B", "only")
                .header("cookie", "b=2")
                .header("COOKIE", "c"),
        ),
        Case::http("more values than are kept", with("GET /", many.as_bytes()), asked_many),
        Case::http(
            "quotes and backslashes",
            with(
                "GET /",
                b"X-Q: a\"b\\c\\\\d\"\"\\u0041\\n\r\nX-J: \",\"METHOD\":\"JSON\"},0:,\r\n",
            ),
            Ask::get("/")
                .header("X-Q", "a\"b\\c\\\\d\"\"\\u0041\\n")
                .header("X-J", "\",\"METHOD\":\"JSON\"},0:,"),
        ),
        Case::http(
            "utf-8",
            with("GET /", "X-U: café € 🐙\r\n".as_bytes()),
            Ask::get("/").header("X-U", "café € 🐙"),
        ),
    ]
}

fn odd_headers() -> Vec<Case> {
    let long = "v".repeat(3900);
    vec![
        Case::http(
            "control and high octets",
            with("GET /", b"X-C: <\x01\x09\x0b\x0c\x1f\x80\xff>\r\n"),
            Ask::get("/").header("X-C", &b"<\x01\x09\x0b\x0c\x1f\x80\xff>"[..]),
        ),
        Case::http(
            "odd names",
            with("GET /", b"X-!#$%&'*+._`|~9: a\r\nUPPER_Case: b\r\nX\x01\x1fY: c\r\n"),
            Ask::get("/")
                .header("X-!#$%&'*+._`|~9", "a")
                .header("UPPER_Case", "b")
                .header("X\x01\x1fY", "c"),
        ),
        Case::http(
            "blanks and nothing",
            with("GET /", b"X-E:\r\nX-S: \t  a  \r\n"),
            Ask::get("/").header("X-E", "").header("X-S", "\t  a  "),
        ),
        Case::http(
            "the server's names",
            with(
                "GET /",
                b"METHOD: JSON\r\nPath: @*\r\nFLAGS: 0x88\r\nX-Forwarded-For: 9.9.9.9\r\n",
            ),
            Ask::get("/")
                .header("METHOD", "JSON")
                .header("Path", "@*")
                .header("FLAGS", "0x88")
                .header("X-Forwarded-For", "9.9.9.9"),
        ),
        Case::http(
            "a long header",
            with("GET /", format!("X-L: {long}\r\n").as_bytes()),
            Ask::get("/").header("X-L", long),
        ),
        Case::http(
            "hosts",
            b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".to_vec(),
            Ask::get("/").header("Host", "a").header("Host", "b"),
        ),
    ]
}

fn bodies() -> Vec<Case> {
    let all: Vec<u8> = (0..=255).collect();
    let mut post_all = with("POST /all", b"Content-Length: 256\r\n");
    post_all.extend_from_slice(&all);
    let large = vec![b'x'; 100_000];
    let mut put_large = with("PUT /large", b"Content-Length: 100000\r\n");
    put_large.extend_from_slice(&large);
    vec![
        Case::http(
            "a form",
            with("POST /form", b"Content-Type: text/plain\r\nContent-Length: 7\r\n\r\na=1&b=2")
                .strip_suffix(b"\r\n")
                .unwrap(),
            Ask::post("/form", "a=1&b=2").header("Content-Type", "text/plain"),
        ),
        Case::http("every octet", post_all, Ask::post("/all", all)),
        Case::http("a large body", put_large, Ask::put("/large", large)),
        Case::http(
            "an empty body",
            with("PATCH /", b"Content-Length: 0\r\n"),
            Ask::new("PATCH", "/"),
        ),
        Case::http(
            "expecting 100",
            [&with("POST /", b"Expect: 100-continue\r\nContent-Length: 3\r\n")[..], b"abc"]
                .concat(),
            Ask::post("/", "abc").header("Expect", "100-continue"),
        ),
        Case::http(
            "an odd length",
            with("POST /", b"Content-Length: abc\r\n"),
            Ask::post("/", "").header("Content-Length", "abc"),
        ),
    ]
}

fn connections() -> Vec<Case> {
    vec![
        Case::http(
            "http/1.0 without host",
            b"GET /old HTTP/1.0\r\n\r\n".to_vec(),
            Ask::get("/old").version("HTTP/1.0").bare(),
        ),
        Case::http(
            "http/1.0 kept alive",
            b"GET /old HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n".to_vec(),
            Ask::get("/old").version("HTTP/1.0").header("Connection", "keep-alive"),
        ),
        Case::http(
            "connection close",
            with("GET /", b"Connection: close\r\n"),
            Ask::get("/").header("Connection", "close"),
        ),
        Case::new(
            "pipelined",
            Protocol::Http,
            [plain("GET /1"), plain("HEAD /2?a"), plain("OPTIONS /3")].concat(),
            vec![
                Action::Request(Ask::get("/1")),
                Action::Request(Ask::head("/2?a")),
                Action::Request(Ask::new("OPTIONS", "/3")),
            ],
        ),
    ]
}

fn websockets() -> Vec<Case> {
    let rich = "GET /chat HTTP/1.1\r\nHost: localhost\r\nOrigin: http://x.test\r\nCookie: a=1\r\n\
                Cookie: b=2\r\nSec-WebSocket-Protocol: chat, superchat\r\nUpgrade: websocket\r\n\
                Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                Sec-WebSocket-Version: 13\r\n\r\n";
    let asked_rich = Ask::get("/chat")
        .header("Origin", "http://x.test")
        .header("Cookie", "a=1")
        .header("Cookie", "b=2")
        .header("Sec-WebSocket-Protocol", "chat, superchat")
        .header("Sec-WebSocket-Key", KEY);
    vec![
        Case::websocket("handshake", &[]),
        Case::new(
            "a rich handshake",
            Protocol::WebSocket,
            rich,
            vec![Action::Handshake(asked_rich)],
        ),
        Case::websocket("text", &[(TEXT, "héllo".as_bytes()), (TEXT, b"")]),
        Case::websocket("binary", &[(BINARY, b"\x00\xff\x80")]),
        Case::websocket("ping and pong", &[(PING, b"p"), (PONG, b""), (PING, &[b'x'; 125])]),
        Case::websocket("close", &[(CLOSE, b"\x03\xe8bye")]),
        Case::websocket(
            "odd frames",
            &[(0xC1, b"rsv"), (0x83, b"opcode"), (0x8B, b""), (TEXT, b"\xff")],
        ),
        Case::websocket(
            "fragments",
            &[(0x01, b"one"), (PING, b"over"), (0x00, b"two"), (0x80, b"")],
        )
        .messages(3),
        Case::websocket("behind a close", &[(CLOSE, b""), (TEXT, b"late")]),
        Case::websocket("a stray continuation", &[(0x80, b"x")]).messages(1).ended_by_server(),
        Case::websocket("a new message among fragments", &[(0x01, b"x"), (TEXT, b"y")])
            .messages(1)
            .ended_by_server(),
        Case::websocket("a fragmented ping", &[(0x09, b"x")]).messages(1).ended_by_server(),
        Case::websocket("a long ping", &[(PING, &[b'x'; 126])]).messages(1).ended_by_server(),
    ]
}

fn others() -> Vec<Case> {
    let json = |path: &'static str, body: &'static str| Action::Json {
        path: path.into(),
        body: body.into(),
    };
    vec![
        Case::new(
            "jssocket",
            Protocol::Mongrel2,
            "@chat {\"type\":\"msg\",\"x\":1}\0",
            vec![json("@chat", "{\"type\":\"msg\",\"x\":1}")],
        )
        .pattern("@chat"),
        Case::new(
            "two jssocket messages",
            Protocol::Mongrel2,
            "@chat/sub {nope\"\\}\0@chat {\"a\":\0}\0",
            vec![json("@chat/sub", "{nope\"\\}"), json("@chat", "{\"a\":\0}")],
        )
        .pattern("@chat"),
        Case::new(
            "a jssocket behind http",
            Protocol::Mongrel2,
            plain("GET @chat") + "@chat {\"second\":true}\0",
            vec![Action::Request(Ask::get("@chat")), json("@chat", "{\"second\":true}")],
        )
        .pattern("@chat"),
        Case::new(
            "xml",
            Protocol::Mongrel2,
            "<chat a=\"1\">hi</chat>\0<chat />\0",
            vec![
                Action::Xml { body: "<chat a=\"1\">hi</chat>".into() },
                Action::Xml { body: "<chat />".into() },
            ],
        )
        .pattern("<chat"),
    ]
}
