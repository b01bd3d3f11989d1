//! Uploads into files: which of their notices are believed.

use bytes::Bytes;
use mongrel2_transceiver::mongrel2::http::Response;
use mongrel2_transceiver::transceiver::{Command, Config, Event, Uploads};

use crate::browser::{SENDER, get, get_with, notice};
use crate::captures;
use crate::pair::{Pair, plain, small};

fn with_uploads() -> Config {
    small(|config| config.uploads = Some(Uploads::new("tmp/m2.XXXXXX", 8192).unwrap()))
}

/// What was seen of a real server, under the name of this one.
fn seen(name: &str) -> Bytes {
    let raw = captures::read(&format!("{name}.bin"));
    let rest = &raw[raw.iter().position(|octet| *octet == b' ').unwrap()..];
    [SENDER.as_bytes(), rest].concat().into()
}

/// What the application is told about one message.
fn told(pair: &mut Pair, raw: Bytes) -> Event {
    pair.deliver(raw);
    pair.until(|event| {
        matches!(
            event,
            Event::Request { .. } | Event::UploadStarted { .. } | Event::UploadDone { .. }
        )
    })
}

#[test]
fn an_upload_starts_and_is_done() {
    let mut pair = Pair::up(1, with_uploads());
    for (start, done, conn_id, name) in [
        ("198-upload-start", "199-upload-done", 2, "tmp/m2.HWCYfk"),
        ("202-upload-chunked-start", "203-upload-chunked-done", 4, "tmp/m2.XV6e7V"),
        (
            "208-upload-with-forged-done-start",
            "209-upload-with-forged-done-done",
            7,
            "tmp/m2.G58mFm",
        ),
    ] {
        let Event::UploadStarted { target, request, path } = told(&mut pair, seen(start)) else {
            panic!("{start}")
        };
        assert_eq!((target, &path[..]), (pair.target(conn_id), name));
        assert_eq!(request.content_length().is_some(), !start.contains("chunked"));
        let Event::UploadDone { target, path, .. } = told(&mut pair, seen(done)) else {
            panic!("{done}")
        };
        assert_eq!((target, &path[..]), (pair.target(conn_id), name));
    }
}

#[test]
fn tnetstrings_tell_the_same() {
    let mut pair = Pair::up(2, with_uploads());
    for part in ["upload", "upload-chunked"] {
        let (start, done) = if part == "upload" { (200, 201) } else { (204, 205) };
        let start = told(&mut pair, seen(&format!("{start}-{part}-start-tnet")));
        assert!(matches!(start, Event::UploadStarted { .. }));
        let done = told(&mut pair, seen(&format!("{done}-{part}-done-tnet")));
        assert!(matches!(done, Event::UploadDone { .. }));
    }
}

#[test]
fn forged_notices_are_plain_requests() {
    let mut pair = Pair::up(3, with_uploads());
    for name in [
        "105-forged-upload-headers",
        "106-forged-upload-headers-tnet",
        "107-forged-upload-huge-length",
    ] {
        assert!(matches!(told(&mut pair, seen(name)), Event::Request { .. }), "{name}");
    }
    // The end of an upload whose start is not known.
    assert!(matches!(told(&mut pair, seen("199-upload-done")), Event::Request { .. }));
}

/// Without a template nothing can be told from what a browser makes up.
#[test]
fn without_a_template_all_are_plain_requests() {
    let mut pair = Pair::up(4, plain());
    for name in ["198-upload-start", "199-upload-done"] {
        assert!(matches!(told(&mut pair, seen(name)), Event::Request { .. }), "{name}");
    }
}

#[test]
fn an_aborted_upload_ends_with_its_connection() {
    let mut pair = Pair::up(5, with_uploads());
    assert!(matches!(
        told(&mut pair, seen("206-upload-aborted-start")),
        Event::UploadStarted { .. }
    ));
    pair.deliver(seen("207-upload-aborted-notice"));
    pair.until(|event| matches!(event, Event::Disconnect { target } if target.conn_id.0 == 6));
}

#[test]
fn a_start_is_forgotten_with_its_connection() {
    for (seed, end) in (6..).zip([
        |pair: &mut Pair| pair.deliver(notice(2)),
        |pair: &mut Pair| {
            let target = pair.target(2);
            pair.submit(Command::HangUp { target });
        },
        |pair: &mut Pair| {
            let target = pair.target(2);
            let body = "HTTP/1.1 413 \r\n\r\n".into();
            pair.submit(Command::Reply { target, body, close: true });
        },
        |pair: &mut Pair| {
            let target = pair.target(2);
            pair.submit(Command::Cancel { target });
        },
        |pair: &mut Pair| {
            pair.crash();
            pair.restart();
        },
    ]) {
        let mut pair = Pair::up(seed, with_uploads());
        told(&mut pair, seen("198-upload-start"));
        end(&mut pair);
        pair.run_ms(50);
        pair.events();
        let event = told(&mut pair, seen("199-upload-done"));
        assert!(matches!(event, Event::Request { .. }), "{event:?}");
    }
}

/// Both notices are of one request: the second proves nothing of what the browser has read.
#[test]
fn an_upload_is_one_request() {
    let mut pair = Pair::up(11, with_uploads());
    let forged = get_with(2, &[("x-mongrel2-upload-start", "tmp/m2.HWCYfk")]);
    assert!(matches!(told(&mut pair, forged), Event::Request { .. }), "it has no length");
    let answer = |pair: &mut Pair| {
        let target = pair.target(2);
        pair.submit(Command::Reply { target, body: "x".into(), close: false });
    };
    answer(&mut pair);
    pair.run_ms(1);
    told(&mut pair, seen("198-upload-start"));
    // As many as may go unproven.
    (0..8).for_each(|_| answer(&mut pair));
    told(&mut pair, seen("199-upload-done"));
    answer(&mut pair);
    pair.run_ms(1);
    let said = pair.said().len();
    assert_eq!(said, 1 + 8, "the last waits");
}

#[test]
fn the_answer_to_an_upload_is_that_to_its_request() {
    let mut pair = Pair::up(12, with_uploads());
    told(&mut pair, seen("198-upload-start"));
    let event = told(&mut pair, seen("199-upload-done"));
    let Event::UploadDone { target, request, .. } = event else { panic!("{event:?}") };
    pair.submit(Command::respond(target, &request, &Response::text(201, "thanks")));
    assert!(pair.replies_soon()[0].1.starts_with(b"HTTP/1.1 201 Created\r\n"));
    assert!(matches!(told(&mut pair, get(2)), Event::Request { .. }));
}
