//! H: the NULL handshake.

use mongrel2_transceiver::zmtp::{Engine, Error, Limits, Metadata, Received, SocketType};

use crate::wire::{
    ALL_TYPES, COMMAND, LONG, Outcome, announce, assert_refused_by_the_last_octet, command, feed,
    frame, greeting, greeting_of, handshake, message, peer_of, property, ready, run, run_ready,
    taken,
};

const PULL: SocketType = SocketType::Pull;

/// What comes of these octets behind the greeting.
fn shake(socket_type: SocketType, octets: &[u8]) -> Outcome {
    run(socket_type, Limits::default(), &[&greeting(), octets].concat())
}

fn metadata(outcome: Outcome) -> Metadata {
    assert_eq!(outcome.error, None);
    match outcome.received.into_iter().next() {
        Some(Received::Ready(metadata)) => metadata,
        other => unreachable!("READY comes first: {other:?}"),
    }
}

fn assert_refused(octets: &[u8], error: &Error) {
    let octets = [&greeting(), octets].concat();
    assert_refused_by_the_last_octet(PULL, &octets, error);
}

#[test]
fn h1_ready_does_not_wait_for_the_ready_of_the_peer() {
    let mut engine = Engine::new(PULL, Limits::default());
    taken(&mut engine);
    assert_eq!(feed(&mut engine, &greeting()[..63]).output, []);
    assert_eq!(feed(&mut engine, &greeting()[63..]).output, ready("PULL"));
    assert!(!engine.is_ready());
}

#[test]
fn h2_an_engine_is_ready_after_both_were_sent_and_received() {
    let mut engine = Engine::new(PULL, Limits::default());
    assert!(!engine.is_ready());
    feed(&mut engine, &greeting());
    assert!(!engine.is_ready() && engine.peer().is_none());
    feed(&mut engine, &ready("PUSH"));
    assert!(engine.is_ready() && engine.peer().is_some());
}

#[test]
#[cfg(debug_assertions)]
#[should_panic(expected = "after the handshake")]
fn h2_no_message_is_sent_before() {
    let mut engine = Engine::new(SocketType::Push, Limits::default());
    feed(&mut engine, &greeting());
    engine.send(&"early".into());
}

#[test]
fn h3_ready_is_a_command_of_either_form() {
    let mut engine = Engine::new(PULL, Limits::default());
    let output = feed(&mut engine, &greeting()).output;
    assert_eq!(output[64..], *b"\x04\x1a\x05READY\x0bSocket-Type\0\0\0\x04PULL");
    let long = frame(COMMAND | LONG, b"\x05READY\x0bSocket-Type\0\0\0\x04PUSH");
    assert_eq!(metadata(shake(PULL, &long)).socket_type(), Some(&b"PUSH"[..]));
}

#[test]
fn h4_a_property_is_a_name_and_a_value_with_their_lengths() {
    let name = "n".repeat(255);
    let value = vec![b'v'; 3000];
    for (name, value) in [("a", &b""[..]), ("a", b"b"), (&name, b"b"), (&name, &value)] {
        let metadata = metadata(shake(PULL, &command("READY", &property(name, value))));
        assert_eq!(metadata.get(name), Some(value));
        assert_eq!(metadata.iter().collect::<Vec<_>>(), [(name.as_bytes(), value)]);
    }
    let nameless = command("READY", &property("", b"value"));
    assert_refused(&nameless, &Error::Property { position: 0 });
    let giant = command("READY", b"\x01a\x80\0\0\0bcd");
    assert_refused(&giant, &Error::Property { position: 0 });
}

#[test]
fn h5_names_are_read_without_regard_to_case() {
    for name in ["Socket-Type", "socket-type", "SOCKET-TYPE", "sOCKET-tYPE"] {
        let metadata = metadata(shake(PULL, &command("READY", &property(name, b"PUSH"))));
        assert_eq!(metadata.socket_type(), Some(&b"PUSH"[..]));
        assert_eq!(metadata.get("Socket-TYPE"), Some(&b"PUSH"[..]));
        let wrong = shake(PULL, &command("READY", &property(name, b"PULL")));
        assert!(wrong.error.expect("refused").is_incompatible());
    }
    // Values are not: ZMTP names its types in upper case.
    assert!(shake(PULL, &ready("push")).error.is_some());
}

