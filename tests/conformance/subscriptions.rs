//! U4, U5 and U10: subscriptions on one link.

use mongrel2_transceiver::zmtp::{Limits, Received, SocketType};

use crate::wire::{ALL_TYPES, command, message, ready_engine, run_ready, taken};

#[test]
fn u4_a_publisher_takes_subscriptions_in_both_forms() {
    let octets = [
        command("SUBSCRIBE", b"a"),
        message(&[b"\x01b"]),
        command("SUBSCRIBE", b""),
        message(&[b"\x01"]),
        command("CANCEL", b"a"),
        message(&[b"\0b"]),
    ];
    let outcome = run_ready(SocketType::Pub, Limits::default(), &octets.concat());
    let subscribed = ["a", "b", "", ""].map(|prefix| Received::Subscribe(prefix.into()));
    let cancelled = ["a", "b"].map(|prefix| Received::Cancel(prefix.into()));
    assert_eq!(outcome.received, [&subscribed[..], &cancelled].concat());
}

#[test]
fn u4_others_take_them_for_what_they_are_without_that_meaning() {
    for socket_type in ALL_TYPES.into_iter().filter(|&other| other != SocketType::Pub) {
        let commands = [command("SUBSCRIBE", b"a"), command("CANCEL", b"a")].concat();
        assert_eq!(run_ready(socket_type, Limits::default(), &commands).received, []);
        let outcome = run_ready(socket_type, Limits::default(), &message(&[b"\x01a"]));
        assert_eq!(outcome.received, [Received::Message("\x01a".into())]);
    }
}

#[test]
fn u5_a_subscriber_speaks_the_dialect_of_its_publisher() {
    let by_command = [command("SUBSCRIBE", b"topic"), command("CANCEL", b"")].concat();
    let by_message = [message(&[b"\x01topic"]), message(&[b"\0"])].concat();
    for (major, minor, expected) in
        [(3, 0, &by_message), (3, 1, &by_command), (3, 2, &by_command), (4, 0, &by_command)]
    {
        let mut engine = ready_engine(SocketType::Sub, major, minor);
        engine.subscribe(b"topic");
        engine.cancel(b"");
        assert_eq!(taken(&mut engine), expected, "version {major}.{minor}");
    }
}

#[test]
fn u10_other_messages_of_a_subscriber_stay_messages() {
    let octets = [message(&[b""]), message(&[b"\x02a"]), message(&[b"\x01a", b"b"])].concat();
    let outcome = run_ready(SocketType::Pub, Limits::default(), &octets);
    assert_eq!(outcome.messages().len(), 3);
}
