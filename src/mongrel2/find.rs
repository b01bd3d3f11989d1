//! Looking for an octet in eight at once: half of what a request costs to read is such a search.

/// Where the first `octet` is.
pub(super) fn first(octets: &[u8], octet: u8) -> Option<usize> {
    either(octets, octet, octet)
}

/// Where the first of these two octets is.
#[inline]
pub(super) fn either(octets: &[u8], one: u8, other: u8) -> Option<usize> {
    let mut rest = octets;
    while let Some((eight, behind)) = rest.split_first_chunk() {
        let eight = u64::from_le_bytes(*eight);
        let found = marked(eight, one) | marked(eight, other);
        if found != 0 {
            return Some(octets.len() - rest.len() + found.trailing_zeros() as usize / 8);
        }
        rest = behind;
    }
    let index = rest.iter().position(|octet| *octet == one || *octet == other)?;
    Some(octets.len() - rest.len() + index)
}

/// The high bit of each of the eight octets that is `octet`. Those above the lowest such one may be marked
/// wrongly by the borrow, so only the lowest mark is to be used.
const fn marked(eight: u64, octet: u8) -> u64 {
    let zero_where_found = eight ^ (EVERY_OCTET * octet as u64);
    zero_where_found.wrapping_sub(EVERY_OCTET) & !zero_where_found & HIGH_BITS
}

const EVERY_OCTET: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = EVERY_OCTET * 0x80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_found_wherever_it_is() {
        // Neighbours of the octets sought, which a borrow might mark wrongly.
        for filler in [b'a', 0, b'!', b'#', b'[', b']', 0xFF, 0xA2, 0xDC] {
            for length in 0..40 {
                let mut octets = vec![filler; length];
                assert_eq!(either(&octets, b'"', b'\\'), None);
                for at in (0..length).rev() {
                    octets[at] = if at % 2 == 0 { b'"' } else { b'\\' };
                    assert_eq!(either(&octets, b'"', b'\\'), Some(at), "{filler} {length}");
                    let quote = (at + at % 2 < length).then_some(at + at % 2);
                    assert_eq!(first(&octets, b'"'), quote, "{filler} {length}");
                }
            }
        }
    }
}
