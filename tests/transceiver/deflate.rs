//! Compressed WebSockets: what is agreed, messages both ways, and what lost links and slow clients do to
//! those that refer to earlier ones.

use bytes::{Bytes, BytesMut};
use mongrel2_transceiver::mongrel2::{Dialect, Kind, Request, http::Response};
use mongrel2_transceiver::transceiver::{
    Accept, Command, Config, Deflate, Event, Opening, SessionEnd, Slow, Target,
};
use mongrel2_transceiver::websocket::deflate::{self, Deflater, History, Inflater};
use mongrel2_transceiver::websocket::{Flags, FrameError, Incoming, InflateError, Message, Opcode};
use mongrel2_transceiver_memory::Dice;

use crate::browser::{SENDER, credits, frame, handshake_with, message_in};
use crate::pair::{Pair, small};

const LONG: &str =
    "a text that is long enough, and says enough the same, long enough, the same, again";

fn config(contexts_max: usize) -> Config {
    small(|config| {
        let mut deflate = Deflate::default();
        deflate.contexts_max = contexts_max;
        config.deflate = Some(deflate);
    })
}

/// A browser that compresses.
struct Browser {
    conn_id: i64,
    target: Target,
    deflater: Deflater,
    inflater: Inflater,
    history: Option<History>,
    /// What the answer to its handshake says.
    agreed: Option<String>,
    read: Vec<Message>,
    /// How many of those were compressed, and how many octets all took.
    compressed: usize,
    octets: usize,
    pings: Vec<Bytes>,
}

impl Browser {
    fn open(pair: &mut Pair, conn_id: i64, offer: Option<&str>) -> Self {
        let offer = offer.map(|offer| ("sec-websocket-extensions", offer));
        Self::open_with(pair, conn_id, &offer.into_iter().collect::<Vec<_>>())
    }

    /// With these headers in its handshake.
    fn open_with(pair: &mut Pair, conn_id: i64, headers: &[(&str, &str)]) -> Self {
        pair.deliver(handshake_with(conn_id, headers));
        pair.until(|event| matches!(event, Event::SessionOpened { .. }));
        let replies = pair.replies_soon();
        let head = String::from_utf8(replies[0].1.to_vec()).unwrap();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        let agreed = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Extensions: "));
        let agreed = agreed.map(str::to_owned);
        let has = |what: &str| agreed.as_ref().is_some_and(|agreed| !agreed.contains(what));
        let deflater = Deflater::new(6);
        let refers = has("client_no_context_takeover");
        Self {
            conn_id,
            target: pair.target(conn_id),
            deflater: if refers { deflater.takeover() } else { deflater },
            inflater: Inflater::new(),
            history: has("server_no_context_takeover").then(|| History::new(15)),
            agreed,
            read: Vec::new(),
            compressed: 0,
            octets: 0,
            pings: Vec::new(),
        }
    }

    /// A text, compressed.
    fn say(&mut self, pair: &mut Pair, text: &str) {
        let payload = self.deflater.deflate(text.as_bytes()).expect("it becomes shorter");
        pair.deliver(frame(self.conn_id, "0xC1", &payload));
        pair.run_ms(2);
    }

    /// Reads these octets of the handler.
    fn hear(&mut self, octets: &Bytes) {
        let mut rest = octets.clone();
        self.octets += rest.len();
        while !rest.is_empty() {
            let (flags, payload) = split_frame(&mut rest);
            self.compressed += usize::from(flags.rsv() == 4);
            let history = self.history.as_mut();
            match deflate::read(flags, payload, 1 << 20, &mut self.inflater, history).unwrap() {
                Incoming::Message(message) => self.read.push(message),
                Incoming::Ping(payload) => self.pings.push(payload),
                Incoming::Pong(_) | Incoming::Close(_) => {}
            }
        }
    }

    /// Reads all that has come for it, answering pings.
    fn hear_all(&mut self, pair: &mut Pair) {
        for (conn_id, body) in pair.replies() {
            if conn_id == self.conn_id && !body.is_empty() {
                self.hear(&body);
            }
        }
        for ping in self.pings.drain(..) {
            pair.deliver(frame(self.conn_id, "0x8A", &ping));
        }
    }
}

fn split_frame(octets: &mut Bytes) -> (Flags, Bytes) {
    let (len, head) = match octets[1] {
        126 => (usize::from(u16::from_be_bytes([octets[2], octets[3]])), 4),
        127 => {
            (usize::try_from(u64::from_be_bytes(octets[2..10].try_into().unwrap())).unwrap(), 10)
        }
        short => (usize::from(short), 2),
    };
    let frame = octets.split_to(head + len);
    (Flags::from(frame[0]), frame.slice(head..))
}

