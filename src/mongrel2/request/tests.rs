//! Requests in both dialects, whole, cut and damaged.

use bytes::BytesMut;

use super::*;
use crate::mongrel2::encode_request;
use crate::mongrel2::error::{JsonError, TnetstringError};

fn parse(raw: &'static str) -> Result<Request, ParseError> {
    Request::parse(Bytes::from_static(raw.as_bytes()))
}

#[test]
fn both_dialects_of_one_request_are_read() {
    let json = r#"{"METHOD":"GET","PATH":"/a","x":["1","2"]}"#;
    let json = format!("uuid 4 /a {}:{json},5:hello,", json.len());
    let tnetstring = "6:METHOD,3:GET,4:PATH,2:/a,1:x,8:1:1,1:2,]";
    let tnetstring = format!("uuid 4 /a {}:{tnetstring}}}5:hello,", tnetstring.len());
    let requests = [json, tnetstring].map(|raw| Request::parse(raw.into()).unwrap());
    assert_eq!(requests.each_ref().map(Request::dialect), [Dialect::Json, Dialect::Tnetstring]);
    for request in &requests {
        assert_eq!(request.sender(), b"uuid");
        assert_eq!(request.conn_id(), ConnId(4));
        assert_eq!(request.path(), b"/a");
        assert_eq!(request.method(), b"GET");
        assert_eq!(request.body(), "hello");
        assert_eq!(request.body_len(), 5);
        assert_eq!(request.header("x").as_deref(), Some(&b"1"[..]));
        assert_eq!(request.header_values("x").collect::<Vec<_>>(), [&b"1"[..], b"2"]);
        assert_eq!(request.header("X"), None);
        assert_eq!(request.header("path"), None);
        let names: Vec<_> = request.headers().map(|(name, _)| name.into_owned()).collect();
        assert_eq!(names, [&b"METHOD"[..], b"PATH", b"x", b"x"]);
    }
}

#[test]
fn each_mistake_has_its_error() {
    for (raw, error) in [
        ("", ParseError::Sender),
        ("uuid", ParseError::Sender),
        (" 4 / 2:{},0:,", ParseError::Sender),
        ("uuid ", ParseError::ConnId),
        ("uuid 4", ParseError::ConnId),
        ("uuid  / 2:{},0:,", ParseError::ConnId),
        ("uuid 04 / 2:{},0:,", ParseError::ConnId),
        ("uuid x / 2:{},0:,", ParseError::ConnId),
        ("uuid 9223372036854775808 / 2:{},0:,", ParseError::ConnId),
        ("uuid 4 /", ParseError::Path),
        ("uuid 4  2:{},0:,", ParseError::Path),
        ("uuid 4 / ", ParseError::HeadersLength),
        ("uuid 4 / {},0:,", ParseError::HeadersLength),
        ("uuid 4 / 02:{},0:,", ParseError::HeadersLength),
        ("uuid 4 / 99999999999999999999:{},0:,", ParseError::HeadersLength),
        ("uuid 4 / 2:", ParseError::HeadersCut { expected: 3, found: 0 }),
        ("uuid 4 / 2:{}", ParseError::HeadersCut { expected: 3, found: 2 }),
        (
            "uuid 4 / 18446744073709551615:{},0:,",
            ParseError::HeadersCut { expected: usize::MAX, found: 6 },
        ),
        ("uuid 4 / 2:{}]0:,", ParseError::Dialect { octet: b']' }),
        ("uuid 4 / 2:{},", ParseError::BodyLength),
        ("uuid 4 / 2:{}, 0:,", ParseError::BodyLength),
        ("uuid 4 / 2:{},00:,", ParseError::BodyLength),
        ("uuid 4 / 2:{},0:", ParseError::BodyCut { expected: 1, found: 0 }),
        ("uuid 4 / 2:{},3:ab,", ParseError::BodyCut { expected: 4, found: 3 }),
        ("uuid 4 / 2:{},1:ab,", ParseError::BodyEnd { octet: b'b' }),
        ("uuid 4 / 2:{},0:,\n", ParseError::Trailing { length: 1 }),
        ("uuid 4 / 2:[],0:,", ParseError::Json(JsonError::NoObject)),
        ("uuid 4 / 2:{}}0:,", ParseError::Tnetstring(TnetstringError::Length)),
    ] {
        assert_eq!(parse(raw).map(|_| ()), Err(error), "{raw}");
    }
}

