//! Header blocks in JSON: the server's own, other programs', and damaged ones.

use std::borrow::Cow;

use super::*;

type Read = Vec<(Vec<u8>, Vec<Vec<u8>>)>;

fn members(block: &[u8]) -> Result<Read, JsonError> {
    let mut members = Members::new(block);
    let mut all = Vec::new();
    while let Some((name, value)) = members.next()? {
        let values = value.texts().map(|text| text.into_cow().into_owned()).collect();
        all.push((name.into_cow().into_owned(), values));
    }
    assert!(members.next()?.is_none(), "the end stays the end");
    Ok(all)
}

fn one(name: &str, values: &[&str]) -> (Vec<u8>, Vec<Vec<u8>>) {
    (name.into(), values.iter().map(|value| value.as_bytes().to_vec()).collect())
}

#[test]
fn what_mongrel2_writes_is_read() {
    assert_eq!(members(b"{}"), Ok(vec![]));
    assert_eq!(
        members(br#"{"PATH":"/a","x":["1","","3"],"":""}"#),
        Ok(vec![one("PATH", &["/a"]), one("x", &["1", "", "3"]), one("", &[""])])
    );
}

#[test]
fn every_other_octet_is_literal() {
    let odd: Vec<u8> = (0..=255).filter(|octet| !b"\"\\".contains(octet)).collect();
    let block = [&b"{\""[..], &odd, b"\":\"", &odd, b"\"}"].concat();
    assert_eq!(members(&block), Ok(vec![(odd.clone(), vec![odd])]));
}

#[test]
fn injected_structure_stays_inside_its_string() {
    let block = br#"{"x":"\",\"METHOD\":\"JSON\"},2:{},","y":"a\\","z":"\\\""}"#;
    let expected =
        vec![one("x", &[r#"","METHOD":"JSON"},2:{},"#]), one("y", &[r"a\"]), one("z", &[r#"\""#])];
    assert_eq!(members(block), Ok(expected));
}

#[test]
fn ordinary_json_is_read_too() {
    let block = b" {\n \"a\\u0062\" :\t\"c\\n\" , \"n\":-1.5e+3,\"t\":true ,\r\n\"f\" : false,\
        \"z\":null, \"l\": [ \"1\" , 2 ,null ] ,\"e\":[ ] } \n";
    let expected = vec![
        one("ab", &["c\n"]),
        one("n", &["-1.5e+3"]),
        one("t", &["true"]),
        one("f", &["false"]),
        one("z", &["null"]),
        one("l", &["1", "2", "null"]),
        one("e", &[]),
    ];
    assert_eq!(members(block), Ok(expected));
}

#[test]
fn each_mistake_has_its_error() {
    for (block, error) in [
        ("", JsonError::Cut),
        ("[]", JsonError::NoObject),
        ("{", JsonError::Cut),
        ("{1:2}", JsonError::Name),
        ("{,}", JsonError::Name),
        (r#"{"a":"b",}"#, JsonError::Name),
        (r#"{"a"}"#, JsonError::Colon),
        (r#"{"a" "b"}"#, JsonError::Colon),
        (r#"{"a":}"#, JsonError::Value),
        (r#"{"a":,"b":"c"}"#, JsonError::Value),
        (r#"{"a":nul}"#, JsonError::Value),
        (r#"{"a":TRUE}"#, JsonError::Value),
        (r#"{"a":'b'}"#, JsonError::Value),
        (r#"{"a":["b",]}"#, JsonError::Value),
        (r#"{"a":[,]}"#, JsonError::Value),
        (r#"{"a":{}}"#, JsonError::Nested),
        (r#"{"a":[["b"]]}"#, JsonError::Nested),
        (r#"{"a":[{}]}"#, JsonError::Nested),
        (r#"{"a":"b" "c":"d"}"#, JsonError::Comma),
        (r#"{"a":"b";}"#, JsonError::Comma),
        (r#"{"a":["b" "c"]}"#, JsonError::Comma),
        (r#"{"a":["b"}"#, JsonError::Comma),
        (r#"{"a"#, JsonError::Unterminated),
        (r#"{"a":"b"#, JsonError::Unterminated),
        (r#"{"a":"b\"#, JsonError::Unterminated),
        (r#"{"a":"b\"}"#, JsonError::Unterminated),
        (r#"{"a":"b""#, JsonError::Cut),
        (r#"{"a":"#, JsonError::Cut),
        (r#"{"a":["b""#, JsonError::Cut),
        (r"{}{}", JsonError::Trailing),
        (r#"{"a":"b"}x"#, JsonError::Trailing),
    ] {
        assert_eq!(members(block.as_bytes()), Err(error), "{block}");
    }
}

#[test]
fn numbers_are_those_of_json() {
    for text in ["0", "-0", "10", "1.5", "-1.25", "1e5", "1E-5", "0.0e+00"] {
        assert!(is_number(text.as_bytes()), "{text}");
    }
    for text in ["", "-", "+1", "01", ".5", "1.", "1.e5", "1e", "1e+", "1e5x", "--1", "1.5.5"] {
        assert!(!is_number(text.as_bytes()), "{text}");
    }
}

#[test]
fn nothing_is_copied_unless_escaped() {
    let mut members = Members::new(br#"{"plain":"text","q":"\""}"#);
    let (name, value) = members.next().unwrap().unwrap();
    assert!(matches!(name.into_cow(), Cow::Borrowed(b"plain")));
    assert!(value.texts().all(|text| matches!(text.into_cow(), Cow::Borrowed(b"text"))));
    let (_, value) = members.next().unwrap().unwrap();
    assert!(value.texts().all(|text| matches!(text.into_cow(), Cow::Owned(_))));
}

#[test]
fn deep_nesting_is_an_error_and_no_recursion() {
    let block = [br#"{"a":"#.to_vec(), vec![b'['; 1_000_000]].concat();
    assert_eq!(members(&block), Err(JsonError::Nested));
}

#[test]
fn what_is_put_is_read() {
    let all: Vec<u8> = (0..=255).collect();
    let mut out = BytesMut::new();
    put_object(&[(b"a", &[&all]), (&all, &[b"\\u0041", b"", &all]), (b"", &[])], &mut out);
    let expected = vec![
        (b"a".to_vec(), vec![all.clone()]),
        (all.clone(), vec![br"\u0041".to_vec(), vec![], all]),
        (vec![], vec![]),
    ];
    assert_eq!(members(&out), Ok(expected));
}
