//! Connections that are ended at once.

use mongrel2_transceiver::mongrel2::Control;
use mongrel2_transceiver::transceiver::{Command, Event, Loss, Refused, SessionEnd};
use mongrel2_transceiver::websocket::Message;

use crate::browser::{frame, text};
use crate::pair::{Pair, Said, plain, reply, say, small};

fn cancelled(conn_id: i64) -> (i64, Said) {
    (conn_id, Said::Controls(vec![Control::Cancel]))
}

#[test]
fn what_waits_is_dropped_and_told_of() {
    let mut pair = Pair::up(1, plain());
    let (target, other) = (pair.target(7), pair.target(8));
    (0..30).for_each(|_| pair.submit(reply(target, "x")));
    pair.run_ms(1);
    pair.submit(reply(other, "to you"));
    pair.submit(Command::Cancel { target });
    let event = pair.until(|event| matches!(event, Event::Undelivered { .. }));
    let Event::Undelivered { targets, reason } = event else { unreachable!() };
    assert_eq!((targets, reason), (vec![target; 22], Loss::Cancelled), "8 have gone before");
    pair.run_secs(1);
    let mut said = pair.said();
    assert_eq!(said.len(), 10);
    assert!(said.contains(&(8, Said::reply("to you"))));
    said.retain(|(to, _)| *to == 7);
    assert_eq!(said.pop().unwrap(), cancelled(7));
    assert!(pair.is_silent(), "the server says nothing of it");
}

/// Nothing is behind it: what is submitted later is for a connection that is gone.
#[test]
fn an_end_that_waited_has_come_true() {
    let mut pair = Pair::up(2, plain());
    let target = pair.target(7);
    let stream = pair.reply_stream();
    pair.world.network.stall(stream, true);
    pair.submit(reply(target, vec![b'x'; 200_000]));
    pair.run_ms(10);
    pair.submit(reply(target, "never"));
    pair.submit(Command::HangUp { target });
    pair.submit(Command::Cancel { target });
    pair.world.network.stall(stream, false);
    pair.run_secs(1);
    let said = pair.said();
    assert_eq!((said.len(), &said[1]), (2, &cancelled(7)));
    let event = pair.until(|event| matches!(event, Event::Undelivered { .. }));
    let Event::Undelivered { targets, reason } = event else { unreachable!() };
    assert_eq!((targets, reason), (vec![target], Loss::Cancelled));
}

#[test]
fn a_session_ends_as_closed_by_the_handler() {
    let mut pair = Pair::up(3, plain());
    let (session, other) = (pair.open(3), pair.open(4));
    pair.submit(Command::Broadcast {
        to: vec![session, other].into(),
        except: None,
        message: "all".into(),
    });
    pair.submit(Command::Cancel { target: session });
    let event = pair.until(|event| matches!(event, Event::SessionClosed { .. }));
    let Event::SessionClosed { target, end } = event else { unreachable!() };
    assert_eq!((target, end), (session, SessionEnd::ByHandler { answered: false }));
    assert_eq!(pair.refused(say(session, "hi")), Refused::UnknownSession);
    assert_eq!(pair.refused(Command::Cancel { target: session }), Refused::UnknownSession);
    // Frames that the server had read before belong to nobody.
    pair.deliver(text(3, "late"));
    pair.run_ms(50);
    assert!(pair.is_silent());
    let said = pair.said();
    assert!(said.contains(&cancelled(3)));
    let frame = Said::Reply(b"\x81\x03all"[..].into());
    assert!(said.contains(&(4, frame)), "{said:?}");
    assert_eq!(pair.stats().sessions, 1);
}

/// The closing handshake is cut short, and there is one end all the same.
#[test]
fn a_session_that_is_closing_has_one_end() {
    let mut pair = Pair::up(4, plain());
    let session = pair.open(3);
    let code = mongrel2_transceiver::websocket::CloseCode::NORMAL;
    pair.submit(Command::Close { target: session, code, reason: "".into() });
    pair.submit(Command::Cancel { target: session });
    pair.run_secs(20);
    let ends = pair.events().into_iter().filter(|e| matches!(e, Event::SessionClosed { .. }));
    assert_eq!(ends.count(), 1);
    assert!(pair.said().contains(&cancelled(3)));
}

/// The client has closed it, and the application has not got there.
#[test]
fn a_session_that_was_ending_is_not_answered() {
    let mut pair = Pair::up(5, plain());
    let session = pair.open(3);
    let handler = pair.handler;
    pair.world.set_deaf(handler, true);
    pair.deliver(frame(3, "0x88", b"\x03\xe8"));
    pair.run_ms(50);
    pair.submit(Command::Cancel { target: session });
    pair.world.set_deaf(handler, false);
    pair.run_ms(50);
    assert!(matches!(
        pair.events()[..],
        [Event::SessionClosed { end: SessionEnd::ByClient(_), .. }]
    ));
    assert_eq!(pair.said(), [cancelled(3)]);
}

#[test]
fn a_cancel_that_is_lost_with_the_link_is_said_again() {
    let mut pair = Pair::up(6, plain());
    let stream = pair.reply_stream();
    pair.world.network.stall(stream, true);
    let target = pair.target(7);
    pair.submit(Command::Cancel { target });
    pair.run_ms(10);
    pair.world.network.cut(stream);
    pair.run_secs(2);
    assert_eq!(pair.said(), [cancelled(7)]);
    assert!(pair.is_silent());
}

/// Reports are kept, but not without end.
#[test]
fn what_is_dropped_can_be_told_of() {
    let mut pair = Pair::up(8, small(|config| config.limits.events_max = 2));
    let handler = pair.handler;
    pair.world.set_deaf(handler, true);
    let cancel = |pair: &mut Pair, conn_id| {
        let target = pair.target(conn_id);
        (0..20).for_each(|_| pair.submit(reply(target, "x")));
        pair.run_ms(1);
        pair.world.submit(handler, Command::Cancel { target })
    };
    assert_eq!((cancel(&mut pair, 1), cancel(&mut pair, 2)), (Ok(()), Ok(())));
    assert_eq!(cancel(&mut pair, 3), Err(Refused::Neglected));
    pair.world.set_deaf(handler, false);
    assert_eq!((pair.events().len(), cancel(&mut pair, 3)), (2, Ok(())));
}

#[test]
fn a_slow_session_is_got_rid_of_whatever_waits_for_it() {
    let mut pair = Pair::up(7, plain());
    let session = pair.open(3);
    for _ in 0..100 {
        let message = Message::Text("hello".into());
        pair.submit(Command::Send { target: session, message });
    }
    pair.run_ms(50);
    pair.said();
    pair.submit(Command::Cancel { target: session });
    pair.run_ms(50);
    assert_eq!(pair.said(), [cancelled(3)]);
    let lost = pair.events().into_iter().find_map(|event| match event {
        Event::Undelivered { targets, reason } => Some((targets.len(), reason)),
        _ => None,
    });
    let (count, reason) = lost.unwrap();
    assert!(count > 80 && reason == Loss::Cancelled, "{count}");
}