#[test]
fn h6_req_alone_sends_an_identity() {
    for socket_type in ALL_TYPES {
        let mut expected = property("Socket-Type", socket_type.as_bytes());
        if socket_type == SocketType::Req {
            expected.extend(property("Identity", b""));
        }
        assert_eq!(shake(socket_type, &[]).output[64..], command("READY", &expected));
    }
}

#[test]
fn h6_an_identity_counts_from_req_dealer_and_router_alone() {
    let identity_of = |ours, theirs: &str| {
        let socket_type = property("Socket-Type", theirs.as_bytes());
        let properties = [socket_type, property("identity", b"me")].concat();
        metadata(shake(ours, &command("READY", &properties))).identity().map(<[u8]>::to_vec)
    };
    for (ours, theirs) in
        [(SocketType::Rep, "REQ"), (SocketType::Rep, "DEALER"), (SocketType::Req, "ROUTER")]
    {
        assert_eq!(identity_of(ours, theirs).as_deref(), Some(&b"me"[..]));
    }
    for (ours, theirs) in
        [(SocketType::Req, "REP"), (SocketType::Pub, "SUB"), (SocketType::Pull, "PUSH")]
    {
        assert_eq!(identity_of(ours, theirs), None);
    }
}

#[test]
fn h7_properties_end_exactly_at_the_end_of_the_command() {
    let properties = [property("Socket-Type", b"PUSH"), property("X-a", b"bc")].concat();
    let borders = [0, 20, properties.len()];
    for end in 0..properties.len() {
        let octets = command("READY", &properties[..end]);
        if borders.contains(&end) {
            assert_eq!(shake(PULL, &octets).error, None);
        } else {
            let position = if end < 20 { 0 } else { 20 };
            assert_refused(&octets, &Error::Property { position });
        }
    }
    let trailing = command("READY", &[&properties[..], b"\0"].concat());
    assert_refused(&trailing, &Error::Property { position: properties.len() });
}

#[test]
fn h8_a_socket_type_that_does_not_fit_is_refused_with_an_error() {
    const NAMES: [&str; 14] = [
        "PUB", "SUB", "XPUB", "XSUB", "PUSH", "PULL", "REQ", "REP", "DEALER", "ROUTER", "PAIR",
        "pub", "PULLS", "",
    ];
    for (socket_type, fitting) in [
        (SocketType::Pub, ["SUB", "XSUB"]),
        (SocketType::Sub, ["PUB", "XPUB"]),
        (SocketType::Push, ["PULL", "PULL"]),
        (SocketType::Pull, ["PUSH", "PUSH"]),
        (SocketType::Req, ["REP", "ROUTER"]),
        (SocketType::Rep, ["REQ", "DEALER"]),
    ] {
        for name in NAMES {
            let outcome = shake(socket_type, &ready(name));
            let fits = fitting.contains(&name);
            assert_eq!(socket_type.accepts(name.as_bytes()), fits);
            assert_eq!(outcome.error.is_none(), fits, "{socket_type} with {name}");
            let reason = command("ERROR", b"\x13Invalid-Socket-Type");
            assert_eq!(outcome.output.ends_with(&reason), !fits);
            if !fits {
                let theirs = name.into();
                assert_eq!(outcome.error, Some(Error::SocketType { ours: socket_type, theirs }));
            }
        }
    }
}

#[test]
fn h9_a_ready_without_socket_type_is_accepted() {
    let metadata = metadata(shake(PULL, &command("READY", b"")));
    assert_eq!((metadata.socket_type(), metadata.identity()), (None, None));
}

