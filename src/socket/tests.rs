//! What a socket offers to the machines above it, and the outside cannot reach.

use std::time::{Duration, Instant};

use super::config::Config;
use super::core::Core;
use super::event::{DownReason, Event};
use super::io::Io;
use super::liveness::Heartbeat;
use crate::machine::{Input, LinkId, Output};
use crate::zmtp::{Engine, Limits, Received, SocketType};

const SECOND: Duration = Duration::from_secs(1);

/// A core with one connected peer, whose engine the test holds.
struct Pair {
    io: Io,
    core: Core,
    link: LinkId,
    peer: Engine,
}

fn pair(ours: SocketType, theirs: SocketType) -> Pair {
    pair_with(Config::new(ours), theirs)
}

#[expect(clippy::disallowed_methods, reason = "a base for made-up times")]
fn pair_with(config: Config, theirs: SocketType) -> Pair {
    let mut io = Io::new(Instant::now(), 1);
    let mut core = Core::new(config, 0);
    core.connect("tcp://peer:1".parse().unwrap(), &mut io).unwrap();
    let Some(Output::Connect { link, .. }) = io.pop() else { panic!("it connects") };
    core.handle(Input::Opened { link }, &mut io);
    let mut pair = Pair { io, core, link, peer: Engine::new(theirs, Limits::default()) };
    for _ in 0..3 {
        pair.exchange();
    }
    assert!(matches!(pair.core.pop_notice(&mut pair.io), Some(Event::Up { .. })));
    pair
}

impl Pair {
    /// Carries what each has to say to the other; what the peer received.
    fn exchange(&mut self) -> Vec<Received> {
        self.core.flush(&mut self.io);
        while let Some(output) = self.io.pop() {
            if let Output::Write { link, data } = output {
                self.peer.receive(data.into_bytes());
                self.core.handle(Input::Sent { link }, &mut self.io);
            }
        }
        let received: Vec<_> = std::iter::from_fn(|| self.peer.next().unwrap()).collect();
        if let Some(octets) = self.peer.take_output() {
            let input = Input::Received { link: self.link, data: octets.into_bytes() };
            self.core.handle(input, &mut self.io);
        }
        received
    }

    fn message(&mut self) -> Option<Event> {
        self.core.next_message(&mut self.io)
    }

    fn pass(&mut self, time: Duration) {
        self.io.advance(self.io.now() + time);
        self.core.handle(Input::Timeout, &mut self.io);
    }

    fn answer_pings(&mut self) {
        for received in self.exchange() {
            if let Received::Ping { context, .. } = received {
                self.peer.pong(&context);
            }
        }
        self.exchange();
    }
}

#[test]
fn a_probe_is_proven_by_its_own_answer_alone() {
    let mut pair = pair(SocketType::Pull, SocketType::Push);
    assert!(pair.core.probe(pair.link, &mut pair.io));
    pair.peer.pong(b"another");
    pair.exchange();
    assert_eq!(pair.message(), None);
    assert!(pair.core.probe(pair.link, &mut pair.io));
    pair.answer_pings();
    assert_eq!(pair.message(), Some(Event::Proven { link: pair.link }));
    pair.pass(100 * SECOND);
    assert_eq!(pair.core.pop_notice(&mut pair.io), None);
}

#[test]
fn an_overdue_proof_ends_the_link_unless_we_did_not_read() {
    for is_paused in [false, true] {
        let mut pair = pair(SocketType::Pull, SocketType::Push);
        assert_eq!(pair.message(), None);
        pair.core.set_paused(is_paused, &mut pair.io);
        assert!(pair.core.probe(pair.link, &mut pair.io));
        // The answer arrives at the one read that was under way, and is not looked at while paused.
        pair.answer_pings();
        if !is_paused {
            assert!(pair.core.probe(pair.link, &mut pair.io));
            assert_eq!(pair.message(), None, "the answer to the first proves nothing");
        }
        pair.pass(30 * SECOND);
        let down = Event::Down { link: pair.link, reason: DownReason::Silent, lost: 0 };
        let expected = (!is_paused).then_some(down);
        assert_eq!(pair.core.pop_notice(&mut pair.io), expected);
        pair.core.set_paused(false, &mut pair.io);
        let proven = is_paused.then_some(Event::Proven { link: pair.link });
        assert_eq!(pair.message(), proven);
    }
}

#[test]
fn a_ping_that_is_to_prove_something_does_not_take_the_time_to_live_back() {
    for (heartbeat, expected) in [(None, Duration::ZERO), (Some(Heartbeat::default()), 40 * SECOND)]
    {
        let mut config = Config::new(SocketType::Pull);
        config.heartbeat = heartbeat;
        let mut pair = pair_with(config, SocketType::Push);
        assert!(pair.core.probe(pair.link, &mut pair.io));
        let [Received::Ping { ttl, .. }] = pair.exchange()[..] else { panic!("a PING alone") };
        assert_eq!(ttl, expected);
    }
}

