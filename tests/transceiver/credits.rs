//! A server with `download.flow_control` counts octets, not replies: it says how many may wait for a
//! connection, and how many it has written.

use bytes::{Bytes, BytesMut};
use mongrel2_transceiver::mongrel2::Dialect;
use mongrel2_transceiver::transceiver::{Command, Config, Event, Loss, SessionEnd, Target};
use mongrel2_transceiver::websocket::Message;

use crate::browser::{credits, frame, get_with, handshake_with, message_in};
use crate::pair::{Pair, Said, plain, reply, say};
use crate::support::{OF_THE_SERVER, StreamId};

const GRANTED: (&str, &str) = ("DOWNLOAD_CREDITS", "1000");

/// What Mongrel2 holds for one connection.
#[derive(Default)]
struct Waiting {
    octets: usize,
    replies: usize,
    read: Vec<u8>,
    ended: bool,
}

impl Waiting {
    fn take(&mut self, pair: &mut Pair) {
        for (_, body) in pair.replies() {
            self.octets += body.len();
            self.replies += 1;
            self.read.extend_from_slice(&body);
            self.ended |= body.is_empty();
            assert!(self.octets <= 1000, "Mongrel2 would have dropped it");
        }
    }

    /// The client reads some of it.
    fn written(&mut self, pair: &mut Pair, conn_id: i64, octets: usize) {
        let octets = octets.min(self.octets);
        self.octets -= octets;
        pair.deliver(credits(conn_id, octets));
    }
}

fn http(pair: &mut Pair) -> Target {
    pair.deliver(get_with(7, &[GRANTED]));
    let event = pair.until(|event| matches!(event, Event::Request { .. }));
    let Event::Request { target, .. } = event else { unreachable!() };
    target
}

#[test]
fn no_more_octets_wait_than_the_server_grants() {
    let mut pair = Pair::up(1, Config::default());
    let target = http(&mut pair);
    (0..500).for_each(|number| pair.submit(reply(target, format!("{number:0>100}"))));
    pair.submit(Command::HangUp { target });
    let mut waiting = Waiting::default();
    pair.run_ms(50);
    waiting.take(&mut pair);
    assert_eq!((waiting.octets, waiting.replies), (1000, 10));
    // Time alone brings nothing.
    pair.run_ms(500);
    waiting.take(&mut pair);
    assert_eq!(waiting.octets, 1000);
    for round in 0.. {
        if waiting.octets == 0 {
            break;
        }
        assert!(round < 1000);
        waiting.written(&mut pair, 7, 1 + round % 300);
        pair.run_ms(1);
        waiting.take(&mut pair);
    }
    let expected: String = (0..500).map(|number| format!("{number:0>100}")).collect();
    assert!(waiting.read == expected.as_bytes() && waiting.ended);
}

/// Twenty small replies at once are fine: they are not counted.
#[test]
fn replies_are_not_counted_where_octets_are() {
    let mut pair = Pair::up(2, Config::default());
    let target = http(&mut pair);
    (0..50).for_each(|_| pair.submit(reply(target, "x")));
    assert_eq!(pair.replies_soon().len(), 50);
}

/// While something waits for it, nobody pings it: behind all that, a ping would be answered too late.
#[test]
fn a_websocket_that_reads_slowly_is_not_silent() {
    let mut pair = Pair::up(12, Config::default());
    pair.deliver(handshake_with(3, &[GRANTED]));
    pair.until(|event| matches!(event, Event::SessionOpened { .. }));
    let (target, message) = (pair.target(3), Message::Text("x".repeat(900).into()));
    (0..300).for_each(|_| pair.submit(Command::Send { target, message: message.clone() }));
    let mut waiting = Waiting::default();
    for _ in 0..200 {
        pair.run_secs(1);
        waiting.take(&mut pair);
        waiting.written(&mut pair, 3, 1000);
    }
    assert!(pair.is_silent());
    // Now it reads nothing any more.
    pair.run_secs(100);
    let events = pair.events();
    let is_end =
        |event: &&Event| matches!(event, Event::SessionClosed { end: SessionEnd::Silent, .. });
    assert_eq!(events.iter().filter(is_end).count(), 1, "{events:?}");
}

