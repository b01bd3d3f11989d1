//! Groups of sessions, and broadcasts to them.

use std::time::Duration;

use bytes::Bytes;
use mongrel2_transceiver::mongrel2::ConnId;
use mongrel2_transceiver::server;
use mongrel2_transceiver::transceiver::{
    Audience, Command, Config, Event, Loss, Refused, Slow, Tally, Target,
};
use mongrel2_transceiver::websocket::{Close, CloseCode, Message};

use crate::browser::{frame, handshake, notice};
use crate::pair::{Pair, expected, plain, replies, say, small};
use crate::readers::Readers;
use crate::servers::three;

fn join(target: Target, group: &'static str) -> Command {
    Command::Join { target, group: Bytes::from(group) }
}

fn leave(target: Target, group: &'static str) -> Command {
    Command::Leave { target, group: Bytes::from(group) }
}

fn tell(to: Audience, text: impl Into<String>) -> Command {
    Command::Broadcast { to, except: None, message: Message::from(text.into()) }
}

fn group(name: &'static str) -> Audience {
    Audience::Group(Bytes::from(name))
}

impl Pair {
    /// Opens sessions 1 to `count`, which join a group.
    fn members(&mut self, count: i64, name: &'static str) -> Vec<Target> {
        let targets: Vec<_> = (1..=count).map(|conn_id| self.open(conn_id)).collect();
        targets.iter().for_each(|target| self.submit(join(*target, name)));
        targets
    }

    fn groups_of(&mut self, target: Target) -> Vec<Bytes> {
        self.world.machine(self.handler).groups_of(target)
    }

    fn group_len(&mut self, name: &str) -> usize {
        self.world.machine(self.handler).group_len(name.as_bytes())
    }

    /// Who gets a text that a group is told, in order.
    fn reached(&mut self, name: &'static str) -> Vec<i64> {
        self.submit(tell(group(name), "?"));
        let replies = self.replies_soon().into_iter();
        let mut reached: Vec<_> =
            replies.filter(|(_, body)| &body[..] == b"\x81\x01?").map(|(to, _)| to).collect();
        reached.sort_unstable();
        reached
    }
}

#[test]
fn a_group_is_who_joined_and_did_not_leave() {
    let mut pair = Pair::up(1, plain());
    let targets = pair.members(4, "a");
    pair.submit(join(targets[0], "b"));
    // Twice is as good as once.
    pair.submit(join(targets[0], "a"));
    pair.submit(leave(targets[1], "a"));
    pair.submit(leave(targets[1], "a"));
    assert_eq!((pair.reached("a"), pair.reached("b")), (vec![1, 3, 4], vec![1]));
    assert!(pair.reached("").is_empty() && pair.is_silent());
    let groups = pair.world.machine(pair.handler).groups();
    assert_eq!(groups.into_iter().collect::<Vec<_>>(), [("a".into(), 3), ("b".into(), 1)]);
    assert_eq!(pair.groups_of(targets[0]), ["a", "b"]);
    assert!(pair.groups_of(targets[1]).is_empty());
    let of_a_former_life = Target { life: targets[0].life - 1, ..targets[0] };
    assert!(pair.groups_of(of_a_former_life).is_empty());
    targets.iter().for_each(|target| pair.submit(leave(*target, "a")));
    assert_eq!((pair.group_len("a"), pair.group_len("b")), (0, 1));
    assert_eq!(pair.world.machine(pair.handler).groups().len(), 1);
}

#[test]
fn all_are_all_open_sessions() {
    let mut pair = Pair::up(1, plain());
    let targets = pair.members(300, "a");
    let code = CloseCode::NORMAL;
    pair.submit(Command::Close { target: targets[1], code, reason: "".into() });
    pair.submit(Command::Broadcast {
        to: Audience::All,
        except: Some(targets[2]),
        message: Message::from("x"),
    });
    let replies = pair.replies_soon().into_iter();
    let mut reached: Vec<_> =
        replies.filter(|(_, body)| &body[..] == b"\x81\x01x").map(|(to, _)| to).collect();
    reached.sort_unstable();
    assert_eq!(reached, [1].into_iter().chain(4..=300).collect::<Vec<_>>());
    assert!(pair.is_silent());
}

