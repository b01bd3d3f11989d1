//! The line before a chunk (RFC 9112 7.1).

/// The size in the line before a chunk, with its end. Extensions are passed over (7.1.1).
pub(super) fn size(line: &[u8]) -> Option<u64> {
    let line = line.strip_suffix(b"\r\n")?;
    let digits = line.iter().position(|octet| !octet.is_ascii_hexdigit()).unwrap_or(line.len());
    let (digits, rest) = line.split_at(digits);
    if !matches!(rest.trim_ascii_start(), [] | [b';', ..]) {
        return None;
    }
    let digits = std::str::from_utf8(digits).ok()?;
    u64::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_hexadecimal() {
        for (line, found) in [
            ("0\r\n", Some(0)),
            ("1f\r\n", Some(31)),
            ("00A\r\n", Some(10)),
            ("5;name=value\r\n", Some(5)),
            ("5 ; name\r\n", Some(5)),
            ("5 \r\n", Some(5)),
            ("ffffffffffffffff\r\n", Some(u64::MAX)),
            ("10000000000000000\r\n", None),
            ("\r\n", None),
            (";x\r\n", None),
            ("5\n", None),
            ("+5\r\n", None),
            ("-1\r\n", None),
            ("0x5\r\n", None),
            ("5 5\r\n", None),
            (" 5\r\n", None),
        ] {
            assert_eq!(size(line.as_bytes()), found, "{line:?}");
        }
    }
}
