//! I5: peers of ZMTP 3.0, 3.1, 3.2 and 4.0 are as good as any. I6: those of 1.0 and 2.0 are closed at
//! once.
//!
//! A raw peer is a thread that blocks, while our socket is at work.

use std::net::TcpListener;
use std::thread;

use bytes::Bytes;
use mongrel2_transceiver::socket::{Command, DownReason, Event};
use mongrel2_transceiver::zmtp::{Error, SocketType};

use crate::adapter::Adapter;
use crate::load::text;
use crate::ours::Ours;
use crate::raw::{COMMAND, LAST, MORE, Raw, Version};
use crate::way::Transport;

both_adapters! {
    i5_a_request_of_each_version, i5_a_reply_of_each_version, i5_subscriptions_of_each_version,
    i5_we_subscribe_with_each_version, i5_messages_of_each_version,
    i6_old_versions_that_connect_are_closed, i6_old_versions_that_are_bound_are_closed,
    i7_pings_of_a_raw_peer_are_answered,
}

const VERSIONS: [Version; 4] = [(3, 0), (3, 1), (3, 2), (4, 0)];

fn i5_a_request_of_each_version<A: Adapter>() {
    for version in VERSIONS {
        meet::<A>(
            SocketType::Rep,
            version,
            "REQ",
            |raw| {
                raw.send_frame(MORE, b"");
                raw.send_frame(LAST, b"request");
                raw.expect_frame(MORE, b"");
                raw.expect_frame(LAST, b"reply");
            },
            |ours| {
                assert_eq!(ours.receive(), text("request"));
                ours.send(&text("reply"));
            },
        );
    }
}

fn i5_a_reply_of_each_version<A: Adapter>() {
    for version in VERSIONS {
        meet::<A>(
            SocketType::Req,
            version,
            "REP",
            |raw| {
                raw.expect_frame(MORE, b"");
                raw.expect_frame(LAST, b"request");
                raw.send_frame(MORE, b"");
                raw.send_frame(LAST, b"reply");
            },
            |ours| {
                ours.wait_up();
                ours.send(&text("request"));
                assert_eq!(ours.receive(), text("reply"));
            },
        );
    }
}

/// Both forms are taken from all: commands came with 3.1, but libzmq sends messages to 3.0 alone.
fn i5_subscriptions_of_each_version<A: Adapter>() {
    for version in VERSIONS {
        meet::<A>(
            SocketType::Pub,
            version,
            "SUB",
            |raw| {
                raw.send_frame(LAST, b"\x01a");
                raw.send_frame(COMMAND, b"\x09SUBSCRIBEb");
                raw.expect_frame(LAST, b"a message");
                raw.expect_frame(LAST, b"b message");
                raw.send_frame(LAST, b"\x00b");
                raw.send_frame(COMMAND, b"\x06CANCELa");
            },
            |ours| {
                ours.wait_for(|event| is_subscribed(event, "a"));
                ours.wait_for(|event| is_subscribed(event, "b"));
                assert!(ours.try_send(&text("c message")).is_err());
                ours.send(&text("a message"));
                ours.send(&text("b message"));
                ours.wait_for(|event| is_cancelled(event, "b"));
                ours.wait_for(|event| is_cancelled(event, "a"));
            },
        );
    }
}

fn is_cancelled(event: &Event, expected: &str) -> Option<()> {
    matches!(event, Event::Cancelled { prefix, .. } if prefix == expected).then_some(())
}

fn is_subscribed(event: &Event, expected: &str) -> Option<()> {
    matches!(event, Event::Subscribed { prefix, .. } if prefix == expected).then_some(())
}

fn i5_we_subscribe_with_each_version<A: Adapter>() {
    for version in VERSIONS {
        meet::<A>(
            SocketType::Sub,
            version,
            "PUB",
            move |raw| {
                if version < (3, 1) {
                    raw.expect_frame(LAST, b"\x01a");
                } else {
                    raw.expect_frame(COMMAND, b"\x09SUBSCRIBEa");
                }
                raw.send_frame(LAST, b"b is nothing that we asked for");
                raw.send_frame(LAST, b"a message");
                if version < (3, 1) {
                    raw.expect_frame(LAST, b"\x00a");
                } else {
                    raw.expect_frame(COMMAND, b"\x06CANCELa");
                }
            },
            |ours| {
                ours.subscribe(b"a");
                assert_eq!(ours.receive(), text("a message"));
                ours.submit(Command::Cancel(Bytes::from_static(b"a")));
            },
        );
    }
}

