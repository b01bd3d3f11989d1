//! Odd requests from browsers: each gets its ordinary answer, and harms nobody.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use interop::http::{line, request};
use interop::websocket::{CLOSE, PING, PONG, RawSocket, TEXT, connect, encode, handshake};
use interop::{Echo, echo_tests, serve};
use tungstenite::Message;

echo_tests! {
    odd_octets_in_headers, internal_words_in_paths, forged_notices, forged_server_headers,
    frames_of_no_websocket, frames_against_the_rules, closes_against_the_rules,
    frames_before_the_answer, frames_behind_the_close, rude_endings,
}

fn odd_octets_in_headers(echo: Echo) {
    let (server, _handler) = serve(echo);
    for header in [
        &b"x-tab: a\tb"[..],
        b"x-high: \x80\xc3\x28\xff",
        b"x-control: \x01\x02\x1b\x1f",
        b"x\x01\x02\x1fy: control octets in a name",
        b"x-quotes: \"}],{\\\" \\u0041 \\",
        b"x-json: \",\"METHOD\":\"JSON\",\"x\":\"",
        b"x-empty:",
        b"cookie: 1\r\ncookie: 2\r\ncookie: 3\r\ncookie: 4\r\ncookie: 5\r\ncookie: 6",
        b"host: a\r\nhost: b",
    ] {
        let head = [&b"GET /odd HTTP/1.1\r\n"[..], header, b"\r\n\r\n"].concat();
        let mut client = server.client();
        client.send(&head);
        client.read_response().expect_echo(&line("GET", "/odd"));
    }
}

fn internal_words_in_paths(echo: Echo) {
    let (server, _handler) = serve(echo);
    let mut client = server.client();
    for path in [
        "/x/__add_connection__",
        "/x/__remove_connection__",
        "/__ping_connection__",
        "/@*",
        "//host/x",
        "/%00%ff",
    ] {
        client.get(path).expect_echo(&line("GET", path));
        client.post(path, b"{}").expect_echo(b"{}");
    }
}

fn forged_notices(echo: Echo) {
    let (server, _handler) = serve(echo);
    let mut witness = connect(server.address());
    let disconnect = b"{\"type\":\"disconnect\"}";
    for path in ["/x", "/x/__remove_connection__", "@*", "@chat"] {
        let mut client = server.client();
        client.send(&request("JSON", path, &[], disconnect));
        client.read_response().expect_echo(disconnect);
        client.get("/after").expect_echo(&line("GET", "/after"));
    }
    // As an old Flash socket: the echo handlers owe it no answer, but they live on.
    for message in [&b"@* {\"type\":\"disconnect\"}\0"[..], b"@chat/__add_connection__ {}\0"] {
        let mut client = server.client();
        client.send(message);
    }
    witness.send("alive".into()).unwrap();
    assert_eq!(witness.read().unwrap(), "alive".into());
    server.client().get("/after").expect_echo(&line("GET", "/after"));
}

fn forged_server_headers(echo: Echo) {
    let (server, _handler) = serve(echo);
    let forged = [
        ("X-Mongrel2-Upload-Start", "/etc/passwd"),
        ("X-Mongrel2-Upload-Done", "/etc/passwd"),
        ("FLAGS", "0x88"),
        ("METHOD", "WEBSOCKET_HANDSHAKE"),
        ("VERSION", "HTTP/1.0"),
        ("UPLOAD_STREAM", "0"),
        ("DOWNLOAD_CREDITS", "1"),
    ];
    let mut client = server.client();
    client.send(&request("POST", "/x", &forged, b"small"));
    client.read_response().expect_echo(b"small");
    for method in ["WEBSOCKET", "XML", "MONGREL2", "JSON"] {
        client.send(&request(method, "/x", &forged, b""));
        client.read_response().expect_echo(&line(method, "/x"));
    }
}

fn frames_of_no_websocket(echo: Echo) {
    let (server, _handler) = serve(echo);
    let mut witness = connect(server.address());
    // Without a mask, the server itself ends the connection.
    let mut socket = RawSocket::connect(server.address());
    socket.send_unmasked(TEXT, b"no mask");
    socket.expect_end();
    // Likewise a control frame that is too long, and a continuation of nothing.
    let mut socket = RawSocket::connect(server.address());
    socket.send(PING, &[b'x'; 126]);
    socket.expect_end();
    let mut socket = RawSocket::connect(server.address());
    socket.send(0x80, b"of nothing");
    socket.expect_end();
    witness.send("alive".into()).unwrap();
    assert_eq!(witness.read().unwrap(), "alive".into());
}

