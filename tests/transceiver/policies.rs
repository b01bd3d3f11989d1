//! What becomes of a client that does not read what it is sent, as the configuration has it.

use mongrel2_transceiver::transceiver::Target;
use mongrel2_transceiver::transceiver::{Command, Config, Event, Loss, Refused, SessionEnd, Slow};
use mongrel2_transceiver::websocket::{Close, CloseCode, Message};

use crate::browser::{frame, handshake};
use crate::by_hand::Hand;
use crate::pair::{Pair, small};
use crate::readers::Readers;

/// How many deliveries go before anything has to be proven, with the answer to the handshake.
const AHEAD: usize = 12;

fn config(slow: Slow, messages_max: usize) -> Config {
    small(|config| {
        config.slow = slow;
        config.limits.target_messages_max = messages_max;
    })
}

fn tell(pair: &mut Pair, target: Target, number: usize) -> Result<(), Refused> {
    let message = Message::from(format!("{number},"));
    let told = pair.world.submit(pair.handler, Command::Send { target, message });
    pair.run_ms(1);
    told
}

fn losses(events: &[Event]) -> (usize, Vec<Loss>) {
    let mut reasons = Vec::new();
    let mut count = 0;
    for event in events {
        if let Event::Undelivered { targets, reason } = event {
            count += targets.len();
            reasons.push(*reason);
        }
    }
    reasons.dedup();
    (count, reasons)
}

#[test]
fn the_oldest_messages_make_way_for_the_newest() {
    let mut pair = Pair::up(1, config(Slow::DropOldest, 5));
    let target = pair.open(3);
    let mut readers = Readers::default();
    (0..100).for_each(|number| tell(&mut pair, target, number).unwrap());
    let lost = losses(&pair.events());
    for _ in 0..50 {
        pair.run_ms(5);
        readers.read_all(&mut pair);
    }
    let texts = readers.texts(3);
    assert_eq!((texts.len() + lost.0, lost.1), (100, vec![Loss::Slow]));
    let newest: Vec<_> = (95..100).map(|number: i32| number.to_string()).collect();
    assert_eq!(texts[AHEAD..], newest);
    // Nobody waits for room, so nobody is told of any.
    assert!(pair.is_silent());
    assert!(tell(&mut pair, target, 100).is_ok());
}

#[test]
fn what_is_left_out_was_said_to_nobody_else() {
    let mut pair = Pair::up(2, config(Slow::DropOldest, 5));
    let targets = vec![pair.open(3), pair.open(4)];
    let mut readers = Readers::default();
    for number in 0..100 {
        let message = Message::from(format!("{number},"));
        pair.submit(Command::Broadcast { to: targets.clone().into(), except: None, message });
        pair.run_ms(1);
        readers.take(&mut pair);
        readers.read(&mut pair, 4, usize::MAX);
    }
    let lost = losses(&pair.events());
    for _ in 0..50 {
        pair.run_ms(5);
        readers.read_all(&mut pair);
    }
    assert_eq!(readers.texts(4).len(), 100);
    assert_eq!((readers.texts(3).len() + lost.0, lost.1), (100, vec![Loss::Slow]));
}

/// The close frame waits with all the others, and never is the seventeenth.
#[test]
fn one_who_is_slow_is_closed_and_told_why() {
    let close = Close::new(CloseCode::POLICY, "read faster").unwrap();
    let mut pair = Pair::up(3, config(Slow::Close(close), 5));
    let target = pair.open(3);
    let mut told = 0;
    while tell(&mut pair, target, told).is_ok() {
        told += 1;
        assert!(told < 100, "it is never closed");
    }
    let events = pair.events();
    let ends: Vec<_> = events.iter().filter(|e| matches!(e, Event::SessionClosed { .. })).collect();
    assert!(matches!(ends[..], [Event::SessionClosed { end: SessionEnd::Slow, .. }]), "{ends:?}");
    let mut readers = Readers::default();
    for _ in 0..50 {
        pair.run_ms(5);
        readers.read_all(&mut pair);
    }
    let (lost, reasons) = losses(&events);
    assert_eq!((readers.texts(3).len() + lost, reasons), (told, vec![Loss::Slow]));
    let reader = &readers.of[&3];
    assert!(
        reader.is_ended && reader.closes == [b"\x03\xF0read faster".to_vec()],
        "{:?}",
        reader.closes
    );
}

#[test]
fn one_who_never_reads_is_cut_off_though_no_close_can_reach_it() {
    let close = Close::new(CloseCode::POLICY, "").unwrap();
    let mut pair = Pair::up(4, config(Slow::Close(close), 5));
    let target = pair.open(3);
    let mut told = 0;
    while tell(&mut pair, target, told).is_ok() {
        told += 1;
        assert!(told < 100, "it is never closed");
    }
    let mut readers = Readers::default();
    pair.run_ms(7000);
    readers.take(&mut pair);
    assert!(readers.of[&3].queue.back().unwrap().is_empty(), "its connection is not ended");
}

/// Its end waits to be taken; until then it takes messages as long as there is room.
#[test]
fn who_closes_is_not_closed_for_slowness() {
    let close = Close::new(CloseCode::POLICY, "").unwrap();
    let mut hand = Hand::up(1, config(Slow::Close(close), 5));
    hand.deliver(&handshake(3, "13"));
    let opened = hand.hand.events();
    let target = opened.iter().find_map(|event| match event {
        Event::SessionOpened { target, .. } => Some(*target),
        _ => None,
    });
    hand.hand.is_deaf = true;
    hand.deliver(&frame(3, "0x88", b"\x03\xE8"));
    let say = Command::Send { target: target.unwrap(), message: Message::from("x") };
    let refused = (0..100).find_map(|_| hand.hand.submit(say.clone()).err());
    assert_eq!(refused, Some(Refused::Slow));
    hand.hand.hear();
    let events = hand.hand.events();
    let ends = events.iter().filter(|event| matches!(event, Event::SessionClosed { .. }));
    assert_eq!(ends.count(), 1, "{events:?}");
}

/// Whoever takes no events is told of nothing, and so may leave nothing out.
#[test]
fn reports_of_what_was_left_out_are_bounded() {
    let config = small(|config| {
        config.slow = Slow::DropOldest;
        config.limits.target_messages_max = 5;
        config.limits.events_max = 4;
    });
    for is_broadcast in [false, true] {
        let mut hand = Hand::up(1, config.clone());
        hand.deliver(&handshake(3, "13"));
        let opened = hand.hand.events();
        let target = opened.iter().find_map(|event| match event {
            Event::SessionOpened { target, .. } => Some(*target),
            _ => None,
        });
        let (target, message) = (target.unwrap(), Message::from("x"));
        let command = if is_broadcast {
            Command::Broadcast { to: vec![target].into(), except: None, message }
        } else {
            Command::Send { target, message }
        };
        hand.hand.is_deaf = true;
        let refused = (0..100).find_map(|_| hand.hand.submit(command.clone()).err());
        assert_eq!(refused, Some(Refused::Neglected));
        hand.hand.hear();
        let (count, reasons) = losses(&hand.hand.events());
        assert_eq!((count, reasons), (8, vec![Loss::Slow]));
        assert_eq!(hand.hand.submit(command), Ok(()));
    }
}
