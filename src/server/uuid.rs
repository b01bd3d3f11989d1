//! Random names: a UUID for a server, a text that nobody can have said before.

use std::fmt::Write as _;

use bytes::Bytes;

use crate::mongrel2::Sender;
use crate::rng::Rng;

/// A UUID of version 4 (RFC 9562 5.4) in its text form, as the name of a server.
///
/// # Panics
/// Never: such a text holds hexadecimal digits and hyphens.
pub(super) fn draw(seed: u64) -> Sender {
    // Not the numbers that the server draws from the same seed later.
    let mut rng = Rng::new(seed ^ OF_NAMES);
    let high = rng.next_u64() & !0xF000 | 0x4000;
    let low = rng.next_u64() & !(0b11 << 62) | 0b10 << 62;
    let text = format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xFFFF,
        high & 0xFFFF,
        low >> 48,
        low & 0xFFFF_FFFF_FFFF
    );
    Sender::new(text).expect("hexadecimal digits and hyphens make a name")
}

/// A text of 128 random bits.
pub(super) fn text(rng: &mut Rng) -> Bytes {
    let mut text = String::new();
    for _ in 0..2 {
        // Writing to a String cannot fail.
        let _ = write!(text, "{:016x}", rng.next_u64());
    }
    text.into()
}

/// Tells this use of a seed from others ("names").
const OF_NAMES: u64 = 0x6E61_6D65_7300_0000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_uuid_of_version_4_and_each_seed_has_its_own() {
        let mut names: Vec<String> = (0..1000).map(|seed| draw(seed).to_string()).collect();
        for name in &names {
            assert_eq!(name.len(), 36);
            let hyphens: Vec<usize> = name.match_indices('-').map(|(at, _)| at).collect();
            assert_eq!(hyphens, [8, 13, 18, 23]);
            assert_eq!(&name[14..15], "4");
            assert!(matches!(&name[19..20], "8" | "9" | "a" | "b"), "{name}");
        }
        assert_eq!(draw(7), draw(7));
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 1000);
    }

    #[test]
    fn a_text_is_never_said_twice() {
        let mut rng = Rng::new(1);
        let (one, other) = (text(&mut rng), text(&mut rng));
        assert_eq!(one.len(), 32);
        assert_ne!(one, other);
    }
}
