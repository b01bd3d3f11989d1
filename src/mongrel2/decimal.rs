//! Decimal numbers as the handler protocol writes them: digits alone, no sign, no leading zeros.

use bytes::{BufMut, BytesMut};

/// Reads all of `digits`. `None` for an empty text, a leading zero, any other octet than a digit,
/// and a value above 64 bits.
pub(super) fn parse(digits: &[u8]) -> Option<u64> {
    match digits {
        [] | [b'0', _, ..] => None,
        _ => parse_padded(digits),
    }
}

/// Like [`parse`], but takes leading zeros, as Mongrel2 does in replies.
pub(super) fn parse_padded(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |value, octet| {
        let digit = octet.checked_sub(b'0').filter(|digit| *digit < 10)?;
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// Reads a length and the `:` behind it; gives the length and how many octets both took.
pub(super) fn parse_length(octets: &[u8]) -> Option<(usize, usize)> {
    let mut length = 0_usize;
    for (index, octet) in octets.iter().enumerate() {
        match octet {
            b'0'..=b'9' if length > 0 || index == 0 => {
                let digit = usize::from(octet - b'0');
                length = length.checked_mul(10)?.checked_add(digit)?;
            }
            b':' if index > 0 => return Some((length, index + 1)),
            _ => return None,
        }
    }
    None
}

/// How many digits [`put`] writes.
pub(super) const fn width(value: u64) -> usize {
    let value = value | 1;
    // 1233 / 4096 is nearly the logarithm of 2: so many digits, or one more.
    let digits = ((value.ilog2() as usize + 1) * 1233) >> 12;
    digits + (value >= POWERS[digits]) as usize
}

/// Writes `value`.
pub(super) fn put(value: u64, out: &mut BytesMut) {
    let mut digits = [0; DIGITS_MAX];
    let first = put_before(DIGITS_MAX, value, &mut digits);
    out.put_slice(&digits[first..]);
}

/// Writes `value` so that it ends before `end`, where there is to be room for it: where it begins.
pub(super) fn put_before(mut end: usize, mut value: u64, out: &mut [u8]) -> usize {
    while value >= 100 {
        let pair = PAIRS[(value % 100) as usize];
        value /= 100;
        end -= 2;
        out[end..end + 2].copy_from_slice(&pair);
    }
    let [ten, one] = PAIRS[(value % 100) as usize];
    end -= 1;
    out[end] = one;
    if value >= 10 {
        end -= 1;
        out[end] = ten;
    }
    end
}

/// Writes a length. `usize` has at most 64 bits on every platform Rust runs on.
pub(super) fn put_len(len: usize, out: &mut BytesMut) {
    put(len as u64, out);
}

/// Of `u64::MAX`.
const DIGITS_MAX: usize = 20;

const DIGITS: &[u8; 10] = b"0123456789";

/// The powers of ten that 64 bits hold.
const POWERS: [u64; DIGITS_MAX] = {
    let mut powers = [1; DIGITS_MAX];
    let mut index = 1;
    while index < DIGITS_MAX {
        powers[index] = powers[index - 1] * 10;
        index += 1;
    }
    powers
};

/// The numbers below 100, in two digits each.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number] = [DIGITS[number / 10], DIGITS[number % 10]];
        number += 1;
    }
    pairs
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_parsed() {
        let edges = POWERS.iter().flat_map(|power| [power - 1, *power, power + 1]);
        let bits = (0..64).map(|bit| u64::MAX >> bit);
        for value in edges.chain(bits).chain([12_345, 808_080]) {
            let mut out = BytesMut::new();
            put(value, &mut out);
            assert_eq!(out, value.to_string());
            assert_eq!(width(value), out.len());
            assert_eq!(parse(&out), Some(value));
        }
    }

    #[test]
    fn only_plain_numbers_are_numbers() {
        for text in ["", "-1", "+1", " 1", "1 ", "0x1", "1a", "/", ":", "18446744073709551616"] {
            assert_eq!(parse(text.as_bytes()), None, "{text:?}");
            assert_eq!(parse_padded(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn a_length_ends_at_its_colon() {
        assert_eq!(parse_length(b"12:ab"), Some((12, 3)));
        assert_eq!(parse_length(b"0:"), Some((0, 2)));
        for text in ["", ":", "12", "012:", "-1:", "1 :", "18446744073709551616:", "a1:"] {
            assert_eq!(parse_length(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn leading_zeros_are_for_replies_only() {
        for text in ["00", "01", "0018446744073709551615"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
            assert_eq!(parse_padded(text.as_bytes()), text.parse().ok(), "{text}");
        }
    }
}
