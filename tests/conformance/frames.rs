//! F: frames, messages and commands on the wire.

use bytes::Bytes;
use mongrel2_transceiver::zmtp::{Error, Frame, Limits, Message, Received, SocketType};

use crate::wire::{
    COMMAND, LONG, MORE, announce, assert_ready_refuses_by_the_last_octet, command, feed, frame,
    message, ready_engine, run_ready, taken,
};

const PULL: SocketType = SocketType::Pull;

fn messages(limits: Limits, octets: &[u8]) -> Vec<Message> {
    run_ready(PULL, limits, octets).messages()
}

fn of_frames(frames: &[&'static str]) -> Message {
    Message::from_frames(frames.iter().map(|&text| Frame::from(text)).collect()).expect("frames")
}

fn encoded(message: &Message) -> Bytes {
    let mut engine = ready_engine(SocketType::Push, 3, 1);
    engine.send(message);
    taken(&mut engine)
}

#[test]
fn f1_the_size_counts_the_body_alone() {
    let octets = b"\0\x03abc\x01\x01d\x02\0\0\0\0\0\0\0\x02ef\x03\0\0\0\0\0\0\0\0\0\x01g";
    let expected = [of_frames(&["abc"]), of_frames(&["d", "ef"]), of_frames(&["", "g"])];
    assert_eq!(messages(Limits::default(), octets), expected);
}

#[test]
fn f2_reserved_bits_are_sent_as_zero() {
    let large = Message::from(vec![0; 300]);
    assert_eq!(encoded(&large)[0], LONG);
    assert_eq!(encoded(&of_frames(&["a", "b"])), &b"\x01\x01a\0\x01b"[..]);
    let mut engine = ready_engine(SocketType::Push, 3, 1);
    engine.pong(b"");
    assert_eq!(taken(&mut engine)[0], COMMAND);
}

#[test]
fn f3_a_reserved_bit_is_refused_by_the_flags_alone() {
    for flags in 0..=u8::MAX {
        if flags >> 3 != 0 {
            assert_ready_refuses_by_the_last_octet(&[flags], &Error::ReservedFlags { flags });
        }
    }
}

#[test]
fn f4_a_command_with_more_is_refused_by_the_flags_alone() {
    for flags in [COMMAND | MORE, COMMAND | MORE | LONG] {
        assert_ready_refuses_by_the_last_octet(&[flags], &Error::CommandWithMore);
    }
}

#[test]
fn f5_the_short_form_reaches_to_255_octets() {
    for size in [0, 1, 254, 255] {
        let body = vec![7; size];
        assert_eq!(encoded(&body.clone().into()), frame(0, &body));
        // The long form is accepted for any size.
        assert_eq!(messages(Limits::default(), &frame(LONG, &body)), [body.into()]);
    }
    for size in [256, 2047, 2048, 70_000] {
        let body = vec![7; size];
        assert_eq!(encoded(&body.clone().into()), frame(LONG, &body));
    }
}

#[test]
fn f6_sizes_end_below_two_to_the_63rd() {
    for size in [1 << 63, (1 << 63) + 1, u64::MAX] {
        for flags in [LONG, LONG | MORE, LONG | COMMAND] {
            let octets = announce(flags, size);
            assert_ready_refuses_by_the_last_octet(&octets, &Error::FrameSize { size });
        }
    }
}

#[test]
fn f7_the_size_meets_its_limit_before_the_body_is_awaited() {
    let max = Limits::default().message_size_max;
    for size in [max as u64 + 1, 1 << 40, u64::MAX >> 1] {
        let error = Error::MessageTooLarge { size, max };
        assert_ready_refuses_by_the_last_octet(&announce(LONG, size), &error);
    }
    let max = Limits::default().command_size_max;
    let error = Error::CommandTooLarge { size: 4097, max };
    assert_ready_refuses_by_the_last_octet(&announce(LONG | COMMAND, 4097), &error);
}

#[test]
fn f7_what_is_kept_is_what_arrived() {
    let mut engine = ready_engine(PULL, 3, 1);
    feed(&mut engine, &announce(LONG, 16 << 20));
    assert_eq!(engine.held(), 0);
    feed(&mut engine, b"abc");
    assert_eq!((engine.held(), engine.buffered()), (3, 0));
}

#[test]
fn f8_the_limit_holds_for_all_frames_together() {
    let limits = Limits::default().with_message_size_max(10);
    let within = message(&[b"12345", b"", b"67890"]);
    let twice = [within.clone(), within].concat();
    assert_eq!(messages(limits, &twice).len(), 2);
    let above = message(&[b"12345", b"", b"678901"]);
    let error = Error::MessageTooLarge { size: 11, max: 10 };
    assert_eq!(run_ready(PULL, limits, &above).error, Some(error));
}

#[test]
fn f8_the_number_of_frames_is_limited() {
    let limits = Limits::default().with_frames_max(3);
    let within = message(&[b"a", b"b", b"c"]);
    let twice = [within.clone(), within].concat();
    assert_eq!(messages(limits, &twice).len(), 2);
    let outcome = run_ready(PULL, limits, &message(&[b"a", b"b", b"c", b"d"]));
    assert_eq!(outcome.error, Some(Error::TooManyFrames { max: 3 }));
}

#[test]
fn f9_sums_of_sizes_do_not_overflow() {
    let giant = u64::MAX >> 1;
    let octets = [frame(MORE, b"0123456789"), announce(LONG | MORE, giant)].concat();
    let max = Limits::default().message_size_max;
    let error = Error::MessageTooLarge { size: giant + 10, max };
    assert_ready_refuses_by_the_last_octet(&octets, &error);
    // The largest limit there can be is no trap either.
    let limits = Limits::default().with_message_size_max(usize::MAX);
    assert_eq!(run_ready(PULL, limits, &octets).error, None);
}

#[test]
fn f10_a_message_comes_with_all_its_frames_or_not_at_all() {
    let octets = message(&[b"first", b"", b"last"]);
    for end in 0..octets.len() {
        let outcome = run_ready(PULL, Limits::default(), &octets[..end]);
        assert_eq!((outcome.received, outcome.error), (Vec::new(), None));
    }
    assert_eq!(messages(Limits::default(), &octets), [of_frames(&["first", "", "last"])]);
}

#[test]
fn f11_commands_may_come_between_messages_and_between_frames() {
    let octets = [
        command("PING", b"\0\0one"),
        frame(MORE, b"a"),
        command("PING", b"\0\0two"),
        command("UNKNOWN", b"x"),
        frame(0, b"b"),
        command("PING", b"\0\0three"),
    ];
    let outcome = run_ready(PULL, Limits::default(), &octets.concat());
    let ping = |context: &'static str| Received::Ping {
        ttl: std::time::Duration::ZERO,
        context: context.into(),
    };
    let whole = Received::Message(of_frames(&["a", "b"]));
    assert_eq!(outcome.received, [ping("one"), ping("two"), whole, ping("three")]);
}

