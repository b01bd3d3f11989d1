//! The cases of the Autobahn fuzzing client, by their numbers there, behind the real Mongrel2.
//!
//! | room | what is in it |
//! |---|---|
//! | [`case`] | a case: what a client sends, what it hears, how it ends |
//! | [`framing`] | 1 to 4 and 10: lengths, pings, reserved bits and opcodes |
//! | [`fragments`] | 5: messages in pieces |
//! | [`text`], [`sequences`] | 6: UTF-8, and the octets to try |
//! | [`closes`] | 7: closing handshakes |
//! | [`sizes`] | 9: large messages, many fragments, many round trips |
//! | [`alone`], [`bare`] | what Mongrel2 decides before a handler hears of it, and the proof |
//!
//! Here they are stricter than there: the client waits for events instead of seconds, a message has to
//! come back octet by octet in one frame, nothing may come besides, and it is the server that ends the
//! connection. 12 and 13 are about compression, and not here.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod alone;
mod bare;
mod case;
mod closes;
mod fragments;
mod framing;
mod sequences;
mod sizes;
mod text;

use std::collections::BTreeSet;

use interop::{Echo, echo_tests, serve};

use case::Case;

echo_tests! { framing, fragments, text, closes }

fn framing(echo: Echo) {
    run(echo, framing::all());
}

fn fragments(echo: Echo) {
    run(echo, fragments::all());
}

fn text(echo: Echo) {
    run(echo, text::all());
}

fn closes(echo: Echo) {
    run(echo, closes::all());
}

fn run(echo: Echo, cases: Vec<Case>) {
    let (server, _handler) = serve(echo);
    for case in cases {
        case.run(&server);
    }
}

/// All cases but those of [`sizes`].
fn all() -> Vec<Case> {
    [framing::all(), fragments::all(), text::all(), closes::all()].into_iter().flatten().collect()
}

#[test]
fn no_case_of_a_group_is_missing() {
    let cases = all();
    let names: BTreeSet<&str> = cases.iter().map(|case| &case.name[..]).collect();
    assert_eq!(names.len(), cases.len(), "each case is another");
    for (group, count) in
        [("1.", 16), ("2.", 11), ("3.", 7), ("4.", 10), ("5.", 20), ("6.", 145), ("7.", 37)]
    {
        let found = names.iter().filter(|name| name.starts_with(group)).count();
        assert_eq!(found, count, "cases {group}*");
    }
    assert!(names.contains("10.1.1"));
}