#[test]
fn one_may_be_left_out_of_any_audience() {
    let mut pair = Pair::up(1, plain());
    let targets = pair.members(3, "a");
    let stranger = Target { life: 7, ..targets[0] };
    let mut reached = |to: Audience, except| {
        let message = Message::from("x");
        pair.submit(Command::Broadcast { to, except: Some(except), message });
        pair.replies_soon().iter().map(|(to, _)| *to).sum::<i64>()
    };
    for to in [group("a"), Audience::All, targets.clone().into()] {
        assert_eq!(reached(to.clone(), targets[1]), 4);
        assert_eq!(reached(to.clone(), stranger), 6);
    }
    assert!(pair.is_silent());
}

#[test]
fn a_group_has_members_at_several_servers() {
    let (mut world, handler, servers) = three();
    for (node, server) in &servers[..2] {
        for conn_id in 1..=150 {
            world.submit(*node, server::Command::Deliver(handshake(conn_id, "13"))).unwrap();
        }
        world.run_for(Duration::from_secs(1));
        for conn_id in 1..=140 {
            let target = Target { server: *server, life: 1, conn_id: ConnId(conn_id) };
            world.submit(handler, join(target, "a")).unwrap();
        }
    }
    assert_eq!(world.machine(handler).group_len(b"a"), 280);
    assert_eq!(world.machine(handler).groups().len(), 1);
    world.submit(handler, tell(group("a"), "x")).unwrap();
    world.run_for(Duration::from_secs(1));
    for (position, (node, _)) in servers.iter().enumerate() {
        let replies = replies(&mut world, *node).into_iter();
        let mut reached: Vec<_> =
            replies.filter(|(_, body)| &body[..] == b"\x81\x01x").map(|(to, _)| to).collect();
        reached.sort_unstable();
        let members = 1..if position < 2 { 141 } else { 1 };
        assert_eq!(reached, members.collect::<Vec<_>>());
    }
}

#[test]
fn whatever_way_a_session_ends_it_is_in_no_group_any_more() {
    let mut pair = Pair::up(1, plain());
    let targets = pair.members(6, "a");
    let close = |target| Command::Close { target, code: CloseCode::NORMAL, reason: "".into() };
    pair.submit(close(targets[0]));
    assert_eq!(pair.group_len("a"), 5);
    pair.submit(Command::HangUp { target: targets[1] });
    assert_eq!(pair.group_len("a"), 4);
    pair.deliver(frame(3, "0x88", b"\x03\xE8"));
    pair.deliver(frame(4, "0x83", b"no such opcode"));
    pair.deliver(notice(5));
    pair.run_ms(50);
    assert_eq!(pair.group_len("a"), 1);
    // Nor does it come in again.
    for target in &targets[..5] {
        assert_eq!(pair.refused(join(*target, "a")), Refused::UnknownSession);
        assert_eq!(pair.refused(leave(*target, "a")), Refused::UnknownSession);
    }
    pair.replies();
    assert_eq!(pair.reached("a"), [6]);
}

#[test]
fn who_closes_has_left_before_the_application_takes_notice() {
    let mut pair = Pair::up(1, plain());
    pair.members(2, "a");
    pair.world.set_deaf(pair.handler, true);
    pair.deliver(frame(1, "0x88", b"\x03\xE8"));
    pair.run_ms(50);
    assert_eq!((pair.group_len("a"), pair.reached("a")), (1, vec![2]));
}

#[test]
fn who_never_answers_a_ping_has_left() {
    let mut pair = Pair::up(1, plain());
    pair.members(2, "a");
    pair.run_secs(200);
    assert_eq!(pair.group_len("a"), 0);
}

#[test]
fn a_new_life_of_the_server_begins_without_groups() {
    let mut pair = Pair::up(1, plain());
    let old = pair.members(2, "a");
    pair.crash();
    pair.until(|event| matches!(event, Event::ServerDown { .. }));
    assert_eq!(pair.group_len("a"), 0);
    pair.restart();
    pair.open(1);
    pair.events();
    assert_eq!(pair.refused(join(old[0], "a")), Refused::ServerGone);
    assert!(pair.reached("a").is_empty());
    let new = pair.target(1);
    pair.submit(join(new, "a"));
    assert_eq!(pair.reached("a"), [1]);
}

