//! What all sockets have in common: S1 to S14.
//!
//! S12 (conflate) is left out: Mongrel2 has no use for it, and we do not offer it.

use std::io::ErrorKind;
use std::time::Duration;

use mongrel2_transceiver::socket::{Command, Config, DownReason, Event, Reconnect, Refused};
use mongrel2_transceiver::zmtp::{Error, SocketType};
use mongrel2_transceiver::{Endpoint, Input};

use crate::bench::{Bench, SIDES, Side, endpoint, message, one};
use crate::wire;

const NANO: Duration = Duration::from_nanos(1);
const SECOND: Duration = Duration::from_secs(1);

fn delays(config: Config) -> Vec<Duration> {
    let mut bench = Bench::with(config);
    bench.hand.submit(Command::Connect(endpoint(1))).expect("a new endpoint");
    let mut delays = Vec::new();
    for _ in 0..10 {
        bench.hand.refuse();
        let events = bench.hand.events();
        let [Event::ConnectFailed { retry_in, reason, .. }] = &events[..] else {
            unreachable!("{events:?}")
        };
        assert_eq!(*reason, DownReason::Io(ErrorKind::ConnectionRefused));
        bench.hand.pass(*retry_in - NANO);
        assert!(bench.hand.connects.is_empty(), "not before its time");
        bench.hand.pass(NANO);
        assert_eq!(bench.hand.connects.len(), 1, "but then");
        delays.push(*retry_in);
    }
    delays
}

#[test]
fn s5_waits_double_up_to_the_longest_and_are_drawn_from_the_seed() {
    let delays_of = |seed| {
        let mut config = Config::new(SocketType::Pull);
        config.seed = seed;
        delays(config)
    };
    let bounds = [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000, 5000];
    for (delay, bound) in delays_of(1).into_iter().zip(bounds.map(Duration::from_millis)) {
        assert!(delay >= bound / 2 && delay <= bound, "{delay:?} of {bound:?}");
    }
    assert_eq!(delays_of(1), delays_of(1));
    assert_ne!(delays_of(1), delays_of(2));
}

#[test]
fn s5_a_wait_of_zero_does_not_spin() {
    let mut config = Config::new(SocketType::Pull);
    config.reconnect = Reconnect { delay_min: Duration::ZERO, delay_max: Duration::ZERO };
    assert!(delays(config).into_iter().all(|delay| delay == Duration::from_millis(1)));
}

#[test]
fn s5_a_link_that_stayed_starts_the_waits_over() {
    let mut bench = Bench::new(SocketType::Pull);
    bench.hand.submit(Command::Connect(endpoint(1))).unwrap();
    for _ in 0..8 {
        bench.hand.refuse();
        bench.hand.pass(5 * SECOND);
    }
    let link = bench.hand.connect();
    bench.shake(link, 1);
    bench.hand.pass(10 * SECOND);
    bench.hand.ends(link, None);
    bench.hand.pass(SECOND / 10);
    assert_eq!(bench.hand.connects.len(), 1);
}

#[test]
fn s6_a_protocol_error_of_a_server_leads_to_another_attempt() {
    for is_ready in [false, true] {
        let mut bench = Bench::new(SocketType::Pull);
        for _ in 0..3 {
            if bench.hand.connects.is_empty() {
                let command = Command::Connect(endpoint(1));
                bench.hand.submit(command).unwrap();
            }
            let link = bench.hand.connect();
            if is_ready {
                bench.shake(link, 1);
            }
            bench.hand.says(link, b"\x80\0");
            assert!(bench.hand.is_closed(link));
            let events = bench.hand.events();
            let [
                Event::Down { reason: DownReason::Protocol(error), .. }
                | Event::ConnectFailed { reason: DownReason::Protocol(error), .. },
            ] = &events[..]
            else {
                panic!("{events:?}")
            };
            assert_eq!(matches!(error, Error::ReservedFlags { .. }), is_ready);
            bench.hand.pass(SECOND);
        }
    }
}

#[test]
fn s7_an_endpoint_has_its_queue_from_the_connect_on_and_keeps_it() {
    let mut bench = Bench::new(SocketType::Push);
    bench.hand.submit(Command::Connect(endpoint(1))).unwrap();
    bench.send(&["while connecting"]).unwrap();
    bench.hand.refuse();
    bench.send(&["between attempts"]).unwrap();
    bench.hand.pass(SECOND);
    let link = bench.hand.connect();
    bench.send(&["while shaking hands"]).unwrap();
    bench.hand.ends(link, None);
    bench.hand.pass(SECOND);
    let link = bench.hand.connect();
    bench.hand.says(link, &wire::handshake(SocketType::Push));
    let all = ["while connecting", "between attempts", "while shaking hands"].map(one).concat();
    assert!(bench.hand.wrote(link).ends_with(&all));
}