fn send(pair: &mut Pair, target: Target, text: &str) {
    let message = Message::from(text.to_owned());
    pair.submit(Command::Send { target, message });
}

fn last_message(pair: &mut Pair) -> Option<Message> {
    pair.events().into_iter().rev().find_map(|event| match event {
        Event::SessionMessage { message, .. } => Some(message),
        _ => None,
    })
}

fn end_of(pair: &mut Pair) -> Option<SessionEnd> {
    pair.events().into_iter().find_map(|event| match event {
        Event::SessionClosed { end, .. } => Some(end),
        _ => None,
    })
}

#[test]
fn messages_are_compressed_both_ways_where_both_want_it() {
    for (contexts_max, offer, agreed) in [
        (
            0,
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
        ),
        (1, "permessage-deflate", "permessage-deflate"),
        (
            1,
            "permessage-deflate; server_max_window_bits=9",
            "permessage-deflate; server_no_context_takeover; server_max_window_bits=9",
        ),
    ] {
        let mut pair = Pair::up(1, config(contexts_max));
        let mut browser = Browser::open(&mut pair, 3, Some(offer));
        assert_eq!(browser.agreed.as_deref(), Some(agreed));
        for round in 0..5 {
            let text = format!("{LONG} {round}");
            browser.say(&mut pair, &text);
            assert_eq!(last_message(&mut pair), Some(Message::from(text.clone())));
            send(&mut pair, browser.target, &text);
            pair.run_ms(5);
            browser.hear_all(&mut pair);
            assert_eq!(browser.read.last(), Some(&Message::from(text)));
        }
        assert_eq!(browser.compressed, 5);
        assert!(browser.octets < 5 * LONG.len());
    }
}

#[test]
fn where_nobody_asks_for_it_nothing_is_compressed() {
    let mut pair = Pair::up(2, config(10));
    let mut browser = Browser::open(&mut pair, 3, None);
    assert_eq!(browser.agreed, None);
    send(&mut pair, browser.target, LONG);
    pair.run_ms(5);
    browser.hear_all(&mut pair);
    assert_eq!((browser.compressed, browser.read.len()), (0, 1));
    // RSV1 has no meaning there (RFC 6455 5.2).
    pair.deliver(frame(3, "0xC1", b"x"));
    pair.run_ms(5);
    let end = end_of(&mut pair).unwrap();
    assert_eq!(end, SessionEnd::Violation(FrameError::ReservedBits { rsv: 4 }));
}

#[test]
fn with_no_contexts_left_others_are_compressed_without() {
    let mut pair = Pair::up(3, config(1));
    let first = Browser::open(&mut pair, 3, Some("permessage-deflate"));
    let second = Browser::open(&mut pair, 4, Some("permessage-deflate"));
    assert!(!first.agreed.unwrap().contains("takeover"));
    assert!(second.agreed.unwrap().contains("server_no_context_takeover"));
    // Its context is free again once its connection has ended.
    pair.submit(Command::HangUp { target: first.target });
    pair.run_ms(5);
    assert_eq!((pair.events().len(), pair.replies().len()), (1, 1));
    let third = Browser::open(&mut pair, 5, Some("permessage-deflate"));
    assert!(!third.agreed.unwrap().contains("takeover"));
}

#[test]
fn a_broadcast_is_understood_by_all() {
    let mut pair = Pair::up(4, config(1));
    let mut browsers = [
        Browser::open(&mut pair, 3, Some("permessage-deflate")),
        Browser::open(&mut pair, 4, Some("permessage-deflate")),
        Browser::open(&mut pair, 5, Some("permessage-deflate")),
        Browser::open(&mut pair, 6, None),
    ];
    for round in 0..4 {
        let targets: Vec<_> = browsers.iter().map(|browser| browser.target).collect();
        let message = Message::from(format!("{LONG} {round}"));
        pair.submit(Command::Broadcast { to: targets.into(), except: None, message });
    }
    pair.run_ms(5);
    let replies = pair.replies();
    for browser in &mut browsers {
        for (conn_id, body) in &replies {
            if *conn_id == browser.conn_id {
                browser.hear(body);
            }
        }
        let expected: Vec<_> = (0..4).map(|n| Message::from(format!("{LONG} {n}"))).collect();
        assert_eq!(browser.read, expected, "{}", browser.conn_id);
    }
    assert_eq!(browsers.map(|browser| browser.compressed), [4, 4, 4, 0]);
}

