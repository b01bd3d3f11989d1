//! Group 5: messages in pieces, and pieces of nothing.

use interop::websocket::{PING, PONG, TEXT};

use crate::case::{CONTINUATION, Case, Chop, End, FIN, frame};

pub(crate) fn all() -> Vec<Case> {
    [control_frames(), in_two(), of_nothing(), of_something(), in_five()]
        .into_iter()
        .flatten()
        .collect()
}

/// 5.1 and 5.2: a control frame has no fragments.
fn control_frames() -> Vec<Case> {
    let cut = |name, first| Case::new(name).fragments(first, [&b"fragment1"[..], b"fragment2"]);
    [cut("5.1", PING), cut("5.2", PONG)].into_iter().map(dropped).collect()
}

/// 5.3 to 5.8: two fragments, with and without a ping between them, which is answered first.
fn in_two() -> Vec<Case> {
    let chops = [Chop::Gathered, Chop::Frames, Chop::Octets(1)];
    let alone = |name| {
        let case = Case::new(name).fragments(TEXT, [&b"fragment1"[..], b"fragment2"]);
        case.hear(TEXT, b"fragment1fragment2")
    };
    let with_ping = |name| {
        let case = Case::new(name).send(TEXT & !FIN, b"fragment1").send(PING, b"ping payload");
        let case = case.send(FIN | CONTINUATION, b"fragment2");
        case.hear(PONG, b"ping payload").hear(TEXT, b"fragment1fragment2")
    };
    let without = ["5.3", "5.4", "5.5"].map(alone);
    let with = ["5.6", "5.7", "5.8"].map(with_ping);
    let chopped = |cases: [Case; 3]| cases.into_iter().zip(chops).map(|(case, c)| case.chop(c));
    chopped(without).chain(chopped(with)).collect()
}

/// 5.9 to 5.14: a continuation, its FIN set and not, where no message has begun.
fn of_nothing() -> Vec<Case> {
    let stray = |name: String, first| {
        let case = Case::new(name).send(first, b"non-continuation payload");
        dropped(case.send(TEXT, b"Hello, world!"))
    };
    let mut cases = Vec::new();
    for (number, first) in [(9, FIN | CONTINUATION), (12, CONTINUATION)] {
        for (at, chop) in [Chop::Gathered, Chop::Frames, Chop::Octets(1)].into_iter().enumerate() {
            cases.push(stray(format!("5.{}", number + at), first).chop(chop));
        }
    }
    cases
}

/// 5.15 to 5.18: the same next to messages in fragments, and a message that begins inside another.
fn of_something() -> Vec<Case> {
    let behind = Case::new("5.15").fragments(TEXT, [&b"fragment1"[..], b"fragment2"]);
    let behind = behind.send(CONTINUATION, b"fragment3").send(TEXT, b"fragment4");
    let twice = |name, first| {
        (0..2).fold(Case::new(name), |case, _| {
            let case = case.send(first, b"fragment1");
            case.fragments(TEXT, [&b"fragment2"[..], b"fragment3"])
        })
    };
    let inside = Case::new("5.18").send(TEXT & !FIN, b"fragment1").send(TEXT, b"fragment2");
    vec![
        behind.end(End::Dropped(vec![frame(TEXT, b"fragment1fragment2")])),
        dropped(twice("5.16", CONTINUATION)),
        dropped(twice("5.17", FIN | CONTINUATION)),
        dropped(inside),
    ]
}

/// 5.19 and 5.20: pings are answered while the message around them is unfinished.
fn in_five() -> Vec<Case> {
    let case = |name| {
        Case::new(name)
            .send(TEXT & !FIN, b"fragment1")
            .send(CONTINUATION, b"fragment2")
            .send(PING, b"pongme 1!")
            .hear(PONG, b"pongme 1!")
            .send(CONTINUATION, b"fragment3")
            .send(CONTINUATION, b"fragment4")
            .send(PING, b"pongme 2!")
            .send(FIN | CONTINUATION, b"fragment5")
            .hear(PONG, b"pongme 2!")
            .hear(TEXT, b"fragment1fragment2fragment3fragment4fragment5")
    };
    vec![case("5.19"), case("5.20").chop(Chop::Frames)]
}

fn dropped(case: Case) -> Case {
    case.end(End::Dropped(Vec::new()))
}