#[test]
fn h10_unknown_properties_are_ignored() {
    let properties = [
        property("X-mine", b"\0\xFF"),
        property("Socket-Type", b"PUSH"),
        property("Resource", b"r"),
    ];
    let metadata = metadata(shake(PULL, &command("READY", &properties.concat())));
    assert_eq!(metadata.get("x-mine"), Some(&b"\0\xFF"[..]));
    assert_eq!((metadata.get("X-other"), metadata.iter().count()), (None, 3));
}

#[test]
fn h11_an_error_of_the_peer_is_fatal() {
    let long = [&[255][..], &[b'x'; 255]].concat();
    for data in [&b"\0"[..], b"\x07refused", &long] {
        let reason = data[1..].to_vec().into();
        assert_refused(&command("ERROR", data), &Error::PeerError { reason });
    }
    let missing = Error::ErrorReason { announced: 0, left: 0 };
    assert_refused(&command("ERROR", b""), &missing);
    let short = Error::ErrorReason { announced: 8, left: 7 };
    assert_refused(&command("ERROR", b"\x08refused"), &short);
}

#[test]
fn h12_nothing_but_ready_or_error_comes_first() {
    // By its flags: not an octet of the message is waited for.
    for flags in [0, 1, 2, 3] {
        assert_refused(&[flags], &Error::MessageBeforeReady);
    }
    for (name, data) in [
        ("PING", &b"\0\0"[..]),
        ("PONG", b""),
        ("SUBSCRIBE", b""),
        ("CANCEL", b""),
        ("HELLO", b""),
        ("ready", b""),
    ] {
        assert_refused(&command(name, data), &Error::CommandBeforeReady);
    }
    for (body, announced, left) in [(&b""[..], 0, 0), (b"\0", 0, 0), (b"\x06READY", 6, 5)] {
        assert_refused(&frame(COMMAND, body), &Error::CommandName { announced, left });
    }
}

#[test]
fn h14_a_large_ready_is_refused_by_its_size() {
    let max = Limits::default().command_size_max;
    for size in [max as u64 + 1, 1 << 20, u64::MAX >> 1] {
        let error = Error::CommandTooLarge { size, max };
        assert_refused(&announce(COMMAND | LONG, size), &error);
    }
    let padding = max - b"\x05READY\x01a\0\0\0\0".len();
    let largest = command("READY", &property("a", &vec![0; padding]));
    assert_eq!(shake(PULL, &largest).error, None);
    let limits = Limits::default().with_command_size_max(10);
    let outcome = run(PULL, limits, &handshake(PULL));
    assert_eq!(outcome.error, Some(Error::CommandTooLarge { size: 26, max: 10 }));
}

#[test]
fn h15_a_late_ready_or_error_does_no_harm() {
    let late = [
        ready("PUSH"),
        ready("SUB"),
        command("READY", b"\xFFbroken"),
        command("ERROR", b"\x03why"),
        command("ERROR", b"\xFFbroken"),
        message(&[b"still here"]),
    ];
    let outcome = run_ready(PULL, Limits::default(), &late.concat());
    assert_eq!(outcome.received, [Received::Message("still here".into())]);
    assert_eq!((outcome.error, outcome.output), (None, Vec::new()));
}

#[test]
fn h16_either_side_may_go_first() {
    for socket_type in ALL_TYPES {
        let mut first = Engine::new(socket_type, Limits::default());
        let mut second = Engine::new(peer_of(socket_type), Limits::default());
        let mut octets = taken(&mut first).to_vec();
        for _ in 0..2 {
            let answer = feed(&mut second, &octets).output;
            octets = feed(&mut first, &answer).output;
        }
        assert!(first.is_ready() && second.is_ready());
        let named = first.peer().and_then(Metadata::socket_type);
        assert_eq!(named, Some(second.socket_type().as_bytes()));
    }
}

#[test]
fn h16_a_peer_of_any_version_gets_the_same_ready() {
    for (major, minor) in [(3, 0), (3, 1), (4, 0)] {
        let outcome = run(PULL, Limits::default(), &greeting_of(major, minor));
        assert_eq!(outcome.output[64..], ready("PULL"));
    }
}