/// What was left out was never compressed, so nothing refers to it.
#[test]
fn messages_that_are_left_out_are_not_referred_to() {
    let mut config = config(1);
    config.slow = Slow::DropOldest;
    config.limits.target_messages_max = 5;
    let mut pair = Pair::up(5, config);
    let mut browser = Browser::open(&mut pair, 3, Some("permessage-deflate"));
    for number in 0..100 {
        send(&mut pair, browser.target, &format!("{number} {LONG} {}", number * 7919));
        pair.run_ms(1);
    }
    for _ in 0..20 {
        browser.hear_all(&mut pair);
        pair.run_ms(5);
    }
    let last = Message::from(format!("99 {LONG} {}", 99 * 7919));
    assert_eq!(browser.read.last(), Some(&last));
    assert!(browser.read.len() < 100 && browser.compressed == browser.read.len());
}

#[test]
fn messages_that_were_lost_with_a_link_are_not_referred_to() {
    let mut pair = Pair::up(6, config(1));
    let mut browser = Browser::open(&mut pair, 3, Some("permessage-deflate"));
    for round in 0..5 {
        send(&mut pair, browser.target, &format!("{LONG} {round}"));
        pair.run_ms(5);
        browser.hear_all(&mut pair);
        // This one is on its way when the link ends.
        send(&mut pair, browser.target, &format!("lost: {LONG} {round}"));
        let stream = pair.reply_stream();
        pair.world.network.cut(stream);
        pair.run_ms(3000);
        // If it did arrive it is read.
        browser.hear_all(&mut pair);
    }
    send(&mut pair, browser.target, &format!("last: {LONG}"));
    pair.run_ms(5);
    browser.hear_all(&mut pair);
    assert_eq!(browser.read.last(), Some(&Message::from(format!("last: {LONG}"))));
}

#[test]
fn a_client_that_may_refer_to_what_was_lost_is_asked_to_come_anew() {
    let mut pair = Pair::up(7, config(1));
    let mut refers = Browser::open(&mut pair, 3, Some("permessage-deflate"));
    let mut alone = Browser::open(&mut pair, 4, Some("permessage-deflate"));
    for browser in [&mut refers, &mut alone] {
        browser.say(&mut pair, LONG);
        assert_eq!(last_message(&mut pair), Some(Message::from(LONG)));
    }
    let stream = pair.request_stream();
    pair.world.network.cut(stream);
    pair.run_ms(3000);
    pair.events();
    alone.say(&mut pair, LONG);
    assert_eq!(last_message(&mut pair), Some(Message::from(LONG)));
    // What refers to nothing is still understood.
    pair.deliver(frame(3, "0x81", b"as it is"));
    pair.run_ms(2);
    assert_eq!(last_message(&mut pair), Some(Message::from("as it is")));
    refers.say(&mut pair, LONG);
    let lost = FrameError::Inflate(InflateError::HistoryLost);
    assert_eq!(end_of(&mut pair), Some(SessionEnd::Violation(lost)));
    let replies = pair.replies_soon();
    assert!(replies.contains(&(3, Bytes::from_static(b"\x88\x02\x03\xF4"))), "{replies:?}");
}

#[test]
fn a_bomb_goes_off_at_the_limit_and_nonsense_is_none() {
    let bomb = Deflater::new(9).deflate(&vec![0; 8 << 20]).unwrap();
    for (payload, code) in [(&bomb[..], 1009_u16), (b"\xFF\xFF\xFF", 1007)] {
        let mut pair = Pair::up(8, config(1));
        let browser = Browser::open(&mut pair, 3, Some("permessage-deflate"));
        pair.deliver(frame(3, "0xC2", payload));
        let replies = pair.replies_soon();
        let close = [&b"\x88\x02"[..], &code.to_be_bytes()].concat();
        assert_eq!(replies[0], (3, Bytes::from(close)));
        assert!(matches!(end_of(&mut pair), Some(SessionEnd::Violation(_))), "{}", browser.target);
    }
    // Text is judged once it is inflated.
    let mut pair = Pair::up(8, config(1));
    let _browser = Browser::open(&mut pair, 3, Some("permessage-deflate"));
    pair.deliver(frame(3, "0xC1", &Deflater::new(9).deflate(&[0xFF; 100]).unwrap()));
    let replies = pair.replies_soon();
    assert_eq!(&replies[0].1[..], b"\x88\x02\x03\xEF");
}

