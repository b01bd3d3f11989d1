//! Group 6: text, whole, cut between and within characters, and text that is none.

use interop::websocket::TEXT;

use crate::case::{CONTINUATION, Case, Chop, End, FIN};
use crate::sequences::{GROUPS, Sequence};

pub(crate) fn all() -> Vec<Case> {
    [empty(), cut(), invalid(), late(), sequences()].into_iter().flatten().collect()
}

/// 6.1: fragments of nothing.
fn empty() -> Vec<Case> {
    let middle: &[u8] = b"middle frame payload";
    vec![
        Case::new("6.1.1").echo(TEXT, b""),
        Case::new("6.1.2").fragments(TEXT, [&b""[..], b"", b""]).hear(TEXT, b""),
        Case::new("6.1.3").fragments(TEXT, [b"", middle, b""]).hear(TEXT, middle),
    ]
}

/// 6.2: fragments that end between characters, and everywhere.
fn cut() -> Vec<Case> {
    let text = "Hello-µ@ßöäüàá-UTF-8!!";
    let at = text.find('ü').unwrap();
    let (first, second) = text.as_bytes().split_at(at);
    vec![
        Case::new("6.2.1").echo(TEXT, text),
        Case::new("6.2.2").fragments(TEXT, [first, second]).hear(TEXT, text),
        Case::new("6.2.3").fragments(TEXT, text.as_bytes().chunks(1)).hear(TEXT, text),
        Case::new("6.2.4").fragments(TEXT, VALID.chunks(1)).hear(TEXT, VALID),
    ]
}

/// 6.3: a surrogate inside, whole and octet by octet.
fn invalid() -> Vec<Case> {
    let payload = [VALID, b"\xed\xa0\x80edited"].concat();
    let cases = [
        Case::new("6.3.1").send(TEXT, &payload),
        Case::new("6.3.2").fragments(TEXT, payload.chunks(1)),
    ];
    cases.into_iter().map(|case| case.end(End::Failed(1007))).collect()
}

/// 6.4: above U+10FFFF, said in three parts. The second of them shows it; but Mongrel2 hands nothing
/// over before the third, so that no handler can know sooner.
fn late() -> Vec<Case> {
    // In the second and fourth case the second part ends with the octet that shows it.
    let parts = [(11, 4), (12, 1)];
    let mut cases = Vec::new();
    for (number, (first, second)) in (1..).zip(parts) {
        let (first, rest) = ABOVE.split_at(first);
        let (second, third) = rest.split_at(second);
        let fragments = Case::new(format!("6.4.{number}"))
            .send(TEXT & !FIN, first)
            .silence()
            .send(CONTINUATION, second)
            .silence()
            .send(FIN | CONTINUATION, third);
        cases.push(fragments.end(End::Failed(1007)));
    }
    for (number, (first, second)) in (3..).zip(parts) {
        let octets = interop::websocket::encode(TEXT, ABOVE, Some([0xA5, 0x3C, 0x69, 0x96]));
        let (first, rest) = octets.split_at(octets.len() - ABOVE.len() + first);
        let (second, third) = rest.split_at(second);
        let chops = Case::new(format!("6.4.{number}"))
            .chop(Chop::Frames)
            .octets(first)
            .silence()
            .octets(second)
            .silence()
            .octets(third);
        cases.push(chops.end(End::Failed(1007)));
    }
    cases
}

/// 6.5 to 6.23.
fn sequences() -> Vec<Case> {
    let mut cases = Vec::new();
    for (group, sequences) in (5..).zip(GROUPS) {
        for (number, sequence) in (1..).zip(*sequences) {
            let case = Case::new(format!("6.{group}.{number}"));
            cases.push(match sequence {
                Sequence::Valid(octets) => case.echo(TEXT, octets),
                Sequence::Invalid(octets) => case.send(TEXT, octets).end(End::Failed(1007)),
            });
        }
    }
    cases
}

/// "κόσμε".
const VALID: &[u8] = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5";
/// The same, then U+110000 if there were one, then a text.
pub(crate) const ABOVE: &[u8] =
    b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90\x80\x80edited";

/// The octets as Rust sees them.
#[test]
fn the_sequences_are_what_they_are_called() {
    for sequence in GROUPS.iter().copied().flatten() {
        match sequence {
            Sequence::Valid(octets) => assert!(std::str::from_utf8(octets).is_ok(), "{octets:x?}"),
            Sequence::Invalid(octets) => {
                assert!(std::str::from_utf8(octets).is_err(), "{octets:x?}");
            }
        }
    }
}
