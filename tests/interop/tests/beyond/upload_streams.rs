//! Uploads that come in pieces, as far as they are let.

use std::collections::BTreeMap;

use interop::http::request;
use mongrel2_transceiver::mongrel2::http::Response;
use mongrel2_transceiver::mongrel2::{Request, UploadStream};
use mongrel2_transceiver::transceiver::{Command, Event, Target};

use crate::local::{Local, with};

/// So much may be in hand.
const WINDOW: u64 = 64 << 10;
const PIECE_MAX: u64 = 8192;

/// One upload, as the handler sees it.
struct Upload {
    stream: UploadStream,
    first: Request,
    body: Vec<u8>,
    granted: u64,
}

/// Grants what is done with; answers with the number of octets and their sum.
fn app() -> impl FnMut(&Event) -> Vec<Command> + Send {
    let mut uploads = BTreeMap::<Target, Upload>::new();
    move |event| {
        let Event::Request { target, request } = event else { return Vec::new() };
        let target = *target;
        if let Some(stream) = UploadStream::begin(request) {
            let (first, body) = (request.clone(), request.body().to_vec());
            uploads.insert(target, Upload { stream, first, body, granted: WINDOW });
            return vec![Command::Grant { target, octets: WINDOW }];
        }
        let Some(upload) = uploads.get_mut(&target) else {
            return vec![Command::respond(target, request, &Response::text(200, "plain"))];
        };
        let piece = upload.stream.take(request).expect("pieces are in order");
        upload.body.extend_from_slice(&piece);
        let octets = piece.len() as u64;
        assert!(octets <= PIECE_MAX && octets <= upload.granted, "more than was granted");
        if upload.stream.is_done() {
            let Upload { first, body, .. } = uploads.remove(&target).unwrap();
            let answer = Response::text(200, &summary(&body));
            return vec![Command::respond(target, &first, &answer)];
        }
        vec![Command::Grant { target, octets }]
    }
}

fn summary(body: &[u8]) -> String {
    let sum = body.iter().fold(7u64, |sum, octet| sum.wrapping_mul(31) + u64::from(*octet));
    format!("{} octets, {sum}", body.len())
}

fn start() -> Local {
    let settings = with(&[("limits.content_length", PIECE_MAX), ("upload.stream", 1)]);
    Local::start(settings, |_| {}, app())
}

#[test]
fn five_mebibytes_come_as_they_are_let() {
    let local = start();
    let body: Vec<u8> = (0..=250).cycle().take(5 << 20).collect();
    let mut client = local.server.client();
    for _ in 0..2 {
        client.post("/up", &body).expect_echo(summary(&body).as_bytes());
    }
    client.post("/small", b"small").expect_echo(b"plain");
}

#[test]
fn chunks_come_one_by_one() {
    let local = start();
    let mut client = local.server.client();
    client.send(b"POST /up HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n");
    let chunk = [b"1000\r\n", &[b'x'; 4096][..], b"\r\n"].concat();
    for _ in 0..100 {
        client.send(&chunk);
    }
    client.send(b"0\r\n\r\n");
    client.read_response().expect_echo(summary(&[b'x'; 409_600]).as_bytes());
}

/// Where nothing is granted nothing comes; and it is not noticed that the browser has left.
#[test]
fn without_credits_nothing_comes() {
    let settings = with(&[("limits.content_length", PIECE_MAX), ("upload.stream", 1)]);
    let local = Local::start(
        settings,
        |_| {},
        |event| match event {
            Event::Request { target, request } if request.body_len() == 0 => {
                vec![Command::respond(*target, request, &Response::text(200, "plain"))]
            }
            _ => Vec::new(),
        },
    );
    let mut client = local.server.client();
    client.send(&request("POST", "/up", &[], &vec![b'x'; 100_000]));
    let is_request = |event: &Event| matches!(event, Event::Request { .. });
    let first = local
        .until(|event| matches!(event, Event::Request { request, .. } if request.path() == b"/up"));
    drop(client);
    // Others are served meanwhile, and nothing is heard of this one.
    let mut other = local.server.client();
    for _ in 0..20 {
        other.get("/").expect_echo(b"plain");
        let event =
            local.until(|event| is_request(event) || matches!(event, Event::Disconnect { .. }));
        assert!(matches!(event, Event::Request { request, .. } if request.path() == b"/"));
    }
    let Event::Request { target, .. } = first else { unreachable!() };
    local.handle.submit(Command::Grant { target, octets: 1 << 20 }).unwrap();
    local.until(|event| matches!(event, Event::Disconnect { target: gone } if *gone == target));
}
