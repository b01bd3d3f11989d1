//! Requests on their way to Nodes, and answers on theirs to browsers.

use std::collections::BTreeMap;

use bytes::Bytes;
use mongrel2_transceiver::mongrel2::{Dialect, http};
use mongrel2_transceiver::tier::api::{Command, Config, Event, Forward, Refused, Spread};
use mongrel2_transceiver::tier::node;
use mongrel2_transceiver::transceiver;

use crate::browser::{get, get_tnetstring, get_with, message_in, notice, post};
use crate::kit::{Tier, answer, config, reply, targets};

#[test]
fn each_node_gets_its_turn_and_answers_the_browser_itself() {
    let mut tier = Tier::up(1, 3, Config::default());
    for conn_id in 1..=30 {
        tier.deliver(get(conn_id));
        tier.run_ms(30);
    }
    let replies = tier.replies();
    assert_eq!(replies.len(), 30);
    for number in ["0", "1", "2"] {
        assert_eq!(replies.iter().filter(|(_, body)| body == number).count(), 10, "{replies:?}");
    }
    let events = tier.events();
    assert!(events.is_empty(), "{events:?}");
    tier.run_ms(100);
    let stats = tier.stats();
    assert_eq!((stats.waiting, stats.unfinished), (0, 0));
}

#[test]
fn a_burst_is_shared_and_answered_once_each() {
    let mut tier = Tier::up(2, 3, Config::default());
    (1..=600).for_each(|conn_id| tier.deliver(get(conn_id)));
    tier.run_secs(20);
    let mut by_node = BTreeMap::<Bytes, usize>::new();
    let replies = tier.replies();
    for (_, body) in &replies {
        *by_node.entry(body.clone()).or_default() += 1;
    }
    let mut conn_ids: Vec<_> = replies.iter().map(|(conn_id, _)| *conn_id).collect();
    conn_ids.sort_unstable();
    assert_eq!(conn_ids, (1..=600).collect::<Vec<_>>());
    assert!(by_node.values().all(|count| *count > 100), "{by_node:?}");
    tier.run_secs(1);
    assert_eq!(tier.stats().unfinished, 0);
}

#[test]
fn a_client_sticks_to_its_node() {
    let mut tier = Tier::up(3, 3, config(|config| config.spread = Spread::StickyByClient));
    let mut homes = BTreeMap::new();
    for round in 0..3 {
        (1..=60).for_each(|conn_id| tier.deliver(get(conn_id)));
        tier.run_secs(2);
        for (conn_id, body) in tier.replies() {
            assert_eq!(homes.entry(conn_id).or_insert_with(|| body.clone()), &body, "{round}");
        }
        assert_eq!(homes.len(), 60);
    }
    // One goes: the others keep theirs.
    tier.kill_node(1);
    tier.run_ms(100);
    (1..=60).for_each(|conn_id| tier.deliver(get(conn_id)));
    tier.run_secs(2);
    let replies = tier.replies();
    assert_eq!(replies.len(), 60);
    let moved = replies.iter().filter(|(conn_id, body)| homes[conn_id] != *body).count();
    let of_the_dead = homes.values().filter(|home| *home == "1").count();
    assert_eq!(moved, of_the_dead);
    assert!((5..40).contains(&moved), "{moved}");
}

#[test]
fn the_octets_go_on_untouched() {
    let mut tier = Tier::without_nodes(4, Config::default());
    tier.add_silent_node(node::Config::default());
    tier.until_all_up();
    let odd = [("METHOD", "POST"), ("REMOTE_ADDR", "\u{1}é"), ("VERSION", "HTTP/1.1")];
    let rest = [("PATH", "/"), ("PATTERN", "/"), ("URL_SCHEME", "http")];
    let odd = message_in(Dialect::Json, 3, "/", &[&odd[..], &rest].concat(), b"\0\xFF,}");
    let sent = [get(1), get_tnetstring(2), odd, post(4, &[b'x'; 100_000])];
    sent.iter().for_each(|raw| tier.deliver(raw.clone()));
    tier.run_secs(5);
    let told: Vec<Bytes> = tier
        .told(0)
        .into_iter()
        .filter_map(|event| match event {
            node::Event::Request { request, .. } => Some(request.raw().clone()),
            _ => None,
        })
        .collect();
    assert_eq!(told, sent);
}

#[test]
fn notices_stay_with_the_api() {
    let mut tier = Tier::up(5, 1, Config::default());
    tier.deliver(notice(7));
    tier.run_ms(100);
    let events = tier.events();
    assert!(
        matches!(&events[..], [Event::Handler(transceiver::Event::Disconnect { .. })]),
        "{events:?}"
    );
    assert!(tier.told(0).is_empty());
}