#[test]
fn a_websocket_with_credits_needs_no_pings() {
    let mut pair = Pair::up(3, Config::default());
    pair.deliver(handshake_with(3, &[GRANTED]));
    pair.until(|event| matches!(event, Event::SessionOpened { .. }));
    let mut waiting = Waiting::default();
    for _ in 0..100 {
        let target = pair.target(3);
        pair.submit(Command::Send { target, message: Message::Text("hello".into()) });
        pair.run_ms(1);
        waiting.take(&mut pair);
        waiting.written(&mut pair, 3, usize::MAX);
    }
    assert_eq!(behind_the_head(waiting.read), b"\x81\x05hello".repeat(100));
}

fn open(pair: &mut Pair) -> Target {
    pair.deliver(handshake_with(3, &[GRANTED]));
    pair.until(|event| matches!(event, Event::SessionOpened { .. }));
    pair.target(3)
}

/// The octets behind the head of an HTTP response.
fn behind_the_head(mut octets: Vec<u8>) -> Bytes {
    let head = octets.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    octets.split_off(head).into()
}

#[test]
fn what_could_never_wait_whole_goes_in_parts() {
    let mut pair = Pair::up(4, plain());
    let target = open(&mut pair);
    let mut expected = BytesMut::new();
    for message in ["a", &"b".repeat(50_000), "c", &"d".repeat(1001), "e"] {
        let message = Message::from(message.to_owned());
        message.encode(&mut expected);
        pair.submit(Command::Send { target, message });
    }
    // A pong does not come in the midst of a frame.
    pair.deliver(frame(3, "0x89", b"?"));
    let mut waiting = Waiting::default();
    for round in 0.. {
        pair.run_ms(1);
        waiting.take(&mut pair);
        if waiting.octets == 0 {
            break;
        }
        assert!(round < 1000);
        waiting.written(&mut pair, 3, 1 + round * 37 % 900);
    }
    let mut read = behind_the_head(waiting.read).to_vec();
    let pong = read.windows(3).position(|octets| octets == b"\x8A\x01?").expect("a pong");
    read.drain(pong..pong + 3);
    assert!(read == expected, "{} octets of {}", read.len(), expected.len());
}

#[test]
fn a_message_that_lost_a_part_ends_its_session() {
    let mut pair = Pair::up(6, plain());
    let target = open(&mut pair);
    let mut waiting = Waiting::default();
    let message = Message::from("x".repeat(5000));
    pair.submit(Command::Send { target, message });
    pair.submit(say(target, "behind it"));
    for _ in 0..2 {
        pair.run_ms(5);
        waiting.take(&mut pair);
        waiting.written(&mut pair, 3, usize::MAX);
    }
    pair.events();
    let stream = pair.reply_stream();
    pair.world.network.cut(stream);
    pair.run_ms(2000);
    let events = pair.events();
    let is_end =
        |event: &&Event| matches!(event, Event::SessionClosed { end: SessionEnd::Broken, .. });
    assert_eq!(events.iter().filter(is_end).count(), 1, "{events:?}");
    let lost: usize = events
        .iter()
        .map(|event| match event {
            Event::Undelivered { targets, reason: Loss::LinkLost } => targets.len(),
            _ => 0,
        })
        .sum();
    assert_eq!(lost, 2);
    let rest = pair.replies();
    assert!(rest.iter().all(|(conn_id, body)| *conn_id == 3 && body.is_empty()), "{rest:?}");
    assert!(!rest.is_empty(), "its connection is not ended");
}

/// With this link a part of a response is lost: that is reported once, and its connection ended.
#[track_caller]
fn loses_a_part(pair: &mut Pair, stream: StreamId, target: Target) {
    pair.world.network.cut(stream);
    pair.run_ms(2000);
    let lost = pair.events().into_iter().find(|e| matches!(e, Event::Undelivered { .. }));
    assert!(matches!(lost, Some(Event::Undelivered { targets, .. }) if targets == [target]));
    let rest = pair.replies();
    assert!(!rest.is_empty() && rest.iter().all(|(_, body)| body.is_empty()), "{rest:?}");
}