#[test]
fn s8_immediate_takes_nothing_before_the_handshake_and_keeps_nothing_after_the_link() {
    let mut config = Config::new(SocketType::Push);
    config.immediate = true;
    config.limits.write_size = 1;
    let mut bench = Bench::with(config);
    bench.hand.submit(Command::Connect(endpoint(1))).unwrap();
    assert_eq!(bench.send(&["x"]), Err(Refused::NoPeer));
    let link = bench.hand.connect();
    assert_eq!(bench.send(&["x"]), Err(Refused::NoPeer));
    bench.shake(link, 1);
    bench.hand.stick(link, true);
    for _ in 0..3 {
        bench.send(&["x"]).unwrap();
    }
    bench.hand.ends(link, None);
    assert_eq!(bench.downs(), [(DownReason::Closed, 3)]);
    assert_eq!(bench.send(&["x"]), Err(Refused::NoPeer));
}

#[test]
fn s9_the_marks_count_messages_and_octets_of_each_peer_until_they_are_written() {
    for side in SIDES {
        for (write_size, octets_max, taken) in
            [(1, 1 << 20, 10), (1 << 20, 1 << 20, 10), (1, 100, 5), (1, 19, 1), (1, 0, 1)]
        {
            let mut config = Config::new(SocketType::Push);
            config.limits.send_messages_max = 10;
            config.limits.send_bytes_max = octets_max;
            config.limits.write_size = write_size;
            let mut bench = Bench::with(config);
            let links = [bench.peer(side), bench.peer(side)];
            links.iter().for_each(|link| bench.hand.stick(*link, true));
            let twenty = message(&["0123456789", "0123456789"]);
            assert_eq!(bench.fill(&twenty), (2 * taken, Refused::Full), "{octets_max} octets");
        }
    }
}

#[test]
fn s9_a_full_queue_opens_again_at_half() {
    let mut config = Config::new(SocketType::Push);
    config.limits.send_messages_max = 10;
    config.limits.write_size = 1;
    let mut bench = Bench::with(config);
    let link = bench.peer(Side::Bind);
    bench.hand.stick(link, true);
    assert_eq!(bench.fill(&message(&["x"])), (10, Refused::Full));
    // Each write carries one message; the peer takes one after another.
    for left in (5..10).rev() {
        assert_eq!(bench.send(&["y"]), Err(Refused::Full));
        assert_eq!(bench.hand.events(), []);
        bench.hand.tell(Input::Sent { link });
        assert_eq!(bench.hand.events().contains(&Event::Room), left == 5);
    }
    assert_eq!(bench.fill(&message(&["y"])), (5, Refused::Full));
}

#[test]
fn s10_a_full_socket_stops_reading_and_drops_nothing() {
    for side in SIDES {
        for socket_type in [SocketType::Pull, SocketType::Rep] {
            let mut config = Config::new(socket_type);
            config.limits.events_max = 4;
            let mut bench = Bench::with(config);
            let link = bench.peer(side);
            bench.hand.is_deaf = true;
            let mut said = 0;
            while bench.hand.is_reading(link) {
                bench.hand.says(link, &wire::message(&[b"", b"x"]));
                said += 1;
            }
            assert!(said <= 6, "{said} are more than the events and one read");
            bench.hand.hear();
            let mut heard = 0;
            loop {
                let messages = bench.messages().len();
                heard += messages;
                if messages == 0 {
                    break;
                }
                let _only_rep_replies = bench.send(&["reply"]);
            }
            assert_eq!(heard, said);
            assert!(bench.hand.is_reading(link));
        }
    }
}

fn lingering(socket_type: SocketType, linger: Duration) -> Bench {
    let mut config = Config::new(socket_type);
    config.linger = linger;
    config.limits.write_size = 1;
    Bench::with(config)
}

#[test]
fn s11_a_shutdown_waits_for_unsent_messages_as_long_as_linger_says() {
    for side in SIDES {
        let mut bench = lingering(SocketType::Push, SECOND);
        let link = bench.peer(side);
        bench.hand.stick(link, true);
        for _ in 0..3 {
            bench.send(&["x"]).unwrap();
        }
        bench.hand.submit(Command::Shutdown).unwrap();
        assert_eq!(bench.send(&["y"]), Err(Refused::ShuttingDown));
        bench.hand.pass(SECOND - NANO);
        assert!(!bench.hand.is_closed(link) && bench.hand.events().is_empty());
        bench.hand.pass(NANO);
        assert!(bench.hand.is_closed(link));
        assert_eq!(bench.hand.events().last(), Some(&Event::Stopped { undelivered: 3 }));
        assert_eq!(bench.hand.machine.next_deadline(), None);
    }
}

