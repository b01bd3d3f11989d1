//! Servers and browsers that mean no good.

use std::io::ErrorKind;
use std::time::Duration;

use bytes::Bytes;
use mongrel2_transceiver::socket::{self, DownReason, Socket};
use mongrel2_transceiver::transceiver::{Command, Event, Transceiver};
use mongrel2_transceiver::zmtp::{Message, SocketType};
use mongrel2_transceiver::{Input, Output};

use crate::bare::Bare;
use crate::browser::{SENDER, frame, get, handshake};
use crate::by_hand::Hand;
use crate::pair::{Pair, add_server, plain, reply, small};
use crate::support::{ByHand, Dice, World, base};
use crate::wire;

#[test]
fn any_octets_from_a_server_end_in_events_and_operations() {
    for seed in 0..200 {
        let mut dice = Dice::new(seed);
        let mut hand = ByHand::new(Transceiver::new(base(), plain()));
        hand.submit(add_server(SENDER, 9999)).unwrap();
        for _ in 0..40 {
            hand.pass(Duration::from_secs(3));
            if hand.connects.is_empty() {
                break;
            }
            let link = hand.connect();
            let kind = dice.pick(&["PUSH", "SUB", "PULL", "nonsense"]);
            if !dice.one_in(4) {
                hand.says(link, &[wire::greeting(), wire::ready(kind)].concat());
            }
            for _ in 0..5 {
                let size = dice.below(200);
                let octets = dice.octets(size);
                let octets = if dice.one_in(2) { wire::message(&[&octets]) } else { octets };
                if !hand.is_closed(link) && hand.is_reading(link) {
                    hand.says(link, &octets);
                }
            }
            if !hand.is_closed(link) && dice.one_in(2) {
                hand.ends(link, Some(ErrorKind::ConnectionReset));
            }
        }
        let stats = hand.machine.machine().stats();
        assert!(stats.links <= 2 && stats.sessions == 0, "{stats:?}");
    }
}

#[test]
fn mutilated_messages_of_a_server_do_no_harm() {
    for seed in 0..20 {
        let mut dice = Dice::new(seed);
        let mut pair = Pair::up(seed, plain());
        for _ in 0..200 {
            let conn_id = i64::try_from(dice.below(5)).unwrap() - 1;
            let flags = format!("0x{:X}", dice.below(256));
            let raw = match dice.below(4) {
                0 => get(conn_id),
                1 => handshake(conn_id, "13"),
                2 => frame(conn_id, &flags, b"\x03\xe8 payload"),
                _ => crate::browser::notice(conn_id),
            };
            let mut raw = raw.to_vec();
            if dice.one_in(2) {
                let at = dice.below(raw.len());
                raw[at] = dice.octets(1)[0];
            }
            if dice.one_in(10) {
                raw.truncate(dice.below(raw.len()));
            }
            pair.deliver(raw.into());
            pair.run_ms(1);
        }
        pair.run_secs(1);
        // `replies` panics where Mongrel2 would stall.
        pair.replies();
        let (mut opened, mut closed) = (0, 0);
        for event in pair.events() {
            match event {
                Event::SessionOpened { .. } => opened += 1,
                Event::SessionClosed { .. } => closed += 1,
                _ => {}
            }
        }
        assert!(opened - closed <= 4 && closed <= opened, "{opened} {closed}");
    }
}

#[test]
fn pings_without_end_while_a_proof_is_awaited_end_the_life_and_not_the_memory() {
    let mut hand = Hand::up(1, small(|config| config.limits.send_messages_max = 100));
    hand.deliver(&handshake(1, "13"));
    hand.hand.wrote(hand.requests);
    hand.hand.ends(hand.replies, None);
    hand.hand.pass(Duration::from_secs(1));
    hand.replies = hand.hand.connect();
    hand.greet_replies();
    // The PONG that would prove the new link never comes; pings come in its place.
    assert!(hand.probe(hand.requests).is_some());
    let ping = wire::message(&[&frame(1, "0x89", b"again")]);
    let pings = ping.repeat(500);
    let mut count = 0;
    while !hand.hand.is_closed(hand.requests) {
        hand.hand.says(hand.requests, &pings);
        count += 500;
        assert!(count <= 66_000, "the answers are bounded");
    }
    assert!(count >= 60_000);
    let events = hand.hand.events();
    let down = |event: &Event| {
        matches!(event, Event::ServerDown { life: 1, reason: DownReason::Ours, .. })
    };
    assert!(events.iter().any(down), "{events:?}");
    assert!(!hand.hand.wrote(hand.replies).ends_with(b"again"));
}

#[test]
fn handshakes_that_are_refused_lock_nobody_out() {
    let mut pair = Pair::up(1, small(|config| config.limits.sessions_max = 100));
    for conn_id in 1..=1000 {
        pair.deliver(handshake(conn_id, "nonsense"));
        pair.run_ms(1);
    }
    assert_eq!(pair.stats().sessions, 0);
    assert!((100..=201).contains(&pair.stats().remembered), "{:?}", pair.stats());
    assert_eq!(pair.replies().len(), 2000);
    pair.deliver(handshake(1001, "13"));
    pair.until(|event| matches!(event, Event::SessionOpened { .. }));
    pair.run_secs(200);
    assert_eq!(pair.stats().remembered, 0);
}