#[test]
fn f12_every_split_gives_the_same_messages() {
    let body: Vec<u8> = (0..3000_u32).map(|at| at.to_le_bytes()[0]).collect();
    let octets = [message(&[&body, b"", &body[..256]]), message(&[b""]), message(&[&body[..255]])];
    // `run_ready` feeds it whole, octet by octet, and cut at each point.
    let sizes: Vec<_> =
        messages(Limits::default(), &octets.concat()).iter().map(Message::size).collect();
    assert_eq!(sizes, [3256, 0, 255]);
}

#[test]
fn f12_a_last_frame_inside_one_chunk_is_not_copied_and_those_before_it_are() {
    let mut engine = ready_engine(PULL, 3, 1);
    let chunk = Bytes::from(message(&[&[7; 100], &[8; 300]]));
    engine.receive(chunk.clone());
    let Ok(Some(Received::Message(received))) = engine.next() else {
        panic!("a message is there");
    };
    let pointers: Vec<_> = received.frames().map(|frame| frame.body().as_ptr()).collect();
    // The first was kept until the last was there: it might have waited for long.
    assert_ne!(pointers[0], chunk[2..].as_ptr());
    assert_eq!(pointers[1], chunk[102 + 9..].as_ptr());
}

#[test]
fn f13_an_endless_row_of_empty_frames_is_ended_by_the_limit() {
    let mut engine = ready_engine(PULL, 3, 1);
    let outcome = feed(&mut engine, &[MORE, 0].repeat(1_000_000));
    assert_eq!(outcome.error, Some(Error::TooManyFrames { max: 1024 }));
}

#[test]
fn f13_a_million_empty_messages_and_commands_keep_nothing() {
    let mut engine = ready_engine(PULL, 3, 1);
    let noop = [frame(0, b""), command("NOOP", b"")].concat();
    assert_eq!(feed(&mut engine, &noop.repeat(500_000)).messages().len(), 500_000);
    assert_eq!((engine.held(), engine.buffered()), (0, 0));
}

#[test]
fn f14_unknown_commands_are_ignored_and_broken_names_refused() {
    let octets = [command("HELLO", b"?"), command("x", b""), message(&[b"after"])].concat();
    assert_eq!(messages(Limits::default(), &octets), [of_frames(&["after"])]);
    for (body, announced, left) in [(&b""[..], 0, 0), (b"\0PING", 0, 4), (b"\x05PING", 5, 4)] {
        let error = Error::CommandName { announced, left };
        assert_ready_refuses_by_the_last_octet(&frame(COMMAND, body), &error);
    }
}