#[test]
fn s11_a_shutdown_ends_as_soon_as_all_is_sent() {
    for side in SIDES {
        let mut bench = lingering(SocketType::Push, SECOND);
        let link = bench.peer(side);
        bench.hand.stick(link, true);
        bench.send(&["x"]).unwrap();
        bench.send(&["y"]).unwrap();
        bench.hand.submit(Command::Shutdown).unwrap();
        bench.hand.stick(link, false);
        assert_eq!(bench.hand.wrote(link), [one("x"), one("y")].concat());
        assert!(bench.hand.is_closed(link));
        assert_eq!(bench.hand.events().last(), Some(&Event::Stopped { undelivered: 0 }));
    }
}

#[test]
fn s11_without_linger_or_without_anything_to_send_a_shutdown_is_over_at_once() {
    for socket_type in wire::ALL_TYPES {
        for peers in 0..3 {
            let mut bench = lingering(socket_type, 100 * SECOND);
            bench.bind();
            for side in SIDES.into_iter().cycle().take(peers) {
                bench.peer(side);
            }
            bench.stream(Side::Connect);
            bench.hand.submit(Command::Shutdown).unwrap();
            assert_eq!(bench.hand.unlistened.len(), 1);
            assert_eq!(bench.hand.events().last(), Some(&Event::Stopped { undelivered: 0 }));
            assert_eq!(bench.hand.machine.open_links().count(), 0);
        }
    }
    let mut bench = lingering(SocketType::Push, Duration::ZERO);
    let link = bench.peer(Side::Bind);
    bench.hand.stick(link, true);
    bench.send(&["x"]).unwrap();
    bench.hand.submit(Command::Shutdown).unwrap();
    assert_eq!(bench.hand.events().last(), Some(&Event::Stopped { undelivered: 1 }));
}

#[test]
fn s11_a_shutdown_connects_for_what_waits_and_ends_once_it_is_sent() {
    let mut bench = lingering(SocketType::Push, 10 * SECOND);
    bench.hand.submit(Command::Connect(endpoint(1))).unwrap();
    bench.send(&["x"]).unwrap();
    bench.hand.submit(Command::Shutdown).unwrap();
    bench.hand.refuse();
    bench.hand.pass(SECOND);
    let link = bench.hand.connect();
    bench.hand.says(link, &wire::handshake(SocketType::Push));
    assert!(bench.hand.wrote(link).ends_with(&one("x")));
    assert_eq!(bench.hand.events().last(), Some(&Event::Stopped { undelivered: 0 }));

    let mut bench = lingering(SocketType::Push, 10 * SECOND);
    bench.hand.submit(Command::Connect(endpoint(1))).unwrap();
    bench.send(&["x"]).unwrap();
    bench.hand.submit(Command::Shutdown).unwrap();
    bench.hand.pass(10 * SECOND);
    assert_eq!(bench.hand.events().last(), Some(&Event::Stopped { undelivered: 1 }));
}

#[test]
fn s11_a_disconnect_flushes_what_waits_within_linger() {
    // Up; while connecting; between two attempts.
    for stage in 0..3 {
        let mut bench = lingering(SocketType::Push, 10 * SECOND);
        let mut link = None;
        if stage == 0 {
            let up = bench.peer(Side::Connect);
            bench.hand.stick(up, true);
            link = Some(up);
        } else {
            bench.hand.submit(Command::Connect(endpoint(1))).unwrap();
        }
        if stage == 2 {
            bench.hand.refuse();
        }
        bench.send(&["x"]).unwrap();
        bench.send(&["y"]).unwrap();
        bench.hand.submit(Command::Disconnect(endpoint(1))).unwrap();
        assert_eq!(bench.send(&["z"]), Err(Refused::NoPeer), "it is disconnected");
        let link = link.unwrap_or_else(|| {
            let opened = bench.hand.connect();
            bench.hand.says(opened, &wire::handshake(SocketType::Push));
            opened
        });
        bench.hand.stick(link, false);
        assert!(bench.hand.wrote(link).ends_with(&[one("x"), one("y")].concat()), "{stage}");
        assert!(bench.hand.is_closed(link));
        bench.hand.pass(100 * SECOND);
        assert!(bench.hand.connects.is_empty(), "never again");
    }
}