#[test]
fn a_server_that_is_removed_takes_its_members_along() {
    let mut pair = Pair::up(1, plain());
    pair.members(200, "a");
    pair.submit(Command::RemoveServer { server: pair.id });
    pair.run_ms(50);
    assert_eq!(pair.group_len("a"), 0);
    pair.submit(tell(group("a"), "nobody hears it"));
    pair.until(|event| matches!(event, Event::ServerRemoved { .. }));
    assert!(pair.world.machine(pair.handler).groups().is_empty());
}

#[test]
fn what_is_said_to_one_keeps_its_place_among_broadcasts() {
    let mut pair = Pair::up(1, plain());
    let targets = pair.members(3, "a");
    pair.submit(say(targets[1], "1"));
    pair.submit(tell(group("a"), "2"));
    pair.submit(say(targets[1], "3"));
    pair.submit(tell(Audience::All, "4"));
    pair.submit(leave(targets[1], "a"));
    pair.submit(tell(group("a"), "not to it"));
    pair.submit(say(targets[1], "5"));
    let replies = pair.replies_soon().into_iter();
    let to_it: Vec<_> = replies.filter(|(to, _)| *to == 2).collect();
    let texts = [b"\x81\x011", b"\x81\x012", b"\x81\x013", b"\x81\x014", b"\x81\x015"];
    assert_eq!(to_it, expected(texts.map(|text| (2, &text[..]))));
}

#[test]
fn groups_and_memberships_and_names_are_limited() {
    let mut pair = Pair::up(
        1,
        small(|config| {
            config.limits.groups_max = 2;
            config.limits.memberships_max = 4;
            config.limits.group_name_max = 3;
        }),
    );
    let targets = pair.members(2, "abc");
    assert_eq!(pair.refused(join(targets[0], "abcd")), Refused::GroupNameTooLong);
    pair.submit(join(targets[0], ""));
    assert_eq!(pair.refused(join(targets[0], "c")), Refused::TooManyGroups);
    pair.submit(leave(targets[0], ""));
    pair.submit(join(targets[0], "c"));
    pair.submit(join(targets[1], "c"));
    let third = pair.open(3);
    assert_eq!(pair.refused(join(third, "c")), Refused::TooManyMemberships);
    // What is there already needs no room.
    pair.submit(join(targets[0], "c"));
    pair.deliver(notice(1));
    pair.run_ms(50);
    pair.submit(join(third, "c"));
    assert_eq!(pair.reached("c"), [2, 3]);
    for refused in [Refused::GroupNameTooLong, Refused::TooManyGroups, Refused::TooManyMemberships]
    {
        assert!(refused.to_string().contains(": "), "{refused} does not say what to do");
    }
}

/// A member that reads and one that does not, both told a hundred things; what was reported of it.
fn one_of_two_is_slow(slow: Slow) -> (Pair, Readers, usize) {
    let config: Config = small(|config| {
        config.slow = slow;
        config.limits.target_messages_max = 5;
    });
    let mut pair = Pair::up(1, config);
    pair.members(2, "a");
    let mut readers = Readers::default();
    for number in 0..100 {
        pair.submit(tell(group("a"), format!("{number},")));
        pair.run_ms(1);
        readers.take(&mut pair);
        readers.read(&mut pair, 1, usize::MAX);
    }
    let mut lost = 0;
    for event in pair.events() {
        if let Event::Undelivered { targets, reason } = event {
            assert_eq!(reason, Loss::Slow);
            assert!(targets.iter().all(|target| target.conn_id.0 == 2));
            lost += targets.len();
        }
    }
    for _ in 0..50 {
        pair.run_ms(5);
        readers.read_all(&mut pair);
    }
    let all: Vec<_> = (0..100).map(|number| number.to_string()).collect();
    assert_eq!(readers.texts(1), all);
    (pair, readers, lost)
}

#[test]
fn a_member_for_whom_too_much_waits_is_left_out_and_reported() {
    let (mut pair, readers, lost) = one_of_two_is_slow(Slow::Wait);
    assert!(lost > 0 && readers.texts(2).len() + lost == 100);
    assert_eq!(pair.group_len("a"), 2);
}