#[test]
fn a_response_that_lost_a_part_ends_its_connection() {
    let mut pair = Pair::up(7, plain());
    let target = http(&mut pair);
    pair.submit(reply(target, "x".repeat(5000)));
    pair.run_ms(5);
    assert_eq!(pair.replies().len(), 1);
    let stream = pair.reply_stream();
    loses_a_part(&mut pair, stream, target);
}

/// Who shuts down in the midst of a response leaves no browser waiting for the rest.
#[test]
fn the_end_comes_in_the_midst_of_a_message() {
    let mut pair = Pair::up(8, plain());
    let target = http(&mut pair);
    pair.submit(reply(target, "x".repeat(5000)));
    pair.run_ms(5);
    pair.submit(Command::Shutdown);
    let stopped = pair.until(|event| matches!(event, Event::Stopped { .. }));
    assert!(matches!(stopped, Event::Stopped { undelivered: 1, .. }), "{stopped:?}");
    assert!(pair.replies_soon().last().unwrap().1.is_empty());
}

#[test]
fn credits_lost_with_a_link_are_not_waited_for() {
    let mut pair = Pair::up(5, Config::default());
    let target = http(&mut pair);
    (0..20).for_each(|_| pair.submit(reply(target, "x".repeat(100))));
    pair.run_ms(10);
    let before = pair.replies().len();
    let stream = pair.reply_stream();
    pair.world.network.cut(stream);
    pair.run_ms(2000);
    assert_eq!((before, pair.replies().len()), (10, 1), "the rest went together");
}

/// All of it went, and not all of it has arrived: nobody can say the rest again.
#[test]
fn a_response_whose_last_part_is_lost_ends_its_connection() {
    let mut pair = Pair::up(9, plain());
    let target = http(&mut pair);
    pair.submit(reply(target, "x".repeat(1500)));
    pair.run_ms(5);
    assert_eq!(pair.replies().len(), 1);
    let stream = pair.reply_stream();
    pair.world.network.stall(stream, true);
    pair.deliver(credits(7, 1000));
    pair.run_ms(5);
    loses_a_part(&mut pair, stream, target);
}

#[test]
fn what_a_module_is_told_takes_no_octets_of_its_connection() {
    let mut pair = Pair::up(10, plain());
    let target = http(&mut pair);
    let (key, value) = ("sendfile".into(), "x".repeat(900).into());
    pair.submit(Command::Extended { target, key, value });
    pair.submit(reply(target, "y".repeat(1000)));
    pair.run_ms(5);
    let said = pair.said();
    assert!(matches!(&said[..], [(7, Said::ToModule(_)), (7, Said::Reply(_))]), "{said:?}");
    pair.submit(reply(target, "z"));
    pair.run_ms(50);
    assert!(pair.said().is_empty(), "the reply has taken all of them");
}

/// A WebSocket of which the server counts octets from now on; before, pings showed what it had read.
#[test]
fn nobody_is_pinged_in_the_midst_of_a_frame() {
    let mut pair = Pair::up(11, plain());
    let target = pair.open(3);
    for _ in 0..10 {
        pair.submit(say(target, "unproven"));
        pair.run_ms(1);
    }
    let headers = [&OF_THE_SERVER[..], &[("METHOD", "WEBSOCKET"), ("FLAGS", "0x81"), GRANTED]];
    pair.deliver(message_in(Dialect::Json, 3, "/", &headers.concat(), b"hello"));
    pair.run_ms(5);
    pair.replies();
    let message = Message::from("x".repeat(5000));
    let mut expected = BytesMut::new();
    message.encode(&mut expected);
    pair.submit(Command::Send { target, message });
    pair.run_ms(5);
    let mut read = Vec::new();
    let take = |pair: &mut Pair, read: &mut Vec<u8>| {
        let before = read.len();
        pair.replies().into_iter().for_each(|(_, body)| read.extend_from_slice(&body));
        read.len() - before
    };
    assert_eq!(take(&mut pair, &mut read), 1000);
    // All that is not known to be read is asked about when requests come by another link.
    let stream = pair.request_stream();
    pair.world.network.cut(stream);
    pair.run_secs(2);
    for _ in 0..20 {
        let octets = take(&mut pair, &mut read);
        pair.deliver(credits(3, octets));
        pair.run_ms(5);
    }
    assert!(read.starts_with(&expected), "{}", read.escape_ascii());
}
