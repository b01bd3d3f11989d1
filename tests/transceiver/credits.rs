//! A server with `download.flow_control` counts octets, not replies: it says how many may wait for a
//! connection, and how many it has written.

use bytes::Bytes;
use mongrel2_transceiver::transceiver::{Command, Config, Event, Loss, Refused};
use mongrel2_transceiver::websocket::Message;

use crate::browser::{credits, get_with, handshake_with};
use crate::pair::{Pair, reply};

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

fn http(pair: &mut Pair) -> mongrel2_transceiver::transceiver::Target {
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
    let head = waiting.read.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    assert_eq!(Bytes::from(waiting.read.split_off(head)), b"\x81\x05hello".repeat(100));
}

#[test]
fn what_could_never_wait_is_refused() {
    let mut pair = Pair::up(4, Config::default());
    let target = http(&mut pair);
    assert_eq!(pair.refused(reply(target, vec![b'x'; 1001])), Refused::TooLarge);
    pair.deliver(handshake_with(3, &[GRANTED]));
    pair.until(|event| matches!(event, Event::SessionOpened { .. }));
    let session = pair.target(3);
    let message = Message::Text("x".repeat(1000).into());
    let send = Command::Send { target: session, message: message.clone() };
    assert_eq!(pair.refused(send), Refused::TooLarge);
    pair.submit(Command::Broadcast { targets: vec![session], message });
    let lost = pair.until(|event| matches!(event, Event::Undelivered { .. }));
    let Event::Undelivered { targets, reason } = lost else { unreachable!() };
    assert_eq!((targets, reason), (vec![session], Loss::Slow));
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