#[test]
fn the_head_is_there_before_the_rest_and_without_it() {
    let head = |raw: &'static str| Request::head(raw.as_bytes());
    assert_eq!(head("uuid 4 /lo"), Some((&b"uuid"[..], ConnId(4))));
    assert_eq!(head("uuid -1 @* 17:{"), Some((&b"uuid"[..], ConnId(-1))));
    assert_eq!(head("uuid 4  nonsense"), Some((&b"uuid"[..], ConnId(4))));
    // The number may go on.
    assert_eq!(head("uuid 4"), None);
    for raw in ["", " ", "uuid", "uuid ", "uuid x /", " 4 /"] {
        assert_eq!(head(raw), None, "{raw:?}");
    }
}

#[test]
fn an_odd_method_is_none() {
    let list = parse(r#"s 4 / 24:{"METHOD":["GET","PUT"]},0:,"#).unwrap();
    let escaped = parse(r#"s 4 / 21:{"METHOD":"\u0047ET"},0:,"#).unwrap();
    let absent = parse("s 4 / 2:{},0:,").unwrap();
    for request in [&list, &escaped, &absent] {
        assert_eq!(request.method(), b"");
        assert_eq!(request.kind(), Kind::Unknown);
    }
    assert_eq!(escaped.header("METHOD").as_deref(), Some(&b"GET"[..]));
}

#[test]
fn names_that_stand_twice_follow_their_case() {
    let block = r#"{"UP":"1","UP":["2","3"],"low":"1","low":["2","3"],"\u0055P":"4"}"#;
    let request = Request::parse(format!("s 4 / {}:{block},0:,", block.len()).into()).unwrap();
    assert_eq!(request.header_values("UP").collect::<Vec<_>>(), [&b"1"[..]]);
    assert_eq!(request.header_values("low").collect::<Vec<_>>(), [&b"1"[..], b"2", b"3"]);
    assert_eq!(request.headers().count(), 7);
}

#[test]
fn text_is_utf_8_or_nothing() {
    let mut out = BytesMut::new();
    let headers: &[(&[u8], &[&[u8]])] =
        &[(b"a", &["é".as_bytes()]), (b"b", &["\"é".as_bytes()]), (b"c", &[b"\xFF"]), (b"d", &[])];
    encode_request(b"s", ConnId(1), b"/", headers, Dialect::Json, b"", &mut out);
    let request = Request::parse(out.freeze()).unwrap();
    assert!(matches!(request.header_str("a"), Some(Cow::Borrowed("é"))));
    assert!(matches!(request.header_str("b"), Some(Cow::Owned(text)) if text == "\"é"));
    assert_eq!(request.header_str("c"), None);
    assert_eq!(request.header_str("d"), None);
}

#[test]
fn debug_is_short() {
    let request = parse(r#"s 4 /a 24:{"METHOD":"GET","x":"y"},4:pass,"#).unwrap();
    assert_eq!(
        format!("{request:?}"),
        "Request { sender: s, conn_id: 4, kind: Unknown, method: GET, path: /a, headers_len: 24, \
         body_len: 4 }"
    );
}

#[test]
fn the_body_shares_the_octets_of_the_message() {
    let raw = Bytes::from("s 4 / 2:{},5:hello,".to_owned());
    let body = raw[13..].as_ptr();
    let request = Request::parse(raw).unwrap();
    let copy = request.clone();
    assert_eq!([request.body().as_ptr(), copy.body().as_ptr()], [body; 2]);
}

#[test]
fn a_message_is_rewritten_as_it_would_have_come() {
    let of = |flags: &str, body: &str| {
        let head = format!(r#"{{"METHOD":"WEBSOCKET"{flags},"x":"0xC1"}}"#);
        Bytes::from(format!("uuid 4 /a {}:{head},{}:{body},", head.len(), body.len()))
    };
    let rewritten = |raw: Bytes| Request::parse(raw).unwrap().rewritten(0x81, b"hello, hello");
    let (raw, body) = rewritten(of(r#","FLAGS":"0xC1""#, "zip"));
    assert_eq!(raw, of(r#","FLAGS":"0x81""#, "hello, hello"));
    assert_eq!(body, "hello, hello");
    assert_eq!(raw.as_ptr_range().end.addr() - 1, body.as_ptr_range().end.addr(), "a part of it");
    // There is no place for other flags.
    for flags in [r#","FLAGS":"0x1""#, ""] {
        assert_eq!(rewritten(of(flags, "zip")).0, of(flags, "hello, hello"));
    }
}
