//! Groups 1 to 4 and 10: lengths, pings, reserved bits, reserved opcodes, and a message that a library
//! cuts by itself.

use interop::websocket::{BINARY, CLOSE, PING, PONG, TEXT};

use crate::case::{Case, Chop, End, FIN};

pub(crate) fn all() -> Vec<Case> {
    [lengths(), pings(), reserved_bits(), reserved_opcodes(), vec![cut_by_a_library()]]
        .into_iter()
        .flatten()
        .collect()
}

/// 1: every form of length, as text and binary.
fn lengths() -> Vec<Case> {
    let lengths = [0, 125, 126, 127, 128, 65_535, 65_536];
    let mut cases = Vec::new();
    for (group, first, octet) in [("1.1", TEXT, b'*'), ("1.2", BINARY, 0xFE)] {
        for (index, length) in lengths.iter().enumerate() {
            let name = format!("{group}.{}", index + 1);
            cases.push(Case::new(name).echo(first, vec![octet; *length]));
        }
        let chopped = Case::new(format!("{group}.8")).chop(Chop::Octets(997));
        cases.push(chopped.echo(first, vec![octet; 65_536]));
    }
    cases
}

/// 2: each ping has its pong, and a pong that nobody asked for is nothing wrong.
fn pings() -> Vec<Case> {
    let ping = |name: &str, payload: &[u8]| Case::new(name).send(PING, payload).hear(PONG, payload);
    let closed = 1000_u16.to_be_bytes();
    vec![
        ping("2.1", b""),
        ping("2.2", b"Hello, world!"),
        ping("2.3", NOT_TEXT),
        ping("2.4", &[0xFE; 125]),
        Case::new("2.5").send(PING, [0xFE; 126]).end(End::Dropped(Vec::new())),
        ping("2.6", &[0xFE; 125]).chop(Chop::Octets(1)),
        Case::new("2.7").send(PONG, b"").send(CLOSE, closed).end(End::answered(1000)),
        Case::new("2.8").send(PONG, b"unasked").send(CLOSE, closed).end(End::answered(1000)),
        Case::new("2.9").send(PONG, b"unasked").send(PING, b"asked").hear(PONG, b"asked"),
        ten_pings("2.10"),
        ten_pings("2.11").chop(Chop::Octets(1)),
    ]
}

fn ten_pings(name: &str) -> Case {
    let payloads: Vec<String> = (0..10).map(|number| format!("payload-{number}")).collect();
    let sent = payloads.iter().fold(Case::new(name), |case, payload| case.send(PING, payload));
    payloads.iter().fold(sent, |case, payload| case.hear(PONG, payload))
}

/// 3: a reserved bit without an extension that gives it a meaning is a protocol error, at once: what
/// came before is answered, what comes behind is not.
fn reserved_bits() -> Vec<Case> {
    let set = |bits: u8, first: u8| bits << 4 | first;
    let between = |name: &str, bits: u8| between(name, set(bits, TEXT), HELLO);
    vec![
        Case::new("3.1").send(set(1, TEXT), HELLO).end(End::Failed(1002)),
        between("3.2", 2),
        between("3.3", 3).chop(Chop::Frames),
        between("3.4", 4).chop(Chop::Octets(1)),
        Case::new("3.5").send(set(5, BINARY), NOT_TEXT).end(End::Failed(1002)),
        Case::new("3.6").send(set(6, PING), HELLO).end(End::Failed(1002)),
        Case::new("3.7").send(set(7, CLOSE), b"").end(End::Failed(1002)),
    ]
}

/// 4: likewise with opcodes that have no meaning yet, of data frames and of control frames.
fn reserved_opcodes() -> Vec<Case> {
    let mut cases = Vec::new();
    for (group, opcode) in [("4.1", 3), ("4.2", 11)] {
        let first = FIN | opcode;
        let name = |number: u8| format!("{group}.{number}");
        cases.extend([
            Case::new(name(1)).send(first, b"").end(End::Failed(1002)),
            Case::new(name(2)).send(first + 1, b"reserved").end(End::Failed(1002)),
            between(&name(3), first + 2, b""),
            between(&name(4), first + 3, HELLO),
            between(&name(5), first + 4, HELLO).chop(Chop::Octets(1)),
        ]);
    }
    cases
}

/// A frame against the rules between a message and a ping.
fn between(name: &str, first: u8, payload: &[u8]) -> Case {
    let sent = Case::new(name).send(TEXT, HELLO).send(first, payload).send(PING, b"");
    sent.hear(TEXT, HELLO).end(End::Failed(1002))
}

fn cut_by_a_library() -> Case {
    let payload = [b'*'; 65_536];
    Case::new("10.1.1").fragments(TEXT, payload.chunks(1300)).hear(TEXT, payload)
}

const HELLO: &[u8] = b"Hello, world!";
const NOT_TEXT: &[u8] = b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff";