/// What a client may refer to stands before its message, where a size is added to that.
#[test]
fn without_a_limit_of_size_messages_refer_to_earlier_ones_too() {
    let mut config = config(1);
    config.limits.websocket_size_max = usize::MAX;
    let mut pair = Pair::up(13, config);
    let mut browser = Browser::open(&mut pair, 3, Some("permessage-deflate"));
    for round in 0..3 {
        let text = format!("{LONG} {round}");
        browser.say(&mut pair, &text);
        assert_eq!(last_message(&mut pair), Some(Message::from(text)));
    }
}

/// A message of a client that offers compression, as the server hands it over.
fn offering(dialect: Dialect, flags: &str, payload: &[u8]) -> Bytes {
    let headers = [
        ("METHOD", "WEBSOCKET"),
        ("FLAGS", flags),
        ("PATH", "/"),
        ("VERSION", "HTTP/1.1"),
        ("URI", "/"),
        ("PATTERN", "/"),
        ("URL_SCHEME", "http"),
        ("REMOTE_ADDR", "127.0.0.1"),
        ("sec-websocket-extensions", "permessage-deflate; client_max_window_bits"),
    ];
    let raw = message_in(dialect, 3, "/", &headers, payload);
    assert!(raw.starts_with(SENDER.as_bytes()));
    raw
}

/// Another handler has taken its handshake. Its messages carry the headers of that.
#[test]
fn an_adopted_session_is_understood_where_its_messages_stand_alone() {
    let payload = Deflater::new(6).deflate(LONG.as_bytes()).unwrap();
    let raw = offering(Dialect::Json, "0xC1", &payload);
    let mut pair = Pair::up(9, config(0));
    pair.deliver(raw.clone());
    pair.run_ms(5);
    assert_eq!(last_message(&mut pair), Some(Message::from(LONG)));
    // It gets its answers compressed, as it expects.
    let target = pair.target(3);
    send(&mut pair, target, LONG);
    let replies = pair.replies_soon();
    assert_eq!(replies[0].1[0], 0xC1);
    // Where they may refer to what did not come here, it is asked to come anew; what it is sent is plain.
    let mut pair = Pair::up(9, config(1));
    pair.deliver(raw);
    pair.run_ms(5);
    let lost = FrameError::Inflate(InflateError::HistoryLost);
    assert_eq!(end_of(&mut pair), Some(SessionEnd::Violation(lost)));
}

/// It offered compression to a handler that knew of none: nothing was agreed with it, and it would fail
/// the connection.
#[test]
fn an_adopted_session_that_has_compressed_nothing_gets_nothing_compressed() {
    for contexts_max in [0, 1] {
        let mut pair = Pair::up(9, config(contexts_max));
        pair.deliver(offering(Dialect::Json, "0x81", b"as it is"));
        pair.run_ms(5);
        assert_eq!(last_message(&mut pair), Some(Message::from("as it is")));
        let target = pair.target(3);
        send(&mut pair, target, LONG);
        let message = Message::from(LONG);
        pair.submit(Command::Broadcast { to: vec![target].into(), except: None, message });
        let replies = pair.replies_soon();
        assert_eq!(replies.len(), 2);
        for (_, body) in replies {
            assert_eq!((body[0], &body[2..]), (0x81, LONG.as_bytes()));
        }
        // Others are served as ever.
        let mut browser = Browser::open(&mut pair, 4, Some("permessage-deflate"));
        send(&mut pair, browser.target, LONG);
        pair.run_ms(5);
        browser.hear_all(&mut pair);
        assert_eq!((browser.compressed, browser.history.is_some()), (1, contexts_max == 1));
    }
}

/// So whoever passes it on passes on what anybody can read; and it counts among the events that wait as
/// what it is, however small it came.
#[test]
fn a_message_has_the_octets_that_it_would_have_come_in() {
    let payload = Deflater::new(9).deflate(&[b'x'; 500_000]).unwrap();
    for dialect in [Dialect::Json, Dialect::Tnetstring] {
        let mut pair = Pair::up(11, config(0));
        pair.deliver(offering(dialect, "0xC1", &payload));
        let event = pair.until(|event| matches!(event, Event::SessionMessage { .. }));
        let Event::SessionMessage { message, raw, .. } = event else { panic!("{event:?}") };
        assert_eq!(raw, offering(dialect, "0x81", &[b'x'; 500_000]));
        let request = Request::parse(raw).unwrap();
        assert_eq!(request.kind(), Kind::WebSocket(0x81));
        assert_eq!(
            message.payload().as_ptr(),
            request.body().as_ptr(),
            "one is a part of the other"
        );
    }
}

