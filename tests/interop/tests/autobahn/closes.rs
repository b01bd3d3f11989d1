//! Group 7: closing handshakes that the client begins.

use interop::websocket::{CLOSE, PING, TEXT};

use crate::case::{CONTINUATION, Case, End, FIN};

pub(crate) fn all() -> Vec<Case> {
    [order(), payloads(), codes()].into_iter().flatten().collect()
}

/// 7.1: what comes before a close frame is answered, what comes behind it is not.
fn order() -> Vec<Case> {
    let closed = |case: Case| case.send(CLOSE, NORMAL);
    let large: Vec<u8> = b"BAsd7&jh23".iter().copied().cycle().take(256 << 10).collect();
    let cut = closed(Case::new("7.1.5").send(TEXT & !FIN, b"fragment1"));
    let sent = closed(Case::new("7.1.6").send(TEXT, &large).send(TEXT, HELLO)).send(PING, b"");
    let behind = [
        closed(Case::new("7.1.2")).send(CLOSE, b""),
        closed(Case::new("7.1.3")).send(PING, b""),
        closed(Case::new("7.1.4")).send(TEXT, HELLO),
        cut.send(FIN | CONTINUATION, b"fragment2"),
        sent.hear(TEXT, large).hear(TEXT, HELLO),
    ];
    let answered = behind.map(|case| case.end(End::answered(1000)));
    [Case::new("7.1.1").echo(TEXT, HELLO)].into_iter().chain(answered).collect()
}

/// 7.3 and 7.5: none, half a code, a code, a reason, one too long, one that is no text.
fn payloads() -> Vec<Case> {
    let close = |name: &str, payload: &[u8]| Case::new(name).send(CLOSE, payload);
    let with_reason = |reason: &[u8]| [&NORMAL[..], reason].concat();
    let mut cases = Vec::new();
    for (name, payload) in [
        ("7.3.1", Vec::new()),
        ("7.3.3", NORMAL.to_vec()),
        ("7.3.4", with_reason(HELLO)),
        ("7.3.5", with_reason(&[b'*'; 123])),
    ] {
        cases.push(close(name, &payload).end(End::Answered(payload)));
    }
    // A surrogate inside (RFC 3629 3).
    let no_text = with_reason(b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited");
    cases.extend([
        close("7.3.2", b"a").end(End::Failed(1002)),
        close("7.3.6", &with_reason(&[b'*'; 124])).end(End::Dropped(Vec::new())),
        close("7.5.1", &no_text).end(End::Failed(1007)),
    ]);
    cases
}

/// 7.7, 7.9 and 7.13: which codes a close frame may hold (RFC 6455 7.4).
fn codes() -> Vec<Case> {
    let good = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999];
    let bad = [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999];
    let undefined = [5000, 65_535];
    let close = |group: &str, (index, code): (usize, u16)| {
        Case::new(format!("{group}.{}", index + 1)).send(CLOSE, code.to_be_bytes())
    };
    let answered = good.into_iter().enumerate().map(|at| close("7.7", at).end(End::answered(at.1)));
    let failed = bad.into_iter().enumerate().map(|at| close("7.9", at));
    let failed = failed.chain(undefined.into_iter().enumerate().map(|at| close("7.13", at)));
    answered.chain(failed.map(|case| case.end(End::Failed(1002)))).collect()
}

const NORMAL: [u8; 2] = 1000_u16.to_be_bytes();
const HELLO: &[u8] = b"Hello World!";
