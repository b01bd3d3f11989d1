//! Every stream is read whole, octet by octet, and cut at each point.

use super::super::super::violation::FramingError;
use super::*;

type Found = (Vec<Response>, Result<(), Violation>);

/// What comes of the pieces and the end of the connection behind them.
fn run(asked: &[Asked], limits: Limits, pieces: &[&[u8]]) -> Found {
    let mut reader = Reader::new(limits);
    asked.iter().for_each(|asked| reader.expect(*asked));
    let mut found = Vec::new();
    for piece in pieces {
        let mut data = Bytes::copy_from_slice(piece);
        loop {
            match reader.next(&mut data) {
                Ok(Some(response)) => found.push(response),
                Ok(None) => break,
                Err(violation) => return (found, Err(violation)),
            }
        }
        assert!(data.is_empty(), "all is taken");
    }
    match reader.end() {
        Ok(last) => found.extend(last),
        Err(violation) => return (found, Err(violation)),
    }
    (found, Ok(()))
}

fn read_within(limits: Limits, asked: &[Asked], stream: &[u8]) -> Found {
    let whole = run(asked, limits, &[stream]);
    let singly: Vec<_> = stream.chunks(1).collect();
    assert_eq!(run(asked, limits, &singly), whole, "octet by octet: {}", stream.escape_ascii());
    for at in 0..stream.len() {
        let (first, rest) = stream.split_at(at);
        assert_eq!(run(asked, limits, &[first, rest]), whole, "cut at {at}");
    }
    whole
}

fn read(asked: &[Asked], stream: &[u8]) -> Found {
    read_within(Limits::default(), asked, stream)
}

/// Status and body of what is found where nothing is wrong.
#[track_caller]
fn bodies(asked: &[Asked], stream: &str) -> Vec<(u16, Bytes)> {
    let (found, end) = read(asked, stream.as_bytes());
    assert_eq!(end, Ok(()));
    found.into_iter().map(|response| (response.status, response.body)).collect()
}

/// The violation that one response is.
#[track_caller]
fn violation(stream: &str) -> Violation {
    let (found, end) = read(&[Asked::Plain], stream.as_bytes());
    assert_eq!(found, []);
    end.expect_err("something is wrong with it")
}

const PLAIN: &[Asked] = &[Asked::Plain; 5];

#[test]
fn bodies_end_in_three_ways() {
    let sized = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    assert_eq!(bodies(PLAIN, sized), [(200, "hello".into())]);
    let empty = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(bodies(PLAIN, empty), [(200, "".into())]);
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                   5\r\nhello\r\n00a;x=\"y\"\r\n, 1234\r\n!!\r\n0\r\n\r\n";
    assert_eq!(bodies(PLAIN, chunked), [(200, "hello, 1234\r\n!!".into())]);
    let until_end = "HTTP/1.0 200 OK\r\n\r\nhello\r\n\r\nHTTP/1.1 200 OK";
    assert_eq!(bodies(PLAIN, until_end), [(200, "hello\r\n\r\nHTTP/1.1 200 OK".into())]);
    assert_eq!(bodies(PLAIN, "HTTP/1.1 200 OK\r\n\r\n"), [(200, "".into())]);
}

#[test]
fn trailers_are_kept() {
    let stream = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                   1\r\nx\r\n0\r\nDigest: abc \r\nEmpty:\r\n\r\n";
    let (found, end) = read(PLAIN, stream);
    assert_eq!(end, Ok(()));
    let pair = |name: &'static str, value: &'static str| (name.into(), value.into());
    assert_eq!(found[0].trailers, [pair("Digest", "abc"), pair("Empty", "")]);
    assert_eq!(found[0].body, "x");
}

#[test]
fn several_responses_follow_each_other() {
    let stream = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na\
                  HTTP/1.1 204 No Content\r\n\r\n\
                  HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nb\r\n0\r\n\r\n\
                  HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n\
                  HTTP/1.1 500 X\r\n\r\nto the end";
    let expected = [(200, "a"), (204, ""), (200, "b"), (304, ""), (500, "to the end")];
    assert_eq!(bodies(PLAIN, stream), expected.map(|(status, body)| (status, body.into())));
}

#[test]
fn some_have_no_body_whatever_they_say() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n";
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let next = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx";
    for asked in [Asked::Head, Asked::Connect] {
        for first in [head, chunked] {
            let found = bodies(&[asked, Asked::Plain], &[first, next].concat());
            assert_eq!(found, [(200, "".into()), (200, "x".into())]);
        }
    }
    // What is not granted is explained in a body.
    let refused = "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno";
    assert_eq!(bodies(&[Asked::Connect], refused), [(403, "no".into())]);
}

#[test]
fn interim_responses_come_before_the_final_one() {
    let stream = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n\
                  HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx";
    let expected = [(100, ""), (103, ""), (200, "x")];
    assert_eq!(
        bodies(&[Asked::Plain], stream),
        expected.map(|(status, body)| (status, body.into()))
    );
}

