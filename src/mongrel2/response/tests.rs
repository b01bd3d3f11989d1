//! Replies as Mongrel2 reads them, and as it does not.

use super::*;

fn parse(raw: &str) -> Result<Reply, ReplyError> {
    parse_response(&Bytes::copy_from_slice(raw.as_bytes()))
}

fn ids(raw: &str) -> Vec<i64> {
    parse(raw).unwrap().targets.iter().map(|target| target.0).collect()
}

fn encode(targets: &[ConnId], body: &[u8]) -> Bytes {
    let mut out = BytesMut::new();
    encode_response(&Sender::new("s").unwrap(), targets, body, &mut out);
    out.freeze()
}

#[test]
fn the_form_is_the_manuals() {
    assert_eq!(encode(&[ConnId(4)], b"hello"), "s 1:4, hello");
    assert_eq!(encode(&[ConnId(4), ConnId(10), ConnId(0)], b""), "s 6:4 10 0, ");
}

#[test]
fn what_is_written_is_read() {
    for count in [1, 2, 3, 99, TARGETS_MAX] {
        let targets: Vec<_> = (0..count).map(|n| ConnId(n as i64 * 7_777_777)).collect();
        for body in [&b""[..], b", 1:2, ", &[0, 255, b'\n']] {
            let reply = parse_response(&encode(&targets, body)).unwrap();
            assert_eq!(reply.sender, "s");
            assert_eq!(reply.targets, targets);
            assert!(!reply.extended);
            assert_eq!(reply.body, body);
        }
    }
}

#[test]
fn room_is_reserved_once() {
    let targets = vec![ConnId(i64::from(i32::MAX)); TARGETS_MAX];
    let sender = Sender::new("x".repeat(255)).unwrap();
    let mut out = BytesMut::new();
    encode_head(&sender, &targets, &mut out);
    assert!(head_len(&sender, &targets, "") >= out.len());
}

#[test]
#[should_panic(expected = "129 targets")]
#[cfg(debug_assertions)]
fn too_many_targets_are_a_bug() {
    encode(&[ConnId(1); TARGETS_MAX + 1], b"");
}

#[test]
#[should_panic(expected = "a negative target")]
#[cfg(debug_assertions)]
fn nobody_is_no_target() {
    encode(&[ConnId::NONE], b"");
}

#[test]
fn mongrel2_is_lenient_here() {
    assert_eq!(ids("s 002:27, body"), [27]);
    assert_eq!(ids("s 4:0028, body"), [28]);
    assert_eq!(ids("s 3:29 , body"), [29]);
    assert_eq!(ids("s 10:4294967326, body"), [30]);
    assert_eq!(ids("s 20:18446744073709551616, "), [-1]);
    assert_eq!(ids("s 1:0, "), [0]);
    assert!(parse(&format!("{} 1:1, ", "x".repeat(300))).is_ok());
}

#[test]
fn mongrel2_is_strict_here() {
    let mismatch =
        |expected, found, extended| ReplyError::LengthMismatch { expected, found, extended };
    for (raw, error) in [
        ("", ReplyError::Sender),
        ("s", ReplyError::Sender),
        (" 1:1, ", ReplyError::Sender),
        ("a_b 1:1, ", ReplyError::Sender),
        ("s ", ReplyError::Length),
        ("s :1, ", ReplyError::Length),
        ("s 1", ReplyError::Length),
        ("s +1:1, ", ReplyError::Length),
        ("s  1:1, ", ReplyError::Length),
        ("s 99999999999999999999:1, ", ReplyError::Length),
        ("s 1:1", ReplyError::Targets),
        ("s 1:1,", ReplyError::Targets),
        ("s 1:1,body", ReplyError::Targets),
        ("s 2: 1, ", ReplyError::Targets),
        ("s 4:1  2, ", ReplyError::Targets),
        ("s 2:+1, ", ReplyError::Targets),
        ("s 3:1,2, ", mismatch(3, 1, false)),
        ("s 3:X1, ", ReplyError::Targets),
        ("s 3:x 1, ", ReplyError::Targets),
        ("s 2:1, ", mismatch(2, 1, false)),
        ("s 0:1, ", mismatch(0, 1, false)),
        ("s 9:X 5, body", mismatch(9, 3, true)),
        ("s 0:, ", ReplyError::NoTargets),
        ("s 2:X , ", ReplyError::NoTargets),
    ] {
        assert_eq!(parse(raw), Err(error), "{raw}");
    }
    let many = "1 ".repeat(TARGETS_MAX + 1);
    let extended = format!("s {}:X {many}, ", many.len() + 2);
    let error = ReplyError::TooManyTargets { extended: true };
    assert_eq!(parse(&extended), Err(error));
    assert!(error.swallows_next() && mismatch(9, 3, true).swallows_next());
    let plain = format!("s {}:{many}, ", many.len());
    assert_eq!(parse(&plain), Err(ReplyError::TooManyTargets { extended: false }));
    assert!(!mismatch(2, 1, false).swallows_next());
}