#[test]
fn a_pause_holds_messages_back_and_loses_none() {
    let mut pair = pair(SocketType::Pull, SocketType::Push);
    assert_eq!(pair.message(), None);
    pair.core.set_paused(true, &mut pair.io);
    pair.peer.send(&"one".into());
    pair.exchange();
    assert_eq!(pair.message(), None);
    assert!(pair.io.pop().is_none(), "nothing more is read");
    pair.core.set_paused(false, &mut pair.io);
    let message = Event::Message { link: pair.link, message: "one".into() };
    assert_eq!(pair.message(), Some(message));
    assert_eq!(pair.message(), None);
    assert!(matches!(pair.io.pop(), Some(Output::Read { .. })));
}

#[test]
fn a_reset_link_is_made_anew_and_what_waited_is_counted() {
    let mut pair = pair(SocketType::Push, SocketType::Pull);
    pair.core.send("one".into(), &mut pair.io).unwrap();
    assert_eq!(pair.core.queued(pair.link), (1, 3));
    pair.exchange();
    assert_eq!((pair.core.queued(pair.link), pair.core.take_sent()), ((0, 0), 1));
    pair.core.reset(pair.link, &mut pair.io);
    assert!(matches!(pair.io.pop(), Some(Output::Read { .. } | Output::Close { .. })));
    pair.pass(SECOND);
    let connects = std::iter::from_fn(|| pair.io.pop())
        .filter(|output| matches!(output, Output::Connect { .. }));
    assert_eq!(connects.count(), 1);
}

#[test]
fn a_subscription_is_asked_for_by_link() {
    let mut pair = pair(SocketType::Pub, SocketType::Sub);
    assert!(!pair.core.is_subscribed(pair.link, b"abc"));
    pair.peer.subscribe(b"ab");
    pair.exchange();
    assert!(pair.core.is_subscribed(pair.link, b"abc"));
    assert!(!pair.core.is_subscribed(pair.link, b"a"));
}

#[test]
fn a_flood_of_subscriptions_makes_no_more_notices_than_the_limit() {
    let mut pair = pair(SocketType::Pub, SocketType::Sub);
    for _ in 0..5000 {
        pair.peer.subscribe(b"a");
        pair.peer.cancel(b"a");
    }
    pair.exchange();
    let max = pair.core.config.limits.events_max;
    assert_eq!(pair.core.notices.len(), max);
    let told = std::iter::from_fn(|| pair.core.pop_notice(&mut pair.io)).count();
    assert_eq!(told, 10_000);
}

#[test]
fn a_subscription_does_not_keep_the_chunk_that_it_came_in() {
    let mut pair = pair(SocketType::Pub, SocketType::Sub);
    pair.peer.subscribe(b"a");
    pair.peer.subscribe(b"b");
    pair.peer.cancel(b"b");
    let chunk = pair.peer.take_output().unwrap().into_bytes();
    let chunk = bytes::Bytes::from(chunk.to_vec());
    pair.core.handle(Input::Received { link: pair.link, data: chunk.clone() }, &mut pair.io);
    assert_eq!(pair.core.notices.len(), 3);
    assert!(chunk.is_unique());
}

#[test]
fn a_socket_that_has_stopped_waits_for_nothing() {
    let mut pair = pair(SocketType::Rep, SocketType::Req);
    pair.core.shutdown(&mut pair.io);
    let stopped = std::iter::from_fn(|| pair.core.pop_notice(&mut pair.io));
    assert!(stopped.into_iter().any(|event| matches!(event, Event::Stopped { .. })));
    assert_eq!(pair.core.next_deadline(), None);
}

#[test]
fn one_peer_alone_is_given_what_there_is_room_for() {
    let mut pair = pair(SocketType::Push, SocketType::Pull);
    pair.core.config.limits.message_size_max = 100;
    let stranger = pair.io.new_link(9);
    assert!(!pair.core.send_to(stranger, "x".into()) && !pair.core.is_up(stranger));
    assert!(!pair.core.send_to(pair.link, vec![b'x'; 101].into()));
    assert!(pair.core.send_to(pair.link, vec![b'x'; 100].into()));
    let mut taken = 1;
    while pair.core.send_to(pair.link, "x".into()) {
        taken += 1;
    }
    let limits = &pair.core.config.limits;
    assert_eq!((taken, pair.core.queued(pair.link).0), (limits.send_messages_max, taken));
}

#[test]
fn what_lingers_is_given_no_more_though_there_is_room() {
    let mut pair = pair(SocketType::Push, SocketType::Pull);
    assert!(pair.core.send_to(pair.link, "last".into()) && pair.core.is_up(pair.link));
    pair.core.shutdown(&mut pair.io);
    assert!(!pair.core.send_to(pair.link, "x".into()) && !pair.core.is_up(pair.link));
    let received = pair.exchange();
    assert!(matches!(&received[..], [Received::Message(_)]), "{received:?}");
}