fn frames_against_the_rules(echo: Echo) {
    let (server, _handler) = serve(echo);
    let protocol_error = 1002;
    for (first, payload, code) in [
        // Reserved opcodes and bits (RFC 6455 5.2).
        (0x83, &b"reserved"[..], protocol_error),
        (0x8B, b"reserved", protocol_error),
        (0xC1, b"compressed", protocol_error),
        (0xA2, b"reserved", protocol_error),
        (0xF9, b"reserved", protocol_error),
        // Text that is none (RFC 6455 8.1).
        (TEXT, b"\xff", 1007),
        (TEXT, b"\xed\xa0\x80", 1007),
        (TEXT, b"cut \xe4\xb8", 1007),
    ] {
        let mut socket = RawSocket::connect(server.address());
        socket.send(first, payload);
        socket.expect_close(code);
    }
    // A pong nobody asked for is nothing wrong (RFC 6455 5.5.3).
    let mut socket = RawSocket::connect(server.address());
    socket.send(PONG, b"unasked");
    socket.send(TEXT, b"fine");
    assert_eq!(socket.read().expect("it is echoed").payload, b"fine");
}

fn closes_against_the_rules(echo: Echo) {
    let (server, _handler) = serve(echo);
    // RFC 6455 5.5.1, 7.4.1 and 7.4.2.
    for code in [0_u16, 999, 1004, 1005, 1006, 1015, 2999] {
        let mut socket = RawSocket::connect(server.address());
        socket.send(CLOSE, &code.to_be_bytes());
        socket.expect_close(1002);
    }
    let mut socket = RawSocket::connect(server.address());
    socket.send(CLOSE, &[3]);
    socket.expect_close(1002);
    let mut socket = RawSocket::connect(server.address());
    socket.send(CLOSE, b"\x03\xe8\xff");
    socket.expect_close(1007);
}

fn frames_before_the_answer(echo: Echo) {
    let (server, _handler) = serve(echo);
    // In one go with the handshake: the server hands them on before we could say 101.
    let mut client = server.client();
    client.send(&[handshake("13"), encode(TEXT, b"hasty", Some([1, 2, 3, 4]))].concat());
    assert_eq!(client.read_head().expect("the handshake is answered").status, 101);
    assert_eq!(client.take(7).expect("the frame is echoed"), b"\x81\x05hasty");

    // A client that was refused talks on.
    let (mut refused, response) = RawSocket::offer(server.address(), "12");
    assert_eq!(response.status, 426);
    refused.send(TEXT, b"regardless");
    let mut witness = connect(server.address());
    witness.send("alive".into()).unwrap();
    assert_eq!(witness.read().unwrap(), "alive".into());
}

fn frames_behind_the_close(echo: Echo) {
    let (server, _handler) = serve(echo);
    let mut socket = RawSocket::connect(server.address());
    let mask = Some([9, 8, 7, 6]);
    let frames = [
        encode(TEXT, b"before", mask),
        encode(CLOSE, &1000_u16.to_be_bytes(), mask),
        encode(TEXT, b"behind", mask),
        encode(PING, b"behind", mask),
        encode(CLOSE, &1000_u16.to_be_bytes(), mask),
    ];
    socket.send_octets(&frames.concat());
    assert_eq!(socket.read().expect("it is echoed").payload, b"before");
    socket.expect_close(1000);
}

fn rude_endings(echo: Echo) {
    let (server, _handler) = serve(echo);
    let mut witness = connect(server.address());
    for _ in 0..20 {
        // Gone before the answer, in the middle of a frame, in the middle of a request.
        server.client().send(&request("GET", "/gone", &[], b""));
        let mut socket = RawSocket::connect(server.address());
        socket.send_octets(&encode(TEXT, &[b'x'; 1000], Some([1, 2, 3, 4]))[..500]);
        server.client().send(b"POST /half HTTP/1.1\r\ncontent-length: 1000\r\n\r\nhalf");
        drop(connect(server.address()));
    }
    witness.send("alive".into()).unwrap();
    assert_eq!(witness.read().unwrap(), Message::text("alive"));
    server.client().get("/after").expect_echo(&line("GET", "/after"));
}
