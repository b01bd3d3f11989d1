//! Replies, to browsers and to the server itself.

use bytes::{Bytes, BytesMut};
use mongrel2_transceiver::mongrel2::{
    ConnId, Control, Extended, Reply, SENDER_LENGTH_MAX, Sender, TARGETS_MAX, encode_control,
    encode_response, parse_extended, parse_response,
};

use crate::choices::Choices;

/// A message to a server: what could be read is written and read again as it was; and so is every
/// reply that can be drawn.
pub fn response(octets: &[u8]) {
    match parse_response(&Bytes::copy_from_slice(octets)) {
        Ok(reply) => judge_reply(octets, &reply),
        Err(error) => assert!(!error.to_string().is_empty()),
    }

    let mut choices = Choices::new(octets);
    let sender = sender(&mut choices);
    let count = 1 + choices.below(TARGETS_MAX);
    let targets: Vec<ConnId> = (0..count).map(|_| target(&mut choices)).collect();
    let body = choices.some(3000);
    let mut out = BytesMut::new();
    encode_response(&sender, &targets, &body, &mut out);
    let reply = parse_response(&out.freeze()).expect("what was written can be read");
    assert_eq!(reply.sender, sender.as_bytes());
    assert_eq!(reply.targets, targets.into_iter().map(as_server_reads).collect::<Vec<_>>());
    assert_eq!((reply.extended, reply.body), (false, body));
}

fn judge_reply(octets: &[u8], reply: &Reply) {
    assert!((1..=TARGETS_MAX).contains(&reply.targets.len()));
    assert!(octets.starts_with(&reply.sender) && octets.ends_with(&reply.body));
    if reply.extended {
        // Whatever it is, it is for the server alone.
        let _ = parse_extended(&reply.body);
        return;
    }
    let can_be_written =
        reply.targets.iter().all(|target| target.0 >= 0) && reply.sender.len() <= SENDER_LENGTH_MAX;
    if can_be_written {
        let sender = Sender::new(reply.sender.clone()).expect("a server takes no other names");
        let mut out = BytesMut::new();
        encode_response(&sender, &reply.targets, &reply.body, &mut out);
        assert_eq!(parse_response(&out.freeze()).as_ref(), Ok(reply));
    }
}

/// The body of an extended reply: any octets harm nobody, and controls that can be drawn are carried
/// out as they were meant.
pub fn control_reply(octets: &[u8]) {
    if let Extended::Controls(controls) = parse_extended(&Bytes::copy_from_slice(octets)) {
        // Each takes two elements of at least three octets.
        assert!(controls.len() * 6 <= octets.len());
        judge_controls(&Sender::new("x").expect("a name"), ConnId(1), &controls);
    }

    let mut choices = Choices::new(octets);
    let (sender, target) = (sender(&mut choices), target(&mut choices));
    let controls: Vec<Control> = (0..choices.below(5))
        .map(|_| match choices.below(3) {
            0 => Control::KeepAlive,
            1 => Control::Credits(choices.number()),
            _ => Control::Cancel,
        })
        .collect();
    judge_controls(&sender, target, &controls);
}

fn judge_controls(sender: &Sender, target: ConnId, controls: &[Control]) {
    let mut out = BytesMut::new();
    encode_control(sender, target, controls, &mut out);
    let reply = parse_response(&out.freeze()).expect("what was written can be read");
    assert_eq!((&reply.sender[..], reply.extended), (sender.as_bytes(), true));
    assert_eq!(reply.targets, [as_server_reads(target)]);

    let mut credits = 0u64;
    for control in controls {
        if let Control::Credits(more) = control {
            credits = credits.saturating_add(*more);
        }
    }
    let credits = credits.min(i32::MAX.unsigned_abs().into());
    let one = |control| controls.contains(&control).then_some(control);
    let expected = [
        one(Control::KeepAlive),
        (credits > 0).then_some(Control::Credits(credits)),
        one(Control::Cancel),
    ];
    let expected = Extended::Controls(expected.into_iter().flatten().collect());
    assert_eq!(parse_extended(&reply.body), expected);
}

fn sender(choices: &mut Choices<'_>) -> Sender {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
    let octets = choices.few().iter().map(|octet| LETTERS[usize::from(*octet) % LETTERS.len()]);
    let name: Vec<u8> = octets.collect();
    Sender::new(if name.is_empty() { b"x".to_vec() } else { name }).expect("a name")
}

fn target(choices: &mut Choices<'_>) -> ConnId {
    ConnId(i64::try_from(choices.number() & (u64::MAX >> 1)).expect("63 bits"))
}

/// The low 32 bits, with a sign.
fn as_server_reads(target: ConnId) -> ConnId {
    let [a, b, c, d, ..] = target.0.to_le_bytes();
    ConnId(i32::from_le_bytes([a, b, c, d]).into())
}
