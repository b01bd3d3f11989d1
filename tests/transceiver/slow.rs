//! What slow browsers, hostile ones and lost links may do to what waits for them.

use std::time::Duration;

use bytes::Bytes;
use mongrel2_transceiver::transceiver::{Command, Config, Event, Refused, Target};
use mongrel2_transceiver::websocket::{CloseCode, Message};

use crate::browser::{frame, get, handshake, json, text};
use crate::pair::{Pair, plain, reply, say, small};
use crate::readers::Readers;

fn tell(pair: &mut Pair, target: Target, number: usize, size: usize) {
    let text = format!("{number},{}", "x".repeat(size));
    pair.submit(Command::Send { target, message: Message::Text(text.into()) });
}

fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|number| number.to_string()).collect()
}

/// Messages that are too large to be put together, or to be copied for a ping.
#[test]
fn large_messages_are_paced_too() {
    let mut pair = Pair::up(1, plain());
    let target = pair.open(3);
    let mut readers = Readers::default();
    (0..60).for_each(|number| tell(&mut pair, target, number, 40 << 10));
    for _ in 0..100 {
        pair.run_ms(5);
        readers.read_all(&mut pair);
    }
    assert_eq!(readers.texts(3), numbers(60));
}

#[test]
fn a_hang_up_lets_the_client_read_what_was_said_before() {
    let mut pair = Pair::up(2, plain());
    let target = pair.open(3);
    let mut readers = Readers::default();
    (0..100).for_each(|number| tell(&mut pair, target, number, 0));
    pair.submit(Command::HangUp { target });
    for _ in 0..100 {
        pair.run_ms(5);
        readers.read_all(&mut pair);
    }
    assert_eq!(readers.texts(3), numbers(100));
    assert!(readers.of[&3].is_ended);
}

#[test]
fn a_client_that_closes_gets_what_the_application_says_before_it_knows() {
    let mut pair = Pair::up(3, plain());
    let target = pair.open(3);
    let mut readers = Readers::default();
    (0..100).for_each(|number| tell(&mut pair, target, number, 0));
    pair.run_ms(5);
    pair.deliver(frame(3, "0x88", b"\x03\xE8"));
    for _ in 0..100 {
        pair.run_ms(5);
        readers.read_all(&mut pair);
    }
    assert!(readers.texts(3).starts_with(&numbers(100)), "{:?}", readers.texts(3).len());
    assert!(readers.of[&3].is_ended);
}

/// All places are taken, and nothing waits, while the proof is lost.
#[test]
fn a_proof_lost_with_the_reply_link_is_asked_for_anew_though_nothing_waited() {
    let mut pair = Pair::up(4, plain());
    let target = pair.open(3);
    let mut readers = Readers::default();
    (0..12).for_each(|number| {
        tell(&mut pair, target, number, 0);
        pair.run_ms(1);
    });
    let _lost_in_mongrel2 = pair.replies();
    let stream = pair.reply_stream();
    pair.world.network.cut(stream);
    pair.run_ms(2000);
    (12..20).for_each(|number| tell(&mut pair, target, number, 0));
    for _ in 0..100 {
        pair.run_ms(5);
        readers.read_all(&mut pair);
    }
    assert_eq!(readers.texts(3).last().map(String::as_str), Some("19"));
}

#[test]
fn a_proof_lost_with_the_request_link_is_asked_for_anew() {
    let mut pair = Pair::up(5, plain());
    let target = pair.open(3);
    let mut readers = Readers::default();
    (0..50).for_each(|number| tell(&mut pair, target, number, 0));
    pair.run_ms(5);
    readers.take(&mut pair);
    let stream = pair.request_stream();
    // The pong is on its way when the link is cut.
    let waiting = readers.waiting(3);
    readers.read(&mut pair, 3, waiting);
    pair.world.network.cut(stream);
    for _ in 0..1000 {
        pair.run_ms(5);
        readers.read_all(&mut pair);
    }
    assert_eq!(readers.texts(3), numbers(50));
}

#[test]
fn a_link_that_is_lost_again_and_again_asks_for_no_more_than_there_are_places() {
    let mut pair = Pair::up(6, plain());
    let target = pair.open(3);
    let mut readers = Readers::default();
    (0..50).for_each(|number| tell(&mut pair, target, number, 0));
    pair.run_ms(5);
    for _ in 0..8 {
        let stream = pair.reply_stream();
        pair.world.network.cut(stream);
        pair.run_ms(3000);
        readers.take(&mut pair);
    }
    for _ in 0..100 {
        pair.run_ms(5);
        readers.read_all(&mut pair);
    }
    assert_eq!(readers.texts(3).last().map(String::as_str), Some("49"));
}

