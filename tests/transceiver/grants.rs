//! Credits of streamed uploads, and what is for modules of the server.

use mongrel2_transceiver::mongrel2::Control;
use mongrel2_transceiver::transceiver::{Command, Event, Loss, Refused, Target};

use crate::browser::{get, handshake};
use crate::pair::{Pair, Said, plain, reply, small};

fn grant(target: Target, octets: u64) -> Command {
    Command::Grant { target, octets }
}

fn granted(octets: u64) -> (i64, Said) {
    (7, Said::Controls(vec![Control::Credits(octets)]))
}

fn send_file(target: Target) -> Command {
    Command::Extended { target, key: "sendfile".into(), value: "tmp/a".into() }
}

#[test]
fn credits_reach_the_server_in_order() {
    let mut pair = Pair::up(1, plain());
    let target = pair.target(7);
    pair.submit(grant(target, 1000));
    pair.submit(grant(target, 0));
    pair.submit(reply(target, "go on"));
    pair.submit(grant(target, 0x7FFF_FFFF));
    assert_eq!(pair.refused(grant(target, 0x8000_0000)), Refused::TooLarge);
    pair.run_ms(50);
    let expected = [granted(1000), (7, Said::reply("go on")), granted(0x7FFF_FFFF)];
    assert_eq!(pair.said(), expected);
}

/// A browser may read nothing before it has said everything: who waited for the other would wait for
/// ever.
#[test]
fn credits_wait_for_no_reply() {
    let mut pair = Pair::up(2, plain());
    let target = pair.target(7);
    (0..40).for_each(|_| pair.submit(reply(target, "x")));
    pair.submit(grant(target, 5));
    pair.run_ms(1);
    let said = pair.said();
    assert_eq!((said.len(), said.last()), (9, Some(&granted(5))));
}

/// They are no replies, of which Mongrel2 holds sixteen.
#[test]
fn credits_take_no_place_of_a_reply() {
    let mut pair = Pair::up(3, plain());
    let target = pair.target(7);
    (0..100).for_each(|_| pair.submit(grant(target, 5)));
    pair.submit(reply(target, "x"));
    pair.run_ms(1);
    assert_eq!(pair.said().len(), 101);
}

#[test]
fn credits_that_are_lost_are_told_of() {
    let mut pair = Pair::up(4, plain());
    let target = pair.target(7);
    let stream = pair.reply_stream();
    pair.world.network.stall(stream, true);
    pair.submit(grant(target, 5));
    pair.run_ms(10);
    pair.world.network.cut(stream);
    let event = pair.until(|event| matches!(event, Event::Undelivered { .. }));
    let Event::Undelivered { targets, reason } = event else { unreachable!() };
    assert_eq!((targets, reason), (vec![target], Loss::LinkLost));
}

#[test]
fn credits_count_in_the_limits() {
    let mut pair = Pair::up(5, small(|config| config.limits.send_messages_max = 10));
    let stream = pair.reply_stream();
    pair.world.network.stall(stream, true);
    let target = pair.target(7);
    (0..10).for_each(|_| pair.submit(grant(target, 5)));
    assert_eq!(pair.refused(grant(target, 5)), Refused::Full);
    assert_eq!(pair.refused(Command::Cancel { target }), Refused::Full);
    pair.world.network.stall(stream, false);
    pair.until(|event| matches!(event, Event::Room { .. }));
}

#[test]
fn a_session_has_neither_credits_nor_files() {
    let mut pair = Pair::up(6, plain());
    let session = pair.open(3);
    assert_eq!(pair.refused(grant(session, 5)), Refused::IsSession);
    assert_eq!(pair.refused(send_file(session)), Refused::IsSession);
}

#[test]
fn what_is_for_a_module_keeps_its_place_among_the_replies() {
    let mut pair = Pair::up(7, plain());
    let target = pair.target(7);
    for _ in 0..10 {
        pair.submit(reply(target, "head"));
        pair.submit(send_file(target));
    }
    pair.submit(Command::HangUp { target });
    pair.run_ms(1);
    assert_eq!(pair.said().len(), 8, "each takes a place");
    pair.run_secs(1);
    let said = pair.said();
    let to_module = Said::ToModule("19:8:sendfile,5:tmp/a,]".into());
    for pieces in said[..12].chunks(2) {
        assert_eq!(pieces, [(7, Said::reply("head")), (7, to_module.clone())]);
    }
    assert_eq!(said[12..], [(7, Said::reply(""))]);
}

#[test]
fn the_controls_of_the_server_are_no_module() {
    let mut pair = Pair::up(8, plain());
    let target = pair.target(7);
    let ctl = Command::Extended { target, key: "ctl".into(), value: "cancel".into() };
    assert_eq!(pair.refused(ctl), Refused::Reserved);
    let large = Command::Extended { target, key: "k".into(), value: vec![0; 17 << 20].into() };
    assert_eq!(pair.refused(large), Refused::TooLarge);
}

/// A browser may ask for a WebSocket behind a request that is not answered: what is for a module then
/// waits for a session, and a ping behind it would be no frame.
#[test]
fn no_ping_goes_behind_what_is_for_a_module() {
    let mut pair = Pair::up(9, plain());
    let target = pair.target(7);
    pair.deliver(get(7));
    pair.until(|event| matches!(event, Event::Request { .. }));
    let stream = pair.reply_stream();
    pair.world.network.stall(stream, true);
    pair.submit(reply(pair.target(1), vec![b'x'; 1 << 20]));
    pair.run_ms(5);
    (0..12).for_each(|_| pair.submit(send_file(target)));
    pair.deliver(handshake(7, "13"));
    pair.until(|event| matches!(event, Event::SessionOpened { .. }));
    pair.world.network.stall(stream, false);
    pair.run_ms(50);
    let to_module = pair.said().into_iter().filter_map(|(_, said)| match said {
        Said::ToModule(body) => Some(body),
        Said::Reply(_) | Said::Controls(_) => None,
    });
    let to_module: Vec<_> = to_module.collect();
    assert_eq!(to_module, vec!["19:8:sendfile,5:tmp/a,]"; 12]);
}