#[test]
fn a_slow_member_gets_the_newest_where_the_oldest_are_given_up() {
    let (mut pair, readers, lost) = one_of_two_is_slow(Slow::DropOldest);
    assert!(lost > 0 && readers.texts(2).len() + lost == 100);
    assert_eq!(readers.texts(2).last().unwrap(), "99");
    assert_eq!(pair.group_len("a"), 2);
}

#[test]
fn a_member_that_is_closed_for_slowness_has_left() {
    let close = Close::new(CloseCode::POLICY, "").unwrap();
    let (mut pair, readers, lost) = one_of_two_is_slow(Slow::Close(close));
    assert!(lost > 0 && readers.texts(2).len() + lost < 100);
    assert_eq!(pair.group_len("a"), 1);
}

/// What is said behind the end of a connection would reach nobody, and be told to nobody.
#[test]
fn who_is_named_twice_and_closed_for_slowness_misses_both() {
    let close = Close::new(CloseCode::POLICY, "").unwrap();
    let mut pair = Pair::up(
        1,
        small(|config| {
            config.slow = Slow::Close(close);
            config.limits.target_messages_max = 5;
        }),
    );
    let target = pair.open(1);
    let twice = tell(vec![target, target].into(), "x");
    let mut said = 0;
    let mut told = Vec::new();
    while !told.iter().any(|event| matches!(event, Event::SessionClosed { .. })) {
        pair.submit(twice.clone());
        pair.run_ms(1);
        said += 2;
        assert!(said < 200, "it is never closed");
        told.extend(pair.events());
    }
    pair.run_ms(50);
    told.extend(pair.events());
    let lost = told.iter().map(|event| match event {
        Event::Undelivered { targets, .. } => targets.len(),
        _ => 0,
    });
    let replies = pair.replies();
    let bodies = replies.iter().map(|(_, body)| &body[..]);
    let got: usize =
        bodies.map(|body| body.windows(3).filter(|text| text == b"\x81\x01x").count()).sum();
    assert_eq!(got + lost.sum::<usize>(), said);
    // Nothing goes behind the end of the connection, if that has come already.
    let end = replies.iter().position(|(_, body)| body.is_empty());
    assert!(end.is_none_or(|end| end + 1 == replies.len()), "{replies:?}");
}

#[test]
fn what_broadcasts_did_not_reach_is_counted() {
    let mut pair = Pair::up(1, small(|config| config.limits.message_size_max = 2000));
    let targets = pair.members(3, "a");
    let stranger = pair.target(9);
    assert_eq!(pair.refused(tell(group("a"), "x".repeat(2001))), Refused::TooLarge);
    assert_eq!(pair.refused(tell(Audience::All, "x".repeat(2001))), Refused::TooLarge);
    let some = vec![targets[0], stranger];
    assert_eq!(pair.refused(tell(some.clone().into(), "x".repeat(2001))), Refused::TooLarge);
    pair.submit(tell(some.into(), "x"));
    pair.submit(tell(group("a"), "x"));
    pair.run_ms(50);
    let nowhere = Target { server: removed(&mut pair), ..stranger };
    pair.submit(tell(vec![nowhere, nowhere].into(), "x"));
    pair.submit(Command::Shutdown);
    let stopped = pair.until(|event| matches!(event, Event::Stopped { .. }));
    let Event::Stopped { undelivered, reports } = stopped else { panic!("{stopped:?}") };
    let Tally { delivered, refused, undelivered: of_server, .. } = reports[0].tally;
    assert_eq!((delivered, refused, of_server), (4, 8, 1));
    // Of the server that is gone nobody else keeps count.
    assert_eq!(undelivered, 3);
}

/// A server that was served, and is not any more.
fn removed(pair: &mut Pair) -> mongrel2_transceiver::transceiver::ServerId {
    pair.submit(crate::pair::add_server("other", 8001));
    let added = pair.until(|event| matches!(event, Event::ServerAdded { .. }));
    let Event::ServerAdded { server, .. } = added else { panic!("{added:?}") };
    pair.submit(Command::RemoveServer { server });
    pair.until(|event| matches!(event, Event::ServerRemoved { .. }));
    server
}
