//! What a client refuses, the real Mongrel2 refuses too.

use interop::Protocol;
use mongrel2_transceiver::client::{self, Action, Ask, Client, Limits};
use mongrel2_transceiver::mongrel2::ConnId;

use crate::server::Server;

#[test]
fn what_a_client_refuses_mongrel2_does_not_hand_over() {
    let mut server = Server::start(Protocol::Json);
    let mut count = 0;
    for ask in asks() {
        let octets = write(&ask);
        let shown = octets.escape_ascii().to_string();
        let origin = server.origin("/");
        let mut client = Client::new(client::Protocol::Http, ConnId(1), origin, Limits::default());
        assert!(client.act(Action::Request(ask.1)).is_err(), "{shown}");
        assert!(server.keeps_to_itself(&octets), "{shown}");
        count += 1;
    }
    assert!(count >= 30, "{count}");
}

/// Method, target, version, one header; and the same for a client.
type Written = ((Vec<u8>, Vec<u8>, Vec<u8>, Vec<u8>), Ask);

fn asks() -> Vec<Written> {
    let written = |method: &[u8], target: &[u8], version: &[u8], name: &[u8], value: &[u8]| {
        let ask = Ask::new(method.to_vec(), target.to_vec())
            .version(version.to_vec())
            .header(name.to_vec(), value.to_vec());
        let header = [name, b": ", value].concat();
        ((method.to_vec(), target.to_vec(), version.to_vec(), header), ask)
    };
    let mut all = Vec::new();
    for method in ["get", "GE_T", "GE-T", "AAAAAAAAAAAAAAAAAAAAA", ""] {
        all.push(written(method.as_bytes(), b"/", b"HTTP/1.1", b"a", b"b"));
    }
    for octet in *b" \"<>[\\]^{}|`\x01\x7f\x80\xff" {
        all.push(written(b"GET", &[b'/', octet], b"HTTP/1.1", b"a", b"b"));
        all.push(written(b"GET", &[b'/', b'?', octet], b"HTTP/1.1", b"a", b"b"));
    }
    for target in ["/%", "/%1", "/%g1", "*", "x/y"] {
        all.push(written(b"GET", target.as_bytes(), b"HTTP/1.1", b"a", b"b"));
    }
    for version in ["HTTP/2.0", "HTTP/1.2", "http/1.1"] {
        all.push(written(b"GET", b"/", version.as_bytes(), b"a", b"b"));
    }
    for octet in *b"\x00 \"(),/;<=>?@[\\]{}\x7f\x80" {
        all.push(written(b"GET", b"/", b"HTTP/1.1", &[b'a', octet, b'b'], b"x"));
    }
    for octet in *b"\x00\r\x7f" {
        all.push(written(b"GET", b"/", b"HTTP/1.1", b"a", &[b'x', octet, b'y']));
    }
    all.push(written(b"GET", b"/", b"HTTP/1.1", b"", b"x"));
    all.push(written(b"GET", b"/", b"HTTP/1.1", b"Expect", b"200-ok"));
    all.push(written(b"GET", b"/", b"HTTP/1.1", b"Transfer-Encoding", b"chunked"));
    all.push(written(b"GET", b"/", b"HTTP/1.1", b"X-Long", &[b'x'; 4096]));
    all
}

fn write(((method, target, version, header), _): &Written) -> Vec<u8> {
    let line = [&method[..], b" ", target, b" ", version].concat();
    [&line[..], b"\r\nHost: localhost\r\n", header, b"\r\n\r\n"].concat()
}
