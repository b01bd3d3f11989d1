//! WebSockets: sessions stay with the API, messages go to Nodes.

use bytes::Bytes;
use mongrel2_transceiver::tier::api::{Config, Event, Spread};
use mongrel2_transceiver::tier::node;
use mongrel2_transceiver::transceiver;
use mongrel2_transceiver::websocket::Message;

#[cfg(feature = "deflate")]
use crate::browser::handshake_with;
use crate::browser::{frame, handshake, text};
use crate::kit::{Tier, config, targets};

#[test]
fn messages_go_to_nodes_and_all_else_stays() {
    let mut tier = Tier::up(1, 1, Config::default());
    tier.deliver(handshake(1, "13"));
    tier.run_ms(50);
    let events = tier.events();
    let [Event::Handler(transceiver::Event::SessionOpened { target, .. })] = &events[..] else {
        panic!("{events:?}")
    };
    let session = *target;
    assert!(tier.replies()[0].1.starts_with(b"HTTP/1.1 101 "));
    tier.deliver(frame(1, "0x89", b"ping"));
    tier.deliver(text(1, "hello"));
    tier.deliver(frame(1, "0x82", b"\0"));
    tier.run_ms(50);
    let mut replies = tier.replies();
    replies.sort();
    assert_eq!(replies, expected(&[b"\x81\x010", b"\x81\x010", b"\x8a\x04ping"]));
    let told = tier.told(0);
    let messages: Vec<_> = told
        .iter()
        .filter_map(|event| match event {
            node::Event::Message { message, request, .. } => {
                assert!(!request.raw().is_empty());
                Some(message.clone())
            }
            _ => None,
        })
        .collect();
    assert_eq!(messages, [Message::Text("hello".into()), Message::Binary("\0".into())]);
    tier.deliver(frame(1, "0x88", b"\x03\xe8"));
    tier.run_ms(50);
    let events = tier.events();
    let closed = |event: &Event| {
        matches!(event, Event::Handler(transceiver::Event::SessionClosed { target, .. })
            if *target == session)
    };
    assert!(events.iter().any(closed), "{events:?}");
    assert!(targets(&tier.told(0)).is_empty());
    assert_eq!(tier.replies(), expected(&[b"\x88\x02\x03\xe8", b""]));
}

#[test]
fn what_breaks_the_rules_never_reaches_a_node() {
    let mut tier = Tier::up(2, 1, Config::default());
    tier.deliver(handshake(1, "13"));
    tier.deliver(frame(1, "0x81", b"\xFF"));
    tier.run_ms(100);
    assert!(targets(&tier.told(0)).is_empty());
    let events = tier.events();
    assert!(
        matches!(events.last(), Some(Event::Handler(transceiver::Event::SessionClosed { .. }))),
        "{events:?}"
    );
}

#[test]
fn a_session_sticks_to_a_node_and_any_node_may_speak_to_it() {
    let sticky = config(|config| config.spread = Spread::StickyByClient);
    let mut tier = Tier::without_nodes(3, sticky);
    let nodes: Vec<_> = (0..3).map(|_| tier.add_silent_node(node::Config::default())).collect();
    tier.until_all_up();
    tier.deliver(handshake(1, "13"));
    for _ in 0..5 {
        tier.deliver(text(1, "hello"));
        tier.run_ms(50);
    }
    let told: Vec<_> = (0..3).map(|node| targets(&tier.told(node))).collect();
    let home = told.iter().position(|targets| targets.len() == 5).unwrap();
    tier.replies();
    let message = Message::Text("to all".into());
    let command = node::Command::Broadcast { targets: vec![told[home][0]], message };
    tier.world.submit(nodes[home], command).unwrap();
    tier.run_ms(50);
    assert_eq!(tier.replies(), expected(&[b"\x81\x06to all"]));
    // A broadcast finishes no request: its targets may be anybody.
    assert_eq!(tier.stats().unfinished, 5);
}

fn expected(bodies: &[&'static [u8]]) -> Vec<(i64, Bytes)> {
    bodies.iter().map(|body| (1, Bytes::from_static(body))).collect()
}

/// The API reads them for the Nodes, which know nothing of what was agreed.
#[cfg(feature = "deflate")]
#[test]
fn compressed_messages_reach_nodes_as_they_are() {
    use mongrel2_transceiver::websocket::deflate::Deflater;

    let mut config = Config::default();
    let mut deflate = transceiver::Deflate::default();
    deflate.contexts_max = 1;
    config.handler.deflate = Some(deflate);
    let mut tier = Tier::up(3, 1, config);
    tier.deliver(handshake_with(1, &[("sec-websocket-extensions", "permessage-deflate")]));
    tier.run_ms(50);
    let said = "the same again, ".repeat(20);
    let mut deflater = Deflater::new(6).takeover();
    for _ in 0..2 {
        tier.deliver(frame(1, "0xC1", &deflater.deflate(said.as_bytes()).unwrap()));
    }
    tier.run_ms(50);
    let told = tier.told(0);
    let messages = told.iter().filter_map(|event| match event {
        node::Event::Message { message, .. } => Some(message.clone()),
        _ => None,
    });
    let expected = Message::from(said);
    assert_eq!(messages.collect::<Vec<_>>(), [expected.clone(), expected], "{told:?}");
}
