//! Uploads that the server writes into files.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use interop::PATIENCE;
use interop::http::request;
use interop::mongrel2::Config;
use mongrel2_transceiver::mongrel2::http::Response;
use mongrel2_transceiver::transceiver::{Command, Event, Uploads};

use crate::local::{Local, with};

const TEMPLATE: &str = "tmp/up.XXXXXX";
const LIMIT: u64 = 8192;

/// Takes uploads, but for those to `/no`; says of each request what it was.
fn app(event: &Event) -> Vec<Command> {
    match event {
        Event::UploadStarted { target, request, .. } if request.path() == b"/no" => {
            vec![Command::respond(*target, request, &Response::text(413, "no").close())]
        }
        Event::UploadDone { target, request, path } => {
            vec![Command::respond(*target, request, &Response::text(200, path))]
        }
        Event::Request { target, request } => {
            vec![Command::respond(*target, request, &Response::text(200, "plain"))]
        }
        _ => Vec::new(),
    }
}

fn start() -> Local {
    let config = Config {
        temp_store: Some(TEMPLATE.to_owned()),
        ..with(&[("limits.content_length", LIMIT)])
    };
    let uploads = Uploads::new(TEMPLATE, LIMIT).unwrap();
    Local::start(config, |config| config.uploads = Some(uploads), app)
}

fn body() -> Vec<u8> {
    (0..=250).cycle().take(100_000).collect()
}

fn is_done(event: &Event) -> bool {
    matches!(event, Event::UploadDone { .. })
}

/// The file of the upload that is being told of.
fn started(local: &Local) -> PathBuf {
    let event = local.until(|event| matches!(event, Event::UploadStarted { .. }));
    let Event::UploadStarted { path, .. } = event else { unreachable!() };
    local.server.file(&path)
}

fn expect_to_go(file: &Path) {
    let end = Instant::now() + PATIENCE;
    while file.exists() {
        assert!(Instant::now() < end, "{} stays", file.display());
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn an_upload_is_in_its_file_when_it_is_done() {
    let local = start();
    let mut client = local.server.client();
    for _ in 0..3 {
        let response = client.post("/up", &body());
        let path = String::from_utf8(response.body).unwrap();
        assert!(path.starts_with("tmp/up.") && path.len() == TEMPLATE.len(), "{path}");
        assert!(fs::read(local.server.file(&path)).unwrap() == body());
        fs::remove_file(local.server.file(&path)).unwrap();
        local.until(is_done);
    }
    client.post("/small", b"small").expect_echo(b"plain");
}

#[test]
fn chunks_are_put_together_in_the_file() {
    let local = start();
    let mut client = local.server.client();
    client.send(b"POST /up HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n");
    started(&local);
    client.send(b"5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n");
    let path = String::from_utf8(client.read_response().body).unwrap();
    assert_eq!(fs::read(local.server.file(&path)).unwrap(), b"hello, world");
}

#[test]
fn what_browsers_make_up_is_not_believed() {
    let local = start();
    let mut client = local.server.client();
    let good = "tmp/up.abcDEF";
    for name in ["/etc/passwd", good] {
        let forged = [("X-Mongrel2-Upload-Start", name), ("X-Mongrel2-Upload-Done", name)];
        let huge = [forged[0], forged[1], ("Content-Length", "99999999999")];
        for headers in [&forged[..], &forged[..1], &huge] {
            client.send(&request("POST", "/up", headers, b""));
            client.read_response().expect_echo(b"plain");
        }
    }
    // In a real one, the server's names are those that count.
    let forged = [("X-Mongrel2-Upload-Start", good), ("X-Mongrel2-Upload-Done", good)];
    client.send(&request("POST", "/up", &forged, &body()));
    let path = String::from_utf8(client.read_response().body).unwrap();
    assert!(path != good && fs::read(local.server.file(&path)).unwrap() == body());
}

/// Whatever a browser does, a file that is written is told of: else nobody would remove it.
#[test]
fn odd_requests_leave_no_file_behind() {
    let local = start();
    let start = ("X-Mongrel2-Upload-Start", "tmp/up.abcDEF");
    let done = ("X-Mongrel2-Upload-Done", "tmp/up.abcDEF");
    let length = ("Content-Length", "100000");
    let all: [&[(&str, &str)]; 7] = [
        &[start, start, done, done, length],
        &[start, ("X-Mongrel2-Upload-Start", "/etc/passwd"), length],
        &[("Content-Length", "+100000")],
        &[("Content-Length", "100000x")],
        &[("Content-Length", "0100000")],
        &[length, ("Content-Length", "5")],
        &[length, ("Transfer-Encoding", "chunked")],
    ];
    for headers in all {
        let mut client = local.server.client();
        client.send(&request("POST", "/up", headers, b""));
        client.send(&body());
        let path = String::from_utf8(client.read_response().body).unwrap();
        assert!(path.starts_with("tmp/up."), "{headers:?}: {path}");
        assert!(fs::read(local.server.file(&path)).unwrap() == body(), "{headers:?}");
        fs::remove_file(local.server.file(&path)).unwrap();
    }
    assert_eq!(fs::read_dir(local.server.file("tmp")).unwrap().count(), 0);
}

#[test]
fn an_upload_can_be_refused_before_it_is_read() {
    let local = start();
    let mut client = local.server.client();
    let whole = request("POST", "/no", &[], &body());
    let head = whole.len() - body().len();
    client.send(&whole[..head]);
    let file = started(&local);
    let response = client.read_response();
    assert_eq!((response.status, &response.body[..]), (413, &b"no"[..]));
    client.expect_end();
    expect_to_go(&file);
}

#[test]
fn an_aborted_upload_leaves_no_file() {
    let local = start();
    let mut client = local.server.client();
    let whole = request("POST", "/up", &[], &body());
    client.send(&whole[..whole.len() / 2]);
    let file = started(&local);
    assert!(file.exists());
    drop(client);
    let event = local.until(|event| is_done(event) || matches!(event, Event::Disconnect { .. }));
    assert!(!is_done(&event));
    expect_to_go(&file);
}