#[test]
fn behind_a_101_there_is_no_http() {
    let mut reader = Reader::new(Limits::default());
    reader.expect(Asked::Handshake);
    let mut data = Bytes::from("HTTP/1.1 101 Switching Protocols\r\n\r\n\u{1}\u{0}");
    let response = reader.next(&mut data).unwrap().expect("it is whole");
    assert_eq!((response.status, &data[..]), (101, &b"\x01\0"[..]));
    assert_eq!(reader.end(), Ok(None));
    let unasked = violation("HTTP/1.1 101 Switching Protocols\r\n\r\n");
    assert_eq!(unasked, Violation::Handshake(HandshakeError::Unasked));
}

#[test]
fn what_nobody_asked_for() {
    let response = b"HTTP/1.1 204 No Content\r\n\r\n";
    assert_eq!(read(&[], response), (vec![], Err(Violation::Unasked)));
    let (found, end) = read(&[Asked::Plain], &[&response[..], b"\r\n"].concat());
    assert_eq!((found.len(), end), (1, Err(Violation::Unasked)));
    assert_eq!(read(&[], b""), (vec![], Ok(())));
}

#[test]
fn what_is_cut_short() {
    let whole = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    let chunked =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n";
    for stream in [whole, chunked] {
        for len in 1..stream.len() {
            let found = run(PLAIN, Limits::default(), &[&stream.as_bytes()[..len]]);
            assert_eq!(found, (vec![], Err(Violation::Cut)), "{len} of {stream}");
        }
    }
}

#[test]
fn what_is_no_response() {
    let version = Violation::Head(HeadError::Version);
    for stream in ["hello", "\r\nHTTP/1.1 200 OK\r\n\r\n", "HTTP/2 200\r\n\r\n", "HTTPS/1.1", "\0"]
    {
        assert_eq!(violation(stream), version, "{stream:?}");
    }
    let headless = violation("HTTP/1.1 200 OK\r\nbad header\r\n\r\n");
    assert_eq!(headless, Violation::Head(HeadError::HeaderName));
    let both = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx";
    assert_eq!(violation(both), Violation::Framing(FramingError::LengthAndEncoding));
}

#[test]
fn what_is_no_chunk() {
    for body in
        ["x\r\n", "\r\n", "5\nhello\r\n", "5\r\nhelloo\r\n", "5\r\nhello\n0\r\n\r\n", "-1\r\n"]
    {
        let stream = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
        assert_eq!(violation(&stream), Violation::Chunk, "{body:?}");
    }
    let trailers = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nbad trailer\r\n\r\n";
    assert_eq!(violation(trailers), Violation::Head(HeadError::HeaderName));
}

#[test]
fn limits_hold_before_anything_is_kept() {
    let limits = Limits {
        response_head_size_max: 60,
        response_headers_max: 2,
        response_body_size_max: 10,
        ..Limits::default()
    };
    let end = |stream: &str| read_within(limits, &[Asked::Plain], stream.as_bytes()).1;
    let too_large = Err(Violation::BodyTooLarge { size_max: 10 });
    assert_eq!(end("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789"), Ok(()));
    assert_eq!(end("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n"), too_large);
    assert_eq!(end("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n"), too_large);
    assert_eq!(end("HTTP/1.1 200 OK\r\n\r\n0123456789"), Ok(()));
    assert_eq!(end("HTTP/1.1 200 OK\r\n\r\n01234567890"), too_large);
    let chunked = |chunks: &str| {
        end(&format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"))
    };
    assert_eq!(chunked("5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n"), Ok(()));
    assert_eq!(chunked("5\r\n01234\r\n6\r\n"), too_large);
    assert_eq!(chunked("ffffffffffffffff\r\n"), too_large);
    let head = Err(Violation::HeadTooLarge { size_max: 60 });
    assert_eq!(end(&format!("HTTP/1.1 200 OK\r\na: {}", "x".repeat(60))), head);
    assert_eq!(chunked(&format!("0\r\na: {}", "x".repeat(60))), head);
    let headers = Err(Violation::TooManyHeaders { headers_max: 2 });
    assert_eq!(end("HTTP/1.1 200 OK\r\na: b\r\na: b\r\na: b\r\n\r\n"), headers);
    let extension = "x".repeat(CHUNK_LINE_MAX);
    assert_eq!(chunked(&format!("5;{extension}")), Err(Violation::Chunk));
}

#[test]
fn a_body_in_one_piece_is_not_copied() {
    let mut reader = Reader::new(Limits::default());
    reader.expect(Asked::Plain);
    let mut data = Bytes::from("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    let body = data.slice(data.len() - 5..);
    let response = reader.next(&mut data).unwrap().expect("it is whole");
    assert_eq!(response.body.as_ptr(), body.as_ptr());
}