#[test]
fn what_goes_on_may_be_the_application_s_choice() {
    let mut tier = Tier::up(6, 1, config(|config| config.forward = Forward::Nothing));
    tier.deliver(get(1));
    tier.run_ms(100);
    let events = tier.events();
    let [Event::Handler(transceiver::Event::Request { target, request })] = &events[..] else {
        panic!("{events:?}")
    };
    let (target, raw) = (*target, request.raw().clone());
    let refused = |tier: &mut Tier, command| tier.world.submit(tier.api, command).unwrap_err();
    let other = tier.target(1, 2);
    let wrong = Command::Forward { target: other, raw: raw.clone() };
    assert_eq!(refused(&mut tier, wrong), Refused::NoRequest);
    let nonsense = Command::Forward { target, raw: "nonsense".into() };
    assert_eq!(refused(&mut tier, nonsense), Refused::NoRequest);
    tier.submit(Command::Forward { target, raw });
    tier.run_ms(100);
    assert_eq!(tier.replies(), [(1, Bytes::from_static(b"0"))]);
}

#[test]
fn the_first_answer_finishes_a_request_and_more_may_follow() {
    let mut tier = Tier::without_nodes(7, Config::default());
    let node = tier.add_silent_node(node::Config::default());
    tier.until_all_up();
    (1..=3).for_each(|conn_id| tier.deliver(get(conn_id)));
    tier.run_ms(100);
    let targets = targets(&tier.told(0));
    assert_eq!((targets.len(), tier.stats().unfinished), (3, 3));
    tier.world.submit(node, reply(targets[1], "a")).unwrap();
    tier.run_ms(100);
    assert_eq!(tier.stats().unfinished, 2);
    tier.world.submit(node, node::Command::Done { target: targets[0] }).unwrap();
    tier.run_ms(100);
    assert_eq!(tier.stats().unfinished, 1);
    let again = node::Command::Done { target: targets[0] };
    assert_eq!(tier.world.submit(node, again).unwrap_err(), node::Refused::Finished);
    tier.world.submit(node, reply(targets[1], "b")).unwrap();
    tier.world.submit(node, node::Command::HangUp { target: targets[1] }).unwrap();
    tier.world.submit(node, node::Command::Decline { target: targets[2] }).unwrap();
    tier.run_ms(100);
    assert_eq!(tier.replies(), [(2, "a".into()), (2, "b".into()), (2, Bytes::new())]);
    assert_eq!(tier.stats().unfinished, 0);
    let events = tier.events();
    let third = tier.target(1, 3);
    assert!(
        matches!(&events[..], [Event::Unserved { targets, .. }] if *targets == [third]),
        "{events:?}"
    );
}

#[test]
fn a_response_is_made_for_its_request() {
    let mut tier = Tier::without_nodes(8, Config::default());
    let node = tier.add_silent_node(node::Config::default());
    tier.world.script(node, |event| match event {
        node::Event::Request { target, request } => {
            let response = http::Response::text(200, "hello");
            vec![node::Command::respond(*target, request, &response)]
        }
        other => answer(0, other),
    });
    tier.until_all_up();
    tier.deliver(get(1));
    tier.run_ms(100);
    let replies = tier.replies();
    assert!(replies[0].1.starts_with(b"HTTP/1.1 200 OK\r\n"), "{replies:?}");
}

/// They come by more than one message, which one process has to see.
#[test]
fn uploads_stay_with_the_api_and_so_does_what_is_for_the_server() {
    let uploads = transceiver::Uploads::new("tmp/m2.XXXXXX", 8192).ok();
    let mut tier = Tier::up(9, 1, config(|config| config.handler.uploads = uploads));
    let length = ("content-length", "9000");
    let start = ("x-mongrel2-upload-start", "tmp/m2.abcDEF");
    let done = ("x-mongrel2-upload-done", "tmp/m2.abcDEF");
    let forged = ("x-mongrel2-upload-start", "/etc/passwd");
    for headers in [&[length, forged][..], &[length, start], &[length, start, done]] {
        tier.deliver(get_with(7, headers));
        tier.run_ms(30);
    }
    assert_eq!(tier.replies(), [(7, Bytes::from("0"))], "what is made up is like any other");
    let events = tier.events();
    let [
        Event::Handler(transceiver::Event::UploadStarted { target, .. }),
        Event::Handler(transceiver::Event::UploadDone { target: of_end, .. }),
    ] = events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!(target, of_end);
    let time = std::time::Duration::from_secs(60);
    tier.submit(Command::Handler(transceiver::Command::Hold { target, time }));
    tier.run_ms(30);
    let replies = tier.replies();
    assert!(replies.len() == 1 && replies[0].1.starts_with(b"31:3:ctl,21:10:keep-alive,"));
}