/// Who speaks JSON or XML over a bare socket does not wait for answers.
#[test]
fn what_comes_by_a_socket_proves_nothing() {
    let mut pair = Pair::up(11, plain());
    let target = pair.target(3);
    let mut readers = Readers::default();
    for part in 0..3 {
        pair.deliver(json(3));
        pair.until(|event| matches!(event, Event::Request { .. }));
        (0..10).for_each(|number| pair.submit(reply(target, format!("{},", part * 10 + number))));
    }
    for _ in 0..100 {
        pair.run_ms(5);
        readers.read_all(&mut pair);
    }
    assert_eq!(readers.texts(3), numbers(30));
}

/// One that reads nothing must not use up the room of all.
#[test]
fn one_who_reads_nothing_leaves_room_for_others() {
    let mut pair = Pair::up(7, plain());
    let (slow, other) = (pair.open(3), pair.open(4));
    let mut sent = 0;
    loop {
        match pair.world.submit(pair.handler, say(slow, "x")) {
            Ok(()) => sent += 1,
            Err(Refused::Slow) => break,
            Err(Refused::Full) => panic!("full after {sent}"),
            Err(refused) => panic!("{refused}"),
        }
        if sent % 1000 == 0 {
            pair.run_ms(1);
        }
    }
    pair.submit(say(other, "y"));
    pair.run_ms(5);
    assert!(pair.replies().iter().any(|(conn_id, _)| *conn_id == 4));
}

/// It pings without end, reads nothing, and answers none of our pings.
#[test]
fn a_flood_of_pings_of_one_client_stops_nobody() {
    let mut pair = Pair::up(8, plain());
    pair.open(3);
    pair.open(4);
    for _ in 0..70 {
        (0..1000).for_each(|_| pair.deliver(frame(3, "0x89", b"?")));
        pair.run_ms(1);
    }
    pair.run_ms(100);
    pair.replies();
    pair.deliver(text(4, "hello"));
    pair.run_ms(1000);
    let is_heard = |event: &Event| matches!(event, Event::SessionMessage { .. });
    assert!(pair.events().iter().any(is_heard));
}

#[test]
fn an_end_that_is_forgotten_early_is_the_17th_of_nobody() {
    let config = small(|config| config.ping_interval = Some(Duration::from_millis(640)));
    let mut pair = Pair::up(9, config);
    let target = pair.open(3);
    let mut readers = Readers::default();
    (0..60).for_each(|number| tell(&mut pair, target, number, 40 << 10));
    pair.submit(Command::HangUp { target });
    for _ in 0..100 {
        pair.run_ms(100);
        readers.take(&mut pair);
    }
    readers.read_all(&mut pair);
    assert!(readers.of[&3].is_ended);
}

#[test]
fn a_handshake_on_an_id_that_is_in_use_starts_anew() {
    let mut pair = Pair::up(10, plain());
    let target = pair.open(3);
    (0..60).for_each(|number| tell(&mut pair, target, number, 0));
    pair.run_ms(5);
    pair.submit(Command::HangUp { target });
    pair.replies_soon();
    pair.deliver(handshake(3, "13"));
    pair.until(|event| matches!(event, Event::SessionOpened { .. }));
    let replies = pair.replies_soon();
    assert!(replies.iter().any(|(_, body)| body.starts_with(b"HTTP/1.1 101 ")), "{replies:?}");
}

/// What is held back for the time to pass must not be given up as what a dead WebSocket never reads, with
/// the answer to the handshake behind it.
#[test]
fn a_handshake_behind_answers_that_wait_is_answered_in_its_turn() {
    let mut pair = Pair::up(14, plain());
    pair.deliver(get(3));
    pair.until(|event| matches!(event, Event::Request { .. }));
    let target = pair.target(3);
    (0..30).for_each(|number| pair.submit(reply(target, format!("{number},"))));
    pair.run_ms(1);
    pair.deliver(handshake(3, "13"));
    pair.until(|event| matches!(event, Event::SessionOpened { .. }));
    pair.submit(say(target, "x"));
    pair.run_secs(1);
    assert!(pair.is_silent(), "nothing is lost");
    let bodies: Vec<_> = pair.replies().into_iter().flat_map(|(_, body)| body).collect();
    let bodies = String::from_utf8_lossy(&bodies).into_owned();
    let answers: String = (0..30).map(|number| format!("{number},")).collect();
    assert!(bodies.starts_with(&(answers + "HTTP/1.1 101 ")), "{bodies}");
    assert!(bodies.ends_with("\u{1}x"), "{bodies}");
}

