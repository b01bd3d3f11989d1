//! Mongrel2 holds at most 16 replies for a browser, and drops it with all of them at the next. The
//! browsers here read at their own pace behind a queue of 16, and nobody is ever dropped.

use std::collections::{BTreeMap, VecDeque};
use std::ops::RangeInclusive;
use std::time::Duration;

use bytes::Bytes;
use mongrel2_transceiver::transceiver::{Command, Config, Event, Loss, Refused, SessionEnd};
use mongrel2_transceiver::websocket::{CloseCode, Message};

use crate::browser::{frame, get, notice, post};
use crate::pair::{Pair, reply, small};

/// How many messages a WebSocket gets before it has proved anything: thirteen deliveries, with the
/// answer to its handshake.
const AHEAD: usize = 12;

/// What Mongrel2 holds for browsers that read now and then.
#[derive(Default)]
struct Browsers {
    queues: BTreeMap<i64, VecDeque<Bytes>>,
    read: BTreeMap<i64, Vec<u8>>,
    ended: Vec<i64>,
    /// The most deliveries that ever waited.
    most: usize,
    deliveries: usize,
    pings: usize,
}

impl Browsers {
    /// Takes what the handler has said; each browser then reads so many deliveries, answering pings.
    fn read(&mut self, pair: &mut Pair, most: impl Fn(i64) -> usize) {
        for (conn_id, body) in pair.replies() {
            self.deliveries += 1;
            let queue = self.queues.entry(conn_id).or_default();
            queue.push_back(body);
            self.most = self.most.max(queue.len());
            assert!(queue.len() <= 16, "Mongrel2 would have dropped {conn_id}");
        }
        let mut pongs = Vec::new();
        for (&conn_id, queue) in &mut self.queues {
            for body in queue.drain(..most(conn_id).min(queue.len())) {
                if body.is_empty() {
                    self.ended.push(conn_id);
                }
                pongs.extend(
                    read_frames(&body, self.read.entry(conn_id).or_default())
                        .into_iter()
                        .map(|pong| (conn_id, pong)),
                );
            }
        }
        self.pings += pongs.len();
        for (conn_id, pong) in pongs {
            pair.deliver(frame(conn_id, "0x8A", &pong));
        }
    }

    fn text_of(&self, conn_id: i64) -> String {
        String::from_utf8(self.read.get(&conn_id).cloned().unwrap_or_default()).unwrap()
    }
}

/// Reads short frames: texts go behind `texts`, the payloads of pings come back. What is no frame is
/// text as it is.
fn read_frames(mut octets: &[u8], texts: &mut Vec<u8>) -> Vec<Vec<u8>> {
    let mut pings = Vec::new();
    while let [first @ (0x81 | 0x88 | 0x89), size @ 0..=125, rest @ ..] = octets {
        let (payload, behind) = rest.split_at(usize::from(*size));
        match first {
            0x89 => pings.push(payload.to_vec()),
            0x88 => texts.extend_from_slice(b"(close)"),
            _ => texts.extend_from_slice(payload),
        }
        octets = behind;
    }
    texts.extend_from_slice(octets);
    pings
}

fn open(pair: &mut Pair, conn_ids: RangeInclusive<i64>) {
    for conn_id in conn_ids {
        pair.open(conn_id);
    }
}

fn say(pair: &Pair, conn_id: i64, text: impl Into<String>) -> Command {
    let target = pair.target(conn_id);
    Command::Send { target, message: Message::Text(text.into().into()) }
}

fn numbers(count: usize) -> String {
    (0..count).map(|number| format!("{number},")).collect()
}

#[test]
fn ten_thousand_messages_in_a_loop_all_arrive_in_order() {
    let mut pair = Pair::up(1, Config::default());
    pair.open(3);
    for number in 0..10_000 {
        pair.submit(say(&pair, 3, format!("{number},")));
    }
    let mut browsers = Browsers::default();
    for _ in 0..1000 {
        pair.run_ms(1);
        browsers.read(&mut pair, |_| usize::MAX);
    }
    assert_eq!(browsers.text_of(3), numbers(10_000));
    // Together they take few deliveries, and few pings.
    assert!(browsers.deliveries < 100 && browsers.pings < 20, "{}", browsers.deliveries);
    assert!(pair.is_silent());
}

#[test]
fn a_slow_client_gets_all_of_it_while_others_are_served() {
    let mut pair = Pair::up(2, Config::default());
    open(&mut pair, 3..=5);
    let mut browsers = Browsers::default();
    for number in 0..300 {
        (3..=5).for_each(|conn_id| pair.submit(say(&pair, conn_id, format!("{number},"))));
        pair.run_ms(1);
        // Session 3 reads one delivery in 50 ms, session 4 none at all, session 5 everything.
        let slow = usize::from(number % 50 == 0);
        browsers.read(&mut pair, |conn_id| {
            [slow, 0, usize::MAX][usize::try_from(conn_id - 3).unwrap()]
        });
    }
    assert_eq!(browsers.text_of(5), numbers(300));
    for _ in 0..300 {
        pair.run_ms(10);
        browsers.read(&mut pair, |conn_id| usize::from(conn_id != 4));
    }
    assert_eq!(browsers.text_of(3), numbers(300));
    // The last places are for the end.
    assert_eq!(browsers.queues[&4].len(), AHEAD);
    assert!(pair.is_silent());
}

