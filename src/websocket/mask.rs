//! Masking (RFC 6455 5.3).

/// Masks or unmasks `octets`, the first of which has the place `offset` in its payload.
pub(super) fn apply(mask: [u8; 4], offset: usize, octets: &mut [u8]) {
    let mask: [u8; 4] = std::array::from_fn(|i| mask[(offset % 4 + i) % 4]);
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let mut eights = octets.chunks_exact_mut(8);
    for eight in &mut eights {
        let masked = u64::from_ne_bytes((&*eight).try_into().expect("chunks of eight")) ^ wide;
        eight.copy_from_slice(&masked.to_ne_bytes());
    }
    for (octet, key) in eights.into_remainder().iter_mut().zip(mask.iter().cycle()) {
        *octet ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_at_a_time_is_the_same_as_one_at_a_time() {
        let mask = [0x37, 0xFA, 0x21, 0x3D];
        for len in 0..40_u8 {
            for offset in 0..9 {
                let mut fast: Vec<u8> = (0..len).collect();
                apply(mask, offset, &mut fast);
                let slow: Vec<u8> =
                    (0..len).map(|i| i ^ mask[(offset + usize::from(i)) % 4]).collect();
                assert_eq!(fast, slow, "{len} octets from {offset}");
            }
        }
    }

    #[test]
    fn the_last_offset_does_not_overflow() {
        let mut octet = [0];
        apply([1, 2, 3, 4], usize::MAX, &mut octet);
        assert_eq!(octet, [4]);
    }
}