#[test]
fn s11_a_disconnect_waits_no_longer_than_linger() {
    let mut bench = lingering(SocketType::Push, SECOND);
    let link = bench.peer(Side::Connect);
    bench.hand.stick(link, true);
    bench.send(&["x"]).unwrap();
    bench.send(&["y"]).unwrap();
    bench.hand.submit(Command::Disconnect(endpoint(1))).unwrap();
    bench.hand.pass(SECOND - NANO);
    assert!(!bench.hand.is_closed(link));
    bench.hand.pass(NANO);
    assert!(bench.hand.is_closed(link));
    assert_eq!(bench.downs(), [(DownReason::Ours, 2)]);
}

#[test]
fn s13_a_flood_of_one_peer_does_not_starve_the_others() {
    for side in SIDES {
        let mut config = Config::new(SocketType::Pull);
        config.limits.events_max = 1;
        let mut bench = Bench::with(config);
        let links = [bench.peer(side), bench.peer(side), bench.peer(side)];
        bench.hand.is_deaf = true;
        bench.hand.says(links[0], &one("flood").repeat(1000));
        bench.hand.says(links[1], &one("b").repeat(3));
        bench.hand.says(links[2], &one("c").repeat(3));
        bench.hand.hear();
        let texts = bench.texts();
        assert_eq!(texts.len(), 1006);
        let last = texts.iter().rposition(|text| text != "flood").unwrap();
        assert!(last < 12, "{:?}", &texts[..12]);
    }
}

#[test]
fn s14_at_the_limit_nothing_more_is_accepted_until_a_link_ends() {
    let mut config = Config::new(SocketType::Pull);
    config.limits.links_max = 3;
    let mut bench = Bench::with(config);
    let links = [bench.peer(Side::Bind), bench.peer(Side::Bind), bench.stream(Side::Bind)];
    bench.shake(links[2], 1);
    // One more was asked for while a handshake was not finished: it finds no place.
    let late = bench.hand.accept();
    assert!(bench.hand.is_closed(late) && bench.hand.accepts.is_empty());
    bench.peer(Side::Connect);
    bench.hand.ends(links[0], None);
    assert_eq!(bench.hand.accepts.len(), 1, "links that we made do not count");
    bench.peer(Side::Bind);
}

#[test]
fn s14_silent_peers_lock_nobody_out() {
    for (links_max, handshakes_max) in [(100, 2), (2, 100), (2, 2), (1, 1)] {
        let mut config = Config::new(SocketType::Rep);
        config.limits.links_max = links_max;
        config.limits.handshakes_max = handshakes_max;
        let mut bench = Bench::with(config);
        let silent: Vec<_> = (0..10).map(|_| bench.stream(Side::Bind)).collect();
        let link = bench.peer(Side::Bind);
        let open = silent.iter().filter(|link| !bench.hand.is_closed(**link)).count();
        assert!(open < 3, "{open} are left of the silent ones, of {links_max}");
        bench.hand.says(link, &wire::message(&[b"", b"x"]));
        assert_eq!(bench.texts(), ["x"]);
        assert!(bench.hand.is_closed(silent[0]), "the oldest went first");
    }
}

#[test]
fn s14_a_limit_without_end_does_not_overflow() {
    let mut config = Config::new(SocketType::Pull);
    config.limits.links_max = usize::MAX;
    config.limits.handshakes_max = usize::MAX;
    let mut bench = Bench::with(config);
    let silent = bench.stream(Side::Bind);
    bench.peer(Side::Bind);
    assert!(!bench.hand.is_closed(silent) && bench.hand.accepts.len() == 1);
}

#[test]
fn s14_out_of_descriptors_accepting_pauses() {
    let mut bench = Bench::new(SocketType::Pull);
    bench.bind();
    for _ in 0..5 {
        let (_, link) = bench.hand.accepts.pop_front().expect("an accept is under way");
        bench.hand.tell(Input::Closed { link, cause: Some(ErrorKind::Other) });
        assert!(bench.hand.accepts.is_empty(), "no spinning");
        let deadline = bench.hand.machine.next_deadline().expect("it tries again");
        assert!(deadline >= bench.hand.now() + Duration::from_millis(50));
        bench.hand.pass(5 * SECOND);
    }
    bench.peer(Side::Bind);
}

