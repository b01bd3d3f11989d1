//! The files of `tests/captures`: what a running Mongrel2 sent and took, and tables about it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use bytes::Bytes;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/captures").join(name)
}

/// One file.
pub(crate) fn read(name: &str) -> Bytes {
    fs::read(path(name)).unwrap_or_else(|error| unreachable!("{name}: {error}")).into()
}

/// The rows of a table, each from the names in its first line to its values.
pub(crate) fn table(name: &str) -> Vec<BTreeMap<String, String>> {
    let text = String::from_utf8(read(name).into()).expect("a table is UTF-8");
    let mut lines = text.lines().map(|line| line.split('\t').map(str::to_owned));
    let names: Vec<_> = lines.next().expect("a table has a first line").collect();
    let rows: Vec<_> = lines.map(|line| names.iter().cloned().zip(line).collect()).collect();
    assert!(!rows.is_empty());
    rows
}

/// `a\x00\r\n` and the like.
pub(crate) fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let [octet, behind @ ..] = rest {
        let (octet, behind) = match (octet, behind) {
            (b'\\', [b'x', digits @ ..]) => {
                let digits = std::str::from_utf8(&digits[..2]).expect("two digits");
                (u8::from_str_radix(digits, 16).expect("two digits"), &behind[3..])
            }
            (b'\\', [b'r', behind @ ..]) => (b'\r', behind),
            (b'\\', [b'n', behind @ ..]) => (b'\n', behind),
            (b'\\', [b't', behind @ ..]) => (b'\t', behind),
            (b'\\', [b'\\', behind @ ..]) => (b'\\', behind),
            (octet, behind) => (*octet, behind),
        };
        out.push(octet);
        rest = behind;
    }
    out
}
