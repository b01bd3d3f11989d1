//! What waits in lanes, and in which order it leaves them.

use bytes::Bytes;

use super::super::delivery::{Form, Origin};
use super::super::held::TOGETHER_MAX;
use super::super::window::End;
use super::*;

const SLOW: ConnId = ConnId(7);

fn lanes() -> Lanes {
    Lanes::new(100, 1 << 20, Bounds { messages_max: 10, octets_max: 10_000 })
}

fn say(text: &'static str, origin: Origin) -> Delivery {
    Delivery::to_one(SLOW, Bytes::from_static(text.as_bytes()), origin)
}

#[test]
fn neighbours_of_one_origin_go_together() {
    let mut lanes = lanes();
    for text in ["a", "b", "c"] {
        lanes.hold(SLOW, say(text, Origin::Application), usize::MAX);
    }
    lanes.hold(SLOW, say("pong", Origin::Own), usize::MAX);
    lanes.hold(SLOW, Delivery::hang_up(SLOW, Origin::Own), usize::MAX);
    lanes.open(SLOW);
    let mut taken = Vec::new();
    while let Some(delivery) = lanes.take(usize::MAX) {
        taken.push((delivery.body.clone(), delivery.parts));
    }
    let expected = [("abc", 3), ("pong", 1), ("", 1)];
    assert_eq!(taken, expected.map(|(body, parts)| (Bytes::from(body), parts)));
    assert!(lanes.is_empty() && lanes.next_open().is_none());
}

#[test]
fn no_more_goes_together_than_one_delivery_may_hold() {
    let mut lanes = lanes();
    let half = Bytes::from(vec![b'x'; TOGETHER_MAX / 2]);
    for _ in 0..3 {
        lanes.hold(SLOW, Delivery::to_one(SLOW, half.clone(), Origin::Own), usize::MAX);
    }
    let all = lanes.take_all_of(SLOW);
    assert_eq!(all.iter().map(|taken| taken.parts).collect::<Vec<_>>(), [2, 1]);
}

#[test]
fn a_lane_that_refused_tells_of_room() {
    let mut lanes = lanes();
    for _ in 0..5 {
        assert!(lanes.admits_to(SLOW, 1, 100));
        lanes.hold(SLOW, say("x", Origin::Application), usize::MAX);
        lanes.hold(SLOW, Delivery::hang_up(SLOW, Origin::Own), usize::MAX);
    }
    assert!(!lanes.admits_to(SLOW, 1, 100) && lanes.admits_to(ConnId(8), 1, 100));
    lanes.open(SLOW);
    while lanes.take(usize::MAX).is_some() {}
    assert_eq!((lanes.next_reopened(), lanes.next_reopened()), (Some(SLOW), None));
}

#[test]
fn lanes_take_turns() {
    let mut lanes = lanes();
    for conn_id in [1, 2].map(ConnId) {
        for origin in [Origin::Own, Origin::Application, Origin::Own] {
            lanes.hold(
                conn_id,
                Delivery::to_one(conn_id, Bytes::from_static(b"x"), origin),
                usize::MAX,
            );
        }
        lanes.open(conn_id);
        lanes.open(conn_id);
    }
    let order: Vec<_> = std::iter::from_fn(|| lanes.take(usize::MAX))
        .map(|taken| taken.to.as_slice()[0].0)
        .collect();
    assert_eq!(order, [1, 2, 1, 2, 1, 2]);
}

#[test]
fn what_is_too_large_for_a_place_goes_in_parts_with_nothing_between() {
    let mut lanes = lanes();
    lanes.hold(SLOW, say("0123456789", Origin::Application), usize::MAX);
    lanes.open(SLOW);
    let first = lanes.take(4).unwrap();
    assert_eq!((&first.body[..], first.parts, first.is_part), (&b"0123"[..], 0, true));
    lanes.hold(SLOW, Delivery::pong(SLOW, b"?"), usize::MAX);
    lanes.hold(SLOW, say("next", Origin::Application), 10);
    assert!(!lanes.drop_oldest(ConnId(8)) && lanes.is_begun(SLOW));
    assert_eq!(lanes.next_open(), Some((SLOW, 10, End::None)));
    let last = lanes.take(10).unwrap();
    assert_eq!((&last.body[..], last.parts, last.is_part), (&b"456789next"[..], 2, true));
    assert!(lanes.take(10).unwrap().is_pong && lanes.is_empty());
}

#[test]
fn the_oldest_goes_and_nothing_of_ours_does() {
    let mut lanes = lanes();
    lanes.hold(SLOW, say("pong", Origin::Own), usize::MAX);
    for text in ["a", "bc", "def"] {
        lanes.hold(SLOW, say(text, Origin::Application), usize::MAX);
    }
    lanes.hold(SLOW, Delivery::hang_up(SLOW, Origin::Application), usize::MAX);
    assert!(lanes.drop_oldest(SLOW) && lanes.drop_oldest(SLOW));
    lanes.open(SLOW);
    let mut taken = || lanes.take(usize::MAX).map(|delivery| delivery.body);
    assert_eq!(
        [taken(), taken(), taken()],
        [Some("pong".into()), Some("def".into()), Some("".into())]
    );
    assert!(taken().is_none() && lanes.is_empty());
    assert_eq!((lanes.marks.messages(), lanes.marks.octets()), (0, 0));
}

#[test]
fn what_is_compressed_at_the_door_goes_with_nothing_else() {
    let mut lanes = lanes();
    lanes.hold(SLOW, say("frame", Origin::Application), usize::MAX);
    lanes.hold(SLOW, say("to be compressed", Origin::Application).unpacked(), usize::MAX);
    lanes.hold(SLOW, say("frame", Origin::Application), usize::MAX);
    let all = lanes.take_all_of(SLOW);
    let unpacked: Vec<_> = all.iter().map(|taken| (taken.parts, taken.is_unpacked)).collect();
    assert_eq!(unpacked, [(1, false), (1, true), (1, false)]);
}

#[test]
fn what_is_for_the_server_is_neither_parted_nor_left_out() {
    let mut lanes = lanes();
    lanes.hold(SLOW, Delivery::extended(SLOW, b"sendfile", b"/a/long/name"), usize::MAX);
    lanes.hold(SLOW, Delivery::hang_up(SLOW, Origin::Application), usize::MAX);
    assert!(!lanes.drop_oldest(SLOW));
    lanes.open(SLOW);
    let whole = lanes.take(4).unwrap();
    assert!(whole.form == Form::Extended && !whole.is_part && whole.body.len() > 4);
    assert!(lanes.take(4).unwrap().is_hang_up() && lanes.is_empty());
}

#[test]
fn a_lane_is_looked_at_once_at_the_last_time_that_was_said() {
    #[expect(clippy::disallowed_methods, reason = "a base for made-up times")]
    let now = Instant::now();
    let later = now + std::time::Duration::from_secs(1);
    let mut lanes = lanes();
    lanes.look_at(SLOW, now);
    assert_eq!(lanes.next_due(), None, "nothing waits for it");
    lanes.hold(SLOW, say("x", Origin::Application), usize::MAX);
    lanes.look_at(SLOW, now);
    lanes.look_at(SLOW, later);
    assert_eq!((lanes.pop_due(now), lanes.next_due()), (None, Some(later)));
    assert_eq!((lanes.pop_due(later), lanes.has_date(SLOW)), (Some(SLOW), false));
    assert_eq!(lanes.pop_due(later), None);
}