#[test]
fn too_much_for_one_client_is_refused_until_it_reads() {
    let mut pair = Pair::up(3, small(|config| config.limits.target_messages_max = 10));
    let (slow, _other) = (pair.open(3), pair.open(4));
    let mut refused = 0;
    let mut browsers = Browsers::default();
    for _ in 0..100 {
        match pair.world.submit(pair.handler, say(&pair, 3, "x")) {
            Ok(()) => {}
            Err(Refused::Slow) => refused += 1,
            Err(refused) => panic!("{refused}"),
        }
        pair.submit(say(&pair, 4, "y"));
        pair.run_ms(1);
        browsers.read(&mut pair, |conn_id| if conn_id == 3 { 0 } else { usize::MAX });
    }
    assert_eq!((refused, browsers.text_of(4)), (100 - AHEAD - 10, "y".repeat(100)));
    let events = pair.events();
    assert!(events.is_empty(), "{events:?}");
    (0..5).for_each(|_| {
        browsers.read(&mut pair, |_| usize::MAX);
        pair.run_ms(1);
    });
    assert_eq!(browsers.text_of(3), "x".repeat(AHEAD + 10));
    let room = |event: &Event| matches!(event, Event::TargetRoom { target } if *target == slow);
    assert!(pair.events().iter().any(room));
    pair.submit(say(&pair, 3, "z"));
}

#[test]
fn broadcasts_reach_the_others_though_one_reads_nothing() {
    let mut pair = Pair::up(4, small(|config| config.limits.target_messages_max = 20));
    open(&mut pair, 1..=200);
    let mut browsers = Browsers::default();
    let mut missed = 0;
    for number in 0..100 {
        let targets: Vec<_> = (1..=200).map(|conn_id| pair.target(conn_id)).collect();
        let message = Message::Text(format!("{number},").into());
        pair.submit(Command::Broadcast { to: targets.into(), except: None, message });
        pair.run_ms(2);
        browsers.read(&mut pair, |conn_id| if conn_id == 9 { 0 } else { usize::MAX });
        for event in pair.events() {
            let Event::Undelivered { targets, reason: Loss::Slow } = event else {
                panic!("{event:?}");
            };
            assert!(targets.iter().all(|target| target.conn_id.0 == 9));
            missed += targets.len();
        }
    }
    for conn_id in (1..=200).filter(|conn_id| *conn_id != 9) {
        assert_eq!(browsers.text_of(conn_id), numbers(100), "{conn_id}");
    }
    assert_eq!(browsers.queues[&9].len(), AHEAD);
    // One of its places was taken by a ping.
    assert_eq!(missed, 100 - (AHEAD - 1) - 20);
}

#[test]
fn a_burst_of_answers_to_one_http_connection_is_spread_and_joined() {
    let mut pair = Pair::up(5, Config::default());
    let target = pair.target(7);
    (0..1000).for_each(|number| pair.submit(reply(target, format!("{number},"))));
    pair.submit(Command::HangUp { target });
    let mut browsers = Browsers::default();
    for _ in 0..20 {
        pair.run_ms(5);
        browsers.read(&mut pair, |_| 1);
    }
    assert_eq!((browsers.text_of(7), &browsers.ended[..]), (numbers(1000), &[7][..]));
}

/// Time enough for an answer, and too short for all of them together to be a proof.
const SOON: Duration = Duration::from_micros(450);

/// Of twenty requests of one browser, answered the moment they are told, how many answers have come
/// before the next request, which comes so much later; and how many probes there were. Tells of the first
/// probes that there is no such connection.
fn answered_in_a_row(pause: Duration, mut probes_told: usize) -> (usize, usize) {
    let mut pair = Pair::up(6, Config::default());
    pair.world.script(pair.handler, |event| match event {
        Event::Request { target, request } => vec![reply(*target, request.body())],
        _ => Vec::new(),
    });
    let (mut answers, mut probes) = (0, 0);
    for number in 0..20 {
        pair.deliver(post(7, format!("{number},").as_bytes()));
        pair.world.run_for(pause);
        for (conn_id, body) in pair.replies() {
            if conn_id == 7 {
                answers += 1;
                continue;
            }
            assert!(conn_id > 1 << 30 && body.is_empty(), "{conn_id} is somebody else");
            probes += 1;
            if probes_told > 0 {
                probes_told -= 1;
                pair.deliver(notice(conn_id));
            }
        }
    }
    assert!(pair.events().iter().all(|event| matches!(event, Event::Request { .. })));
    (answers, probes)
}