/// Octets that are no frames may look like some: the answer to the handshake, a late one to a request
/// before it.
#[test]
fn nothing_but_messages_is_compressed() {
    let like_a_frame = [&[0x81, 0x7D][..], &[b'x'; 0x7D]].concat();
    let cookie = like_a_frame.clone();
    let mut config = config(1);
    config.accept = Accept::new(move |_| {
        // Whoever takes `HTTP` and so on for heads of frames gets to one of these.
        (0..200).fold(Opening::take(), |opening, _| opening.header("x-yz", &cookie).unwrap())
    });
    let mut pair = Pair::up(12, config);
    // A reply that still waits for its link when the connection becomes a WebSocket.
    let stream = pair.reply_stream();
    pair.world.network.stall(stream, true);
    pair.submit(crate::pair::reply(pair.target(1), "this fills it"));
    pair.deliver(crate::browser::get(3));
    let event = pair.until(|event| matches!(event, Event::Request { .. }));
    let Event::Request { target, request } = event else { panic!("{event:?}") };
    let body = like_a_frame.repeat(200);
    let response = Response::new(200).body(body);
    pair.submit(Command::respond(target, &request, &response));
    let offer = [("sec-websocket-extensions", "permessage-deflate")];
    pair.deliver(handshake_with(3, &offer));
    pair.until(|event| matches!(event, Event::SessionOpened { .. }));
    pair.world.network.stall(stream, false);
    let replies = pair.replies_soon();
    let count =
        |octets: &Bytes| octets.windows(like_a_frame.len()).filter(|w| *w == like_a_frame).count();
    assert_eq!(replies.iter().map(|(_, body)| count(body)).collect::<Vec<_>>(), [0, 200, 200]);
}

#[test]
fn short_messages_and_those_that_would_grow_go_as_they_are() {
    let mut pair = Pair::up(10, config(0));
    let mut browser = Browser::open(&mut pair, 3, Some("permessage-deflate"));
    let mut dice = Dice::new(10);
    let noise: Vec<u8> = (0..1000).map(|_| u8::try_from(dice.below(256)).unwrap()).collect();
    send(&mut pair, browser.target, "short");
    let message = Message::from(noise.clone());
    pair.submit(Command::Send { target: browser.target, message });
    pair.run_ms(5);
    browser.hear_all(&mut pair);
    assert_eq!(browser.read, [Message::from("short"), Message::from(noise)]);
    assert_eq!(browser.compressed, 0);
    let mut plain = BytesMut::new();
    browser.read.iter().for_each(|message| message.encode(&mut plain));
    assert_eq!(browser.octets, plain.len());
    assert_eq!(browser.read[0].opcode(), Opcode::Text);
}

/// Even where what is left of it looks like frames.
#[test]
fn what_goes_in_parts_goes_as_it_is_and_is_not_referred_to() {
    let mut pair = Pair::up(13, config(10));
    let headers =
        [("sec-websocket-extensions", "permessage-deflate"), ("DOWNLOAD_CREDITS", "1000")];
    let mut browser = Browser::open_with(&mut pair, 1, &headers);
    pair.deliver(credits(1, 1000));
    pair.run_ms(5);
    let frames = [&b"\x82\x7D"[..], &[b'a'; 125]].concat().repeat(20);
    let large = Message::Binary([vec![b'x'; 996], frames].concat().into());
    let target = browser.target;
    pair.submit(Command::Send { target, message: large.clone() });
    for text in [LONG, LONG] {
        send(&mut pair, target, text);
    }
    pair.run_ms(5);
    let mut octets = BytesMut::new();
    pair.replies().iter().for_each(|(_, body)| octets.extend_from_slice(body));
    assert_eq!(octets.len(), 1000, "the next part begins with a frame");
    pair.deliver(credits(1, 1000));
    for _ in 0..20 {
        pair.run_ms(5);
        let before = octets.len();
        pair.replies().iter().for_each(|(_, body)| octets.extend_from_slice(body));
        pair.deliver(credits(1, octets.len() - before));
    }
    browser.hear(&octets.freeze());
    let [first, second] = [LONG, LONG].map(|text| Message::from(text.to_owned()));
    assert_eq!(browser.read, [large, first, second]);
    assert_eq!(browser.compressed, 2);
}