fn i5_messages_of_each_version<A: Adapter>() {
    for version in VERSIONS {
        meet::<A>(
            SocketType::Pull,
            version,
            "PUSH",
            |raw| {
                raw.send_frame(LAST, b"message");
            },
            |ours| assert_eq!(ours.receive(), text("message")),
        );
        meet::<A>(
            SocketType::Push,
            version,
            "PULL",
            |raw| {
                raw.expect_frame(LAST, b"message");
            },
            |ours| {
                ours.wait_up();
                ours.send(&text("message"));
            },
        );
    }
}

/// A PONG says what its PING said.
fn i7_pings_of_a_raw_peer_are_answered<A: Adapter>() {
    meet::<A>(
        SocketType::Pull,
        (3, 1),
        "PUSH",
        |raw| {
            for context in [&b""[..], b"x", b"sixteen octets.."] {
                raw.send_frame(COMMAND, &[b"\x04PING\0\0", context].concat());
                raw.expect_frame(COMMAND, &[b"\x04PONG", context].concat());
            }
            raw.send_frame(LAST, b"message");
        },
        |ours| assert_eq!(ours.receive(), text("message")),
    );
}

/// Lets a raw peer and our socket meet twice, each bound once.
fn meet<A: Adapter>(
    socket_type: SocketType,
    version: Version,
    name: &'static str,
    raw: impl Fn(&mut Raw) + Send + Copy + 'static,
    ours: impl Fn(&mut Ours<A>),
) {
    interop::process::report("peer", &format!("{name} of {version:?}"));
    for we_bind in [true, false] {
        let mut socket = Ours::<A>::new(socket_type);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut address = format!("tcp://{}", listener.local_addr().unwrap());
        if we_bind {
            address = socket.bind(&Transport::Tcp.address());
        } else {
            socket.connect(&address);
        }
        let peer = thread::spawn(move || {
            let mut peer = if we_bind { Raw::connect(&address) } else { Raw::accept(&listener) };
            peer.send_greeting(version);
            peer.expect_greeting();
            peer.send_ready(name);
            peer.expect_ready(&socket_type.to_string());
            raw(&mut peer);
            // The rest of what our side does, to its end.
            peer.expect_end();
        });
        ours(&mut socket);
        socket.shut_down();
        peer.join().unwrap();
    }
}

/// How peers of old begin, and why they are refused. 1.0: an identity of no octets. 2.0: as libzmq 3
/// does it.
const OLD: [(&[u8], Error); 3] = [
    (b"\x01\x00", Error::Signature { position: 0, octet: 1 }),
    (b"\xff\0\0\0\0\0\0\0\x01\x7f\x01", Error::Version { major: 1 }),
    (b"\xff\0\0\0\0\0\0\0\x01\x7f\x02", Error::Version { major: 2 }),
];

/// Nothing is told of them, and the next peer is served.
fn i6_old_versions_that_connect_are_closed<A: Adapter>() {
    let mut ours = Ours::<A>::new(SocketType::Pull);
    let address = ours.bind(&Transport::Tcp.address());
    let peers = thread::spawn(move || {
        for (octets, _) in OLD {
            let mut peer = Raw::connect(&address);
            peer.send(octets);
            peer.expect_end();
        }
        let mut peer = Raw::connect(&address);
        peer.send_greeting((3, 1));
        peer.send_ready("PUSH");
        peer.send_frame(LAST, b"message");
        peer.expect_end();
    });
    assert_eq!(ours.receive(), text("message"));
    ours.shut_down();
    peers.join().unwrap();
}

/// They are tried again, since the next one there may be another.
fn i6_old_versions_that_are_bound_are_closed<A: Adapter>() {
    let mut ours = Ours::<A>::new(SocketType::Pull);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    ours.connect(&format!("tcp://{}", listener.local_addr().unwrap()));
    let peers = thread::spawn(move || {
        for (octets, _) in OLD {
            let mut peer = Raw::accept(&listener);
            peer.send(octets);
            peer.expect_end();
        }
        let mut peer = Raw::accept(&listener);
        peer.send_greeting((3, 1));
        peer.send_ready("PUSH");
        peer.send_frame(LAST, b"message");
        peer.expect_end();
    });
    for (_, expected) in OLD {
        let reason = ours.wait_for(|event| match event {
            Event::ConnectFailed { reason, .. } => Some(reason.clone()),
            event => panic!("{event:?}"),
        });
        assert_eq!(reason, DownReason::Protocol(expected));
    }
    assert_eq!(ours.receive(), text("message"));
    ours.shut_down();
    peers.join().unwrap();
}