#[test]
fn sessions_that_ended_lock_nobody_out_though_nobody_is_pinged_for_years() {
    let mut pair = Pair::up(
        1,
        small(|config| {
            config.limits.sessions_max = 10;
            config.ping_interval = Some(Duration::MAX);
        }),
    );
    for conn_id in 1..=100 {
        pair.deliver(handshake(conn_id, "13"));
        pair.deliver(frame(conn_id, "0x88", b"\x03\xe8"));
        pair.until(|event| matches!(event, Event::SessionClosed { .. }));
    }
    assert!(pair.stats().remembered <= 21, "{:?}", pair.stats());
}

#[test]
fn a_handler_that_was_stopped_for_a_while_does_not_blame_its_servers() {
    let mut pair = Pair::up(1, plain());
    // PINGs go out at the first look; at the second their answers are there, but nobody has read them.
    for _ in 0..2 {
        pair.world.jump(Duration::from_secs(30));
        let nothing =
            Command::Broadcast { to: Vec::new().into(), except: None, message: "x".into() };
        pair.submit(nothing);
    }
    pair.run_secs(60);
    let events = pair.events();
    assert!(!events.iter().any(|event| matches!(event, Event::ServerDown { .. })), "{events:?}");
}

#[test]
fn a_peer_of_the_wrong_kind_is_unreachable() {
    let mut world = World::new(1);
    // A PULL where we expect a PUSH.
    let peer = world.add(Socket::new(world.now(), socket::Config::new(SocketType::Pull)));
    let endpoint = "tcp://127.0.0.1:9999".parse().unwrap();
    world.submit(peer, socket::Command::Bind(endpoint)).unwrap();
    let handler = world.add(Transceiver::new(world.now(), plain()));
    world.submit(handler, add_server(SENDER, 9999)).unwrap();
    world.run_for(Duration::from_millis(50));
    let events = world.events(handler);
    let is_wrong = |event: &Event| {
        matches!(event, Event::ServerUnreachable { reason: DownReason::Protocol(_), .. })
    };
    assert!(events.iter().any(is_wrong), "{events:?}");
}

#[test]
fn subscriptions_without_end_are_bounded() {
    let mut bare = Bare::new(1, plain());
    bare.run_secs(1);
    for number in 0..5000 {
        let topic = Bytes::from(format!("topic {number}"));
        let _full_at_some_time = bare.world.submit(bare.sub, socket::Command::Subscribe(topic));
    }
    bare.run_secs(10);
    assert!(bare.world.machine(bare.handler).stats().events <= 1024);
}

#[test]
fn a_message_of_many_frames_is_its_first() {
    let mut bare = Bare::new(1, plain());
    bare.subscribe("");
    bare.run_secs(1);
    let frames = vec![get(1).into(), get(2).into()];
    let message = Message::from_frames(frames).unwrap();
    bare.world.submit(bare.push, socket::Command::Send(message)).unwrap();
    bare.run_secs(1);
    let events = bare.events();
    let requests = |event: &&Event| matches!(event, Event::Request { .. });
    assert_eq!(events.iter().filter(requests).count(), 1);
}

#[test]
fn a_size_that_nobody_has_memory_for_is_skipped_and_not_reserved() {
    let mut hand = Hand::up(1, plain());
    let start = format!("{SENDER} 7 / ");
    let announced = wire::announce(wire::LONG, 1 << 60);
    hand.hand.says(hand.requests, &[&announced, start.as_bytes()].concat());
    for _ in 0..100 {
        hand.hand.says(hand.requests, &[b'x'; 10_000]);
    }
    assert!(!hand.hand.is_closed(hand.requests));
    let events = hand.hand.events();
    assert!(events.len() <= 1, "{events:?}");
}

#[test]
fn an_application_that_hangs_up_without_end_is_refused() {
    let mut pair = Pair::up(1, small(|config| config.limits.send_messages_max = 10));
    let stream = pair.reply_stream();
    pair.world.network.stall(stream, true);
    let target = pair.target(7);
    let hang_up = || Command::HangUp { target };
    let accepted = (0..100).filter(|_| pair.world.submit(pair.handler, hang_up()).is_ok()).count();
    assert_eq!(accepted, 10);
    assert!(pair.world.submit(pair.handler, reply(target, "x")).is_err());
}

#[test]
fn what_is_too_large_and_no_message_of_a_server_is_told_without_a_connection() {
    let mut bare = Bare::new(1, small(|config| config.limits.message_size_max = 1000));
    bare.subscribe("");
    bare.run_secs(1);
    bare.push(vec![b'x'; 2000].into());
    bare.push(get(1));
    bare.run_secs(1);
    let events = bare.events();
    let [.., Event::TooLarge { target: None, size: 2000 }, Event::Request { .. }] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert!(bare.published().is_empty(), "there is nobody to answer");
}

#[test]
fn a_stream_that_opens_for_a_server_that_is_gone_is_closed() {
    let mut hand = ByHand::new(Transceiver::new(base(), plain()));
    hand.submit(add_server(SENDER, 9999)).unwrap();
    let added = hand.events().into_iter().find_map(|event| match event {
        Event::ServerAdded { server, .. } => Some(server),
        _ => None,
    });
    let (link, _) = hand.connects.pop_front().unwrap();
    hand.submit(Command::RemoveServer { server: added.unwrap() }).unwrap();
    hand.pass(Duration::from_secs(10));
    let events = hand.events();
    assert!(matches!(events.last(), Some(Event::ServerRemoved { .. })), "{events:?}");
    let now = hand.now();
    hand.machine.handle(now, Input::Opened { link });
    let output = hand.machine.poll_output();
    assert!(matches!(output, Some(Output::Close { link: closed }) if closed == link), "{output:?}");
}