#[test]
fn s14_ten_thousand_peers_come_and_go() {
    let mut config = Config::new(SocketType::Rep);
    config.limits.links_max = 100;
    let mut bench = Bench::with(config);
    for turn in 0..10_000 {
        let link = bench.stream(Side::Bind);
        if turn % 3 == 0 {
            bench.shake(link, 1);
            bench.hand.says(link, &wire::message(&[b"", b"x"]));
            assert_eq!(bench.texts(), ["x"]);
            bench.send(&["y"]).unwrap();
            bench.hand.ends(link, None);
        }
        bench.hand.events();
        assert!(bench.hand.machine.machine().link_count() <= 100);
    }
}

#[test]
fn s14_a_storm_of_peers_is_held_while_the_application_does_not_listen() {
    for socket_type in wire::ALL_TYPES {
        let mut config = Config::new(socket_type);
        config.limits.events_max = 10;
        let mut bench = Bench::with(config);
        bench.bind();
        bench.hand.is_deaf = true;
        let mut came = 0;
        while !bench.hand.accepts.is_empty() {
            let link = bench.hand.accept();
            bench.hand.says(link, &wire::handshake(socket_type));
            bench.hand.ends(link, None);
            came += 1;
            assert!(came < 100, "they come without end");
        }
        bench.hand.hear();
        assert_eq!(bench.hand.events().len(), 2 * came, "each up and down is told");
        bench.peer(Side::Bind);
    }
}

#[test]
fn a_flood_of_subscriptions_is_read_no_faster_than_it_is_told() {
    let mut config = Config::new(SocketType::Pub);
    config.limits.events_max = 10;
    let mut bench = Bench::with(config);
    let link = bench.peer(Side::Bind);
    bench.hand.is_deaf = true;
    let flood = [one("\u{1}a"), one("\0a")].concat().repeat(5000);
    bench.hand.says(link, &flood);
    assert!(!bench.hand.is_reading(link));
    bench.send(&["b"]).unwrap_err();
    bench.hand.hear();
    assert_eq!(bench.hand.events().len(), 10_000);
    assert!(bench.hand.is_reading(link));
}

#[test]
fn a_flood_of_pings_gets_few_answers_and_stops_nothing() {
    for socket_type in wire::ALL_TYPES {
        let mut bench = Bench::new(socket_type);
        let link = bench.peer(Side::Bind);
        bench.hand.stick(link, true);
        for _ in 0..100 {
            bench.hand.says(link, &wire::command("PING", &[0, 9, b'x']).repeat(1000));
        }
        assert_eq!(bench.hand.wrote(link), wire::command("PONG", b"x"));
        bench.hand.stick(link, false);
        assert_eq!(bench.hand.wrote(link), wire::command("PONG", b"x"));
        assert_eq!(bench.hand.events(), []);
    }
}

#[test]
fn endpoints_are_checked() {
    let mut bench = Bench::new(SocketType::Pull);
    let mut try_it = |command| bench.hand.submit(command);
    let any_port: Endpoint = "tcp://*:*".parse().unwrap();
    assert_eq!(try_it(Command::Connect(any_port.clone())), Err(Refused::Wildcard));
    assert_eq!(try_it(Command::Connect(endpoint(1))), Ok(()));
    assert_eq!(try_it(Command::Connect(endpoint(1))), Err(Refused::EndpointInUse));
    assert_eq!(try_it(Command::Bind(endpoint(1))), Err(Refused::EndpointInUse));
    assert_eq!(try_it(Command::Disconnect(endpoint(2))), Err(Refused::UnknownEndpoint));
    assert_eq!(try_it(Command::Unbind(endpoint(1))), Err(Refused::UnknownEndpoint));
    assert_eq!(try_it(Command::Bind(any_port.clone())), Ok(()));
    assert_eq!(try_it(Command::Bind(any_port.clone())), Ok(()), "two ports of the system's choice");
    let (listener, _) = bench.hand.listens.pop_front().unwrap();
    bench.hand.tell(Input::ListenFailed { listener, cause: ErrorKind::AddrInUse });
    let cause = ErrorKind::AddrInUse;
    let failed = Event::ListenFailed { endpoint: any_port.clone(), cause };
    assert_eq!(bench.hand.events(), [failed]);
    bench.hand.listening(7001);
    let bound = any_port.clone().with_port(7001);
    assert_eq!(bench.hand.events(), [Event::Listening { endpoint: any_port.clone(), bound }]);
    let link = bench.hand.accept();
    bench.hand.submit(Command::Unbind(any_port)).unwrap();
    bench.shake(link, 1);
    assert_eq!((bench.hand.accepts.len(), bench.hand.unlistened.len()), (0, 1));
    assert!(!bench.hand.is_closed(link), "links outlive their listener");
}