/// Nobody is asked because somebody else is to be.
#[test]
fn a_broadcast_asks_only_those_who_have_to_prove_something() {
    let mut pair = Pair::up(12, plain());
    let targets = vec![pair.open(3), pair.open(4)];
    let mut readers = Readers::default();
    for _ in 0..6 {
        pair.submit(say(targets[0], "x"));
        pair.run_ms(1);
    }
    pair.submit(Command::Broadcast {
        to: targets.into(),
        except: None,
        message: Message::Text("all".into()),
    });
    pair.run_ms(5);
    readers.read_all(&mut pair);
    assert_eq!((readers.of[&3].pongs.len(), readers.of[&4].pongs.len()), (1, 0));
}

/// Mongrel2 holds as many replies for one as it was named: above 16 it would drop it with all of them.
#[test]
fn one_that_is_named_often_gets_it_as_often_and_no_faster_than_it_reads() {
    let mut pair = Pair::up(13, plain());
    let (often, once) = (pair.open(3), pair.open(4));
    let mut readers = Readers::default();
    let to = [vec![often; 20], vec![once], vec![often; 20]].concat();
    let message = Message::Text("x".into());
    pair.submit(Command::Broadcast { to: to.into(), except: None, message });
    for _ in 0..100 {
        pair.run_ms(5);
        readers.read_all(&mut pair);
    }
    assert_eq!((readers.texts(3).len(), readers.texts(4).len()), (40, 1));
}

/// Mongrel2 encodes each reply to a JSON socket by itself: two together would be another text.
#[test]
fn replies_to_a_json_socket_stay_apart() {
    let mut pair = Pair::up(31, plain());
    pair.deliver(json(7));
    pair.until(|event| matches!(event, Event::Request { .. }));
    let target = pair.target(7);
    (0..40).for_each(|number| pair.submit(reply(target, format!("{number}"))));
    pair.run_secs(2);
    let bodies: Vec<_> = pair.replies().into_iter().map(|(_, body)| body).collect();
    let expected: Vec<_> = (0..40).map(|number| Bytes::from(number.to_string())).collect();
    assert_eq!(bodies, expected);
}

/// Requests that were sent ahead of the answers prove nothing: only the time does.
#[test]
fn a_browser_that_asks_ahead_has_not_read_what_it_was_answered() {
    let mut pair = Pair::up(32, plain());
    let target = pair.target(7);
    (0..10).for_each(|_| pair.deliver(get(7)));
    for _ in 0..30 {
        pair.submit(reply(target, "answer"));
        pair.deliver(get(7));
        pair.run_ms(1);
    }
    // Eight, and one for each ten milliseconds; the others wait.
    let replies = pair.replies().len();
    assert!((8..=12).contains(&replies), "{replies}");
}

/// Each round asks anew whether it reads; its end is no 17th reply, which Mongrel2 would lose.
#[test]
fn the_end_of_a_browser_that_reads_nothing_finds_a_place() {
    let asks_often = |config: &mut Config| {
        config.ping_interval = Some(Duration::from_secs(5));
        config.pong_timeout = Some(Duration::from_secs(300));
    };
    for change in [asks_often, |config: &mut Config| config.ping_interval = None] {
        let mut pair = Pair::up(7, small(change));
        // The answer to its handshake waits there as well.
        pair.deliver(handshake(3, "13"));
        pair.until(|event| matches!(event, Event::SessionOpened { .. }));
        let target = pair.target(3);
        let mut readers = Readers::default();
        (0..14).for_each(|number| {
            tell(&mut pair, target, number, 0);
            pair.run_ms(1);
        });
        for _ in 0..800 {
            pair.run_ms(500);
            // Panics where Mongrel2 would have dropped it.
            readers.take(&mut pair);
        }
        let is_end = |event: &Event| matches!(event, Event::SessionClosed { .. });
        assert!(pair.events().iter().any(is_end));
        assert!(readers.of[&3].queue.back().is_some_and(Bytes::is_empty), "it is never ended");
    }
}

#[test]
fn nobody_is_told_of_room_for_a_session_that_is_over() {
    let mut pair = Pair::up(8, small(|config| config.limits.target_messages_max = 2));
    let target = pair.open(3);
    let mut readers = Readers::default();
    (0..14).for_each(|number| {
        tell(&mut pair, target, number, 0);
        pair.run_ms(1);
    });
    while pair.world.submit(pair.handler, say(target, "more")).is_ok() {
        pair.run_ms(1);
    }
    let close = Command::Close { target, code: CloseCode::NORMAL, reason: "".into() };
    pair.submit(close);
    pair.run_secs(6);
    readers.read_all(&mut pair);
    pair.run_secs(1);
    let events = pair.events();
    assert!(events.iter().any(|event| matches!(event, Event::SessionClosed { .. })));
    assert!(!events.iter().any(|event| matches!(event, Event::TargetRoom { .. })), "{events:?}");
}