/// A browser that asks again has read what it was sent: no wait for those who answer one by one.
#[test]
fn one_answer_to_each_question_never_waits() {
    assert_eq!(answered_in_a_row(Duration::from_millis(2), 0), (20, 0));
    // Where it comes as soon as that, Mongrel2 has to prove now and then that it has got so far.
    let (answers, probes) = answered_in_a_row(SOON, usize::MAX);
    assert_eq!(answers, 20);
    assert!((1..=5).contains(&probes), "{probes}");
}

/// Mongrel2 hands over all that it has read of one browser before it turns to anything else. However fast
/// the answers are, and whoever tells of the first probe, no more wait there than may.
#[test]
fn requests_sent_ahead_prove_nothing_though_each_comes_behind_an_answer() {
    assert_eq!(answered_in_a_row(SOON, 0), (8, 1));
    let (answers, _) = answered_in_a_row(SOON, 1);
    assert!((9..=16).contains(&answers), "{answers}");
}

#[test]
fn a_close_waits_for_its_turn_but_not_for_ever() {
    let mut pair = Pair::up(7, Config::default());
    open(&mut pair, 3..=4);
    for conn_id in 3..=4 {
        (0..100).for_each(|_| pair.submit(say(&pair, conn_id, "x")));
        let target = pair.target(conn_id);
        let (code, reason) = (CloseCode::NORMAL, "".into());
        pair.submit(Command::Close { target, code, reason });
    }
    let mut browsers = Browsers::default();
    for _ in 0..1500 {
        pair.run_ms(10);
        browsers.read(&mut pair, |conn_id| if conn_id == 3 { usize::MAX } else { 0 });
    }
    assert_eq!(browsers.text_of(3), "x".repeat(100) + "(close)");
    assert_eq!(browsers.queues[&4].back(), Some(&Bytes::new()), "its connection was ended");
    let events = pair.events();
    let ended = |event: &&Event| {
        matches!(event, Event::SessionClosed { end: SessionEnd::ByHandler { answered: false }, .. })
    };
    assert_eq!(events.iter().filter(ended).count(), 2);
    let lost: usize = events
        .iter()
        .map(|event| match event {
            Event::Undelivered { targets, reason: Loss::Slow } => targets.len(),
            _ => 0,
        })
        .sum();
    assert_eq!(lost, 100 - AHEAD);
}

#[test]
fn what_waits_for_a_client_that_leaves_is_reported() {
    let mut pair = Pair::up(8, Config::default());
    let target = pair.open(3);
    (0..50).for_each(|_| pair.submit(say(&pair, 3, "x")));
    pair.run_ms(10);
    pair.deliver(notice(3));
    let lost = pair.until(|event| matches!(event, Event::Undelivered { .. }));
    let Event::Undelivered { targets, reason } = lost else { unreachable!() };
    assert_eq!((targets, reason), (vec![target; 50 - AHEAD], Loss::Disconnected));
}

/// The ping is lost with the link, but the life goes on: it is asked anew.
#[test]
fn a_lost_ping_is_sent_again() {
    let mut pair = Pair::up(9, Config::default());
    pair.open(3);
    pair.run_ms(1);
    (0..50).for_each(|number| pair.submit(say(&pair, 3, format!("{number},"))));
    pair.run_ms(10);
    let _lost_in_mongrel2 = pair.replies();
    let stream = pair.reply_stream();
    pair.world.network.cut(stream);
    pair.run_ms(2000);
    let mut browsers = Browsers::default();
    for _ in 0..10 {
        browsers.read(&mut pair, |_| usize::MAX);
        pair.run_ms(10);
    }
    assert!(browsers.text_of(3).ends_with("48,49,"), "{}", browsers.text_of(3));
}

#[test]
fn a_farewell_lets_clients_read_what_waits() {
    let mut pair = Pair::up(10, Config::default());
    pair.open(3);
    (0..200).for_each(|number| pair.submit(say(&pair, 3, format!("{number},"))));
    pair.submit(Command::Shutdown);
    let mut browsers = Browsers::default();
    for _ in 0..200 {
        pair.run_ms(1);
        browsers.read(&mut pair, |_| usize::MAX);
    }
    assert_eq!(browsers.text_of(3), numbers(200) + "(close)");
}

#[test]
fn pongs_of_other_pings_prove_nothing() {
    let mut pair = Pair::up(11, Config::default());
    pair.open(3);
    (0..50).for_each(|_| pair.submit(say(&pair, 3, "x")));
    pair.run_ms(10);
    let before = pair.replies().len();
    for payload in [&b""[..], b"\0", b"\xff", b"\0\0\0\0", b"\0\0\0\x01", b"\x02\x02"] {
        pair.deliver(frame(3, "0x8A", payload));
    }
    pair.deliver(get(4));
    pair.run_ms(100);
    assert_eq!((before, pair.replies().len()), (AHEAD, 0));
}
