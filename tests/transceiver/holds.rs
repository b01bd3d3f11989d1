//! Connections that are kept alive though their browsers say nothing.

use std::time::Duration;

use mongrel2_transceiver::mongrel2::Control;
use mongrel2_transceiver::transceiver::{Command, Event, Refused, Target};

use crate::browser::{get, notice};
use crate::pair::{Pair, Said, plain, reply, small};

fn hold(target: Target, seconds: u64) -> Command {
    Command::Hold { target, time: Duration::from_secs(seconds) }
}

/// How often each connection was said to be alive since the last look.
fn kept_alive(pair: &mut Pair, conn_id: i64) -> usize {
    let said = pair.said();
    let is_keep_alive = |(to, said): &&(i64, Said)| {
        *to == conn_id && *said == Said::Controls(vec![Control::KeepAlive])
    };
    said.iter().filter(is_keep_alive).count()
}

fn poll(seed: u64) -> (Pair, Target) {
    let mut pair = Pair::up(seed, plain());
    pair.deliver(get(7));
    pair.until(|event| matches!(event, Event::Request { .. }));
    let target = pair.target(7);
    (pair, target)
}

#[test]
fn a_held_connection_is_said_to_be_alive_at_once_and_twice_a_minute_until_its_time_is_over() {
    let (mut pair, target) = poll(1);
    pair.submit(hold(target, 600));
    pair.run_ms(10);
    assert_eq!(kept_alive(&mut pair, 7), 1);
    pair.run_secs(595);
    assert_eq!(kept_alive(&mut pair, 7), 19);
    pair.run_secs(10_000);
    assert_eq!(kept_alive(&mut pair, 7), 0);
    assert!(pair.is_silent());
}

#[test]
fn the_answer_ends_it_if_the_connection_ends_with_it() {
    let (mut pair, target) = poll(2);
    pair.submit(hold(target, 600));
    pair.submit(reply(target, "not yet"));
    pair.run_secs(100);
    assert_eq!(kept_alive(&mut pair, 7), 4);
    pair.submit(Command::Reply { target, body: "now".into(), close: true });
    pair.run_secs(100);
    assert_eq!(pair.said(), [(7, Said::reply("now")), (7, Said::reply(""))]);
}

#[test]
fn whatever_ends_the_connection_ends_it() {
    for (seed, command) in (3..).zip([
        |target| Command::HangUp { target },
        |target| Command::Cancel { target },
        |target| hold(target, 0),
    ]) {
        let (mut pair, target) = poll(seed);
        pair.submit(hold(target, 600));
        pair.run_ms(10);
        pair.submit(command(target));
        pair.run_ms(10);
        pair.said();
        pair.run_secs(700);
        assert_eq!(kept_alive(&mut pair, 7), 0);
    }
}

/// A keep-alive for a connection that is gone brings a notice, and that must not bring the next.
#[test]
fn a_notice_ends_it() {
    let (mut pair, target) = poll(6);
    pair.submit(hold(target, 600));
    pair.run_ms(10);
    pair.deliver(notice(7));
    pair.until(|event| matches!(event, Event::Disconnect { .. }));
    pair.said();
    pair.run_secs(700);
    assert_eq!(kept_alive(&mut pair, 7), 0);
}

#[test]
fn held_anew_it_lasts_from_then_on() {
    let (mut pair, target) = poll(7);
    pair.submit(hold(target, 100));
    pair.run_secs(89);
    pair.submit(hold(target, 40));
    pair.said();
    pair.run_secs(700);
    assert_eq!(kept_alive(&mut pair, 7), 2, "at 90 and 120 seconds");
}

#[test]
fn a_thousand_are_kept_alive_at_one_time() {
    let mut pair = Pair::up(8, plain());
    for conn_id in 1..=1000 {
        let target = pair.target(conn_id);
        pair.submit(hold(target, 600));
    }
    pair.run_secs(29);
    pair.said();
    pair.run_secs(2);
    let all = pair.said();
    assert_eq!(all.len(), 1000);
    let is_keep_alive = |said: &Said| *said == Said::Controls(vec![Control::KeepAlive]);
    assert!((1..).zip(&all).all(|(conn_id, (to, said))| *to == conn_id && is_keep_alive(said)));
}

#[test]
fn no_more_are_held_than_the_limits_allow() {
    let mut pair = Pair::up(9, small(|config| config.limits.holds_max = 2));
    let targets = [1, 2, 3].map(|conn_id| pair.target(conn_id));
    pair.submit(hold(targets[0], 60));
    pair.submit(hold(targets[1], 60));
    assert_eq!(pair.refused(hold(targets[2], 60)), Refused::TooManyHolds);
    // That is no more than there were.
    pair.submit(hold(targets[1], 90));
    pair.submit(hold(targets[0], 0));
    pair.submit(hold(targets[2], 60));
}

#[test]
fn who_is_held_is_of_one_life_and_no_session() {
    let (mut pair, target) = poll(10);
    let session = pair.open(3);
    pair.submit(hold(target, 600));
    assert_eq!(pair.refused(hold(session, 60)), Refused::IsSession);
    pair.crash();
    pair.restart();
    assert_eq!(pair.refused(hold(target, 60)), Refused::ServerGone);
    pair.run_secs(100);
    assert_eq!(kept_alive(&mut pair, 7), 0, "that would be a stranger");
}

/// What a link takes along is said again at the next time; nothing piles up while there is none.
#[test]
fn while_nothing_can_be_said_nothing_piles_up() {
    let (mut pair, target) = poll(11);
    pair.submit(hold(target, 6000));
    pair.run_ms(10);
    pair.said();
    let stream = pair.reply_stream();
    pair.world.network.stall(stream, true);
    pair.run_secs(1);
    pair.world.network.cut(stream);
    pair.run_secs(40);
    assert!((1..=3).contains(&kept_alive(&mut pair, 7)));
}

#[test]
fn a_shutdown_waits_for_no_hold() {
    let (mut pair, target) = poll(12);
    pair.submit(hold(target, 6000));
    pair.run_ms(10);
    pair.submit(Command::Shutdown);
    let event = pair.until(|event| matches!(event, Event::Stopped { .. }));
    assert!(matches!(event, Event::Stopped { undelivered: 0, .. }));
    pair.run_secs(1000);
    assert!(pair.is_silent());
}