#[test]
fn a_link_whose_stream_is_gone_is_not_up_while_it_is_drained() {
    let mut pair = pair(SocketType::Pull, SocketType::Push);
    assert_eq!(pair.message(), None);
    pair.peer.send(&"last".into());
    pair.exchange();
    assert!(pair.core.is_up(pair.link));
    pair.core.handle(Input::Closed { link: pair.link, cause: None }, &mut pair.io);
    assert!(!pair.core.is_up(pair.link) && !pair.core.send_to(pair.link, "x".into()));
    let last = Event::Message { link: pair.link, message: "last".into() };
    assert_eq!((pair.message(), pair.message()), (Some(last), None));
    let down = Event::Down { link: pair.link, reason: DownReason::Closed, lost: 0 };
    assert_eq!(pair.core.pop_notice(&mut pair.io), Some(down));
}

#[test]
fn who_ends_has_heard_all_that_it_wants_to_hear() {
    let mut pair = pair(SocketType::Push, SocketType::Pull);
    pair.core.send("one".into(), &mut pair.io).unwrap();
    pair.core.shutdown(&mut pair.io);
    let end = pair.core.next_deadline();
    pair.core.hear_out(Duration::ZERO, &mut pair.io);
    assert!(end.is_some() && pair.core.next_deadline() == end);
    let received = pair.exchange();
    assert!(matches!(&received[..], [Received::Message(_)]), "{received:?}");
}

/// How long a peer that says nothing more is borne, whom the operating system takes octets for as before:
/// each write after a moment. It is asked for a proof now, and perhaps again and again.
fn borne(heartbeat: Option<Heartbeat>, moment: Duration, again: Option<Duration>) -> Duration {
    let mut config = Config::new(SocketType::Pull);
    config.heartbeat = heartbeat;
    let mut pair = pair_with(config, SocketType::Push);
    pair.message();
    let start = pair.io.now();
    let (core, io) = (&mut pair.core, &mut pair.io);
    let mut probe_at = Some(start);
    let mut sent_at = None;
    loop {
        core.flush(io);
        while let Some(output) = io.pop() {
            if matches!(output, Output::Write { .. }) {
                sent_at = Some(io.now() + moment);
            }
        }
        while let Some(notice) = core.pop_notice(io) {
            if let Event::Down { reason, .. } = notice {
                assert_eq!(reason, DownReason::Silent);
                return io.now() - start;
            }
        }
        let next = [core.next_deadline(), sent_at, probe_at].into_iter().flatten().min().unwrap();
        assert!(next - start < 3600 * SECOND, "it is never given up");
        io.advance(next);
        if sent_at.take_if(|at| *at == next).is_some() {
            core.handle(Input::Sent { link: pair.link }, io);
        } else if probe_at.take_if(|at| *at == next).is_some() {
            core.probe(pair.link, io);
            probe_at = again.map(|pause| next + pause);
        } else {
            core.handle(Input::Timeout, io);
        }
    }
}

#[test]
fn octets_that_nobody_answers_are_no_sign_of_life() {
    for moment in [0, 50, 2_000, 20_000].map(Duration::from_micros) {
        for again in [None, Some(7 * SECOND)] {
            let asking = borne(Some(Heartbeat::default()), moment, again);
            // Who is asked anew meanwhile has until the next PING is overdue.
            let most = if again.is_some() { 21 } else { 11 };
            assert!(asking <= most * SECOND, "{asking:?} with {moment:?} and {again:?}");
        }
        let once = borne(None, moment, None);
        assert!(once <= 31 * SECOND, "{once:?} with {moment:?}");
    }
}

#[test]
fn a_large_message_is_written_in_pieces_however_much_goes_into_one_write() {
    let mut config = Config::new(SocketType::Push);
    config.limits.write_size = usize::MAX;
    let mut pair = pair_with(config, SocketType::Pull);
    assert!(pair.core.send_to(pair.link, vec![b'x'; 1 << 20].into()));
    let mut writes = 0;
    loop {
        pair.core.flush(&mut pair.io);
        let Some(output) = pair.io.pop() else { break };
        let Output::Write { link, data } = output else { panic!("it writes") };
        assert!(data.len() <= 512 << 10);
        pair.peer.receive(data.into_bytes());
        pair.core.handle(Input::Sent { link }, &mut pair.io);
        writes += 1;
    }
    assert!(writes > 2, "{writes}");
    assert!(
        matches!(pair.peer.next(), Ok(Some(Received::Message(message))) if message.size() == 1 << 20)
    );
}

/// What a link brought before it ended may be the answer to an earlier question.
#[test]
fn a_link_that_has_ended_proves_nothing_to_who_asks_afterwards() {
    for asks_again in [false, true] {
        let mut pair = pair(SocketType::Pull, SocketType::Push);
        assert_eq!(pair.message(), None);
        assert!(pair.core.probe(pair.link, &mut pair.io));
        pair.core.set_paused(true, &mut pair.io);
        let received = pair.exchange();
        let [Received::Ping { context, .. }] = &received[..] else { panic!("{received:?}") };
        pair.peer.pong(context);
        pair.exchange();
        pair.core.handle(Input::Closed { link: pair.link, cause: None }, &mut pair.io);
        if asks_again {
            assert!(pair.core.probe(pair.link, &mut pair.io));
        }
        pair.core.set_paused(false, &mut pair.io);
        let is_proven = matches!(pair.message(), Some(Event::Proven { .. }));
        assert_eq!(is_proven, !asks_again);
    }
}
