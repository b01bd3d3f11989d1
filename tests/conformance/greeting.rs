//! G: the 64 octets that open a link.

use mongrel2_transceiver::zmtp::{Engine, Error, Limits, Received, SocketType, Version};

use crate::wire::{
    ALL_TYPES, assert_refused_by_the_last_octet, feed, greeting, greeting_of, handshake, message,
    ready, run, taken,
};

const PULL: SocketType = SocketType::Pull;

fn ours() -> Vec<u8> {
    taken(&mut Engine::new(PULL, Limits::default())).to_vec()
}

/// Asserts that a PULL socket goes on after this greeting, up to the first message.
fn assert_accepted(greeting: &[u8]) {
    let octets = [greeting, &ready("PUSH"), &message(&[b"x"])].concat();
    let outcome = run(PULL, Limits::default(), &octets);
    assert_eq!((outcome.error.clone(), outcome.messages().len()), (None, 1));
}

#[test]
fn g1_the_greeting_has_64_octets() {
    let ours = ours();
    assert_eq!(ours.len(), 64);
    assert_eq!((ours[0], ours[9], ours[10], ours[11]), (0xFF, 0x7F, 3, 1));
    assert_eq!(&ours[12..32], b"NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    assert_eq!(ours[33..], [0; 31]);
}

#[test]
fn g2_the_padding_is_zero() {
    assert_eq!(ours()[1..9], [0; 8]);
}

#[test]
fn g3_the_padding_of_the_peer_is_not_looked_at() {
    for padding in [[0; 8], [0xFF; 8], [0, 0, 0, 0, 0, 0, 0, 37], *b"\x01\x7F\xFFabcde"] {
        let mut octets = greeting();
        octets[1..9].copy_from_slice(&padding);
        assert_accepted(&octets);
    }
}

#[test]
fn g4_the_signature_shows_zmtp_2_or_later() {
    for octet in 0..=u8::MAX {
        if octet != 0xFF {
            let error = Error::Signature { position: 0, octet };
            assert_refused_by_the_last_octet(PULL, &[octet], &error);
        }
        let mut octets = greeting();
        octets[9] = octet;
        if octet & 1 == 1 {
            assert_accepted(&octets);
        } else {
            let error = Error::Signature { position: 9, octet };
            assert_refused_by_the_last_octet(PULL, &octets[..10], &error);
        }
    }
}

#[test]
fn g5_version_3_and_higher_are_accepted() {
    for (major, minor) in [(3, 0), (3, 1), (3, 2), (3, 255), (4, 0), (4, 7), (255, 255)] {
        assert_accepted(&greeting_of(major, minor));
        let octets = [greeting_of(major, minor), ready("PUSH")].concat();
        let outcome = run(PULL, Limits::default(), &octets);
        let [Received::Ready(metadata)] = &outcome.received[..] else {
            panic!("expected READY alone: {outcome:?}");
        };
        assert_eq!(metadata.version(), Version { major, minor });
    }
}

#[test]
fn g6_lower_versions_are_refused_without_waiting() {
    for major in 0..3 {
        let error = Error::Version { major };
        assert!(error.is_incompatible());
        assert_refused_by_the_last_octet(PULL, &greeting_of(major, 0)[..11], &error);
    }
}

#[test]
fn g7_the_mechanism_is_null_in_all_20_octets() {
    for position in 12..32 {
        let mut octets = greeting();
        octets[position] ^= 0x20;
        assert_refused_by_the_last_octet(PULL, &octets[..=position], &Error::Mechanism);
    }
    let mut plain = greeting();
    plain[12..17].copy_from_slice(b"PLAIN");
    assert_refused_by_the_last_octet(PULL, &plain[..13], &Error::Mechanism);
}

#[test]
fn g8_as_server_is_zero_and_not_looked_at() {
    assert_eq!(ours()[32], 0);
    for octet in [1, 2, 0xFF] {
        let mut octets = greeting();
        octets[32] = octet;
        assert_accepted(&octets);
    }
}

#[test]
fn g9_the_filler_of_the_peer_is_not_looked_at() {
    let mut octets = greeting();
    octets[33..].fill(0xA5);
    assert_accepted(&octets);
}

#[test]
fn g10_who_has_read_a_greeting_has_sent_one() {
    let mut engine = Engine::new(PULL, Limits::default());
    let outcome = feed(&mut engine, &greeting());
    assert_eq!(outcome.output[..64], ours());
}

#[test]
fn g11_the_greeting_goes_out_whole_and_at_once() {
    for socket_type in ALL_TYPES {
        let mut engine = Engine::new(socket_type, Limits::default());
        assert_eq!(engine.output_len(), 64);
        assert_eq!(taken(&mut engine), ours());
        // libzmq: signature, then a part of the version, then the rest, each after a part of ours.
        for part in [0..10, 10..11, 11..63] {
            assert_eq!(feed(&mut engine, &greeting()[part]).output, []);
        }
        assert_ne!(feed(&mut engine, &greeting()[63..]).output, []);
    }
}

#[test]
fn g12_every_split_of_the_greeting_works() {
    for socket_type in ALL_TYPES {
        let outcome = run(socket_type, Limits::default(), &handshake(socket_type));
        assert_eq!((outcome.error, outcome.received.len()), (None, 1));
    }
}

#[test]
fn g13_what_cannot_be_a_greeting_is_refused_at_once() {
    let old_2_0 = b"\xFF\0\0\0\0\0\0\0\x01\x7F\x01\x07\0\0";
    let old_1_0_long = b"\xFF\0\0\0\0\0\0\0\x06\0";
    for (octets, at) in [
        (&b"\x01\0"[..], 0),
        (b"GET / HTTP/1.1\r\n", 0),
        (b"\x16\x03\x01\x02\0\x01", 0),
        (old_1_0_long, 9),
        (old_2_0, 10),
    ] {
        let outcome = run(PULL, Limits::default(), octets);
        let error = outcome.error.expect("refused");
        assert!(error.is_incompatible());
        assert_refused_by_the_last_octet(PULL, &octets[..=at], &error);
    }
}
