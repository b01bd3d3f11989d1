//! Group 9: large messages, in one frame and in fragments, in few writes and in many, and how many
//! round trips there may be. The suite measures times here; this asks only that all comes back, so that
//! round trips are a quarter of its thousand.
//!
//! Its messages have up to 16 MiB: the handler is told by `--message-size-max`.

use interop::handler::Options;
use interop::websocket::{BINARY, RawSocket, TEXT};
use interop::{Echo, Handler, Mongrel2};

use crate::case::{Case, Chop, End};

fn serve(echo: Echo, size_max: usize) -> (Mongrel2, Handler) {
    let server = Mongrel2::start();
    let options = Options::new(echo).server(&server);
    let handler = options.with("--message-size-max", &size_max.to_string()).start();
    server.wait_until_served();
    (server, handler)
}

fn text(octets: usize) -> Vec<u8> {
    b"BAsd7&jh23".iter().copied().cycle().take(octets).collect()
}

fn binary(octets: usize) -> Vec<u8> {
    b"\x00\xfe\x23\xfa\xf0".iter().copied().cycle().take(octets).collect()
}

/// 9.1 and 9.2.
#[test]
fn large_frames() {
    let (server, _handler) = serve(Echo::Threads, 16 * MIB);
    for (number, octets) in (1..).zip([64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB, 16 * MIB]) {
        Case::new(format!("9.1.{number}")).echo(TEXT, text(octets)).run(&server);
        Case::new(format!("9.2.{number}")).echo(BINARY, binary(octets)).run(&server);
    }
}

/// 9.3 and 9.4: 4 MiB in fragments of 64 octets and more.
#[test]
fn large_messages_in_fragments() {
    let (server, _handler) = serve(Echo::Threads, 16 * MIB);
    for (number, size) in (1..).zip((0..9).map(|power| 64 << (2 * power))) {
        for (group, first, payload) in
            [("9.3", TEXT, text(4 * MIB)), ("9.4", BINARY, binary(4 * MIB))]
        {
            let case = Case::new(format!("{group}.{number}"));
            case.fragments(first, payload.chunks(size)).hear(first, &payload).run(&server);
        }
    }
}

/// 9.5 and 9.6: 1 MiB in writes of 64 to 2048 octets.
#[test]
fn large_frames_in_many_writes() {
    let (server, _handler) = serve(Echo::Threads, 16 * MIB);
    for (number, octets) in (1..).zip((6..12).map(|power| 1 << power)) {
        for (group, first, payload) in [("9.5", TEXT, text(MIB)), ("9.6", BINARY, binary(MIB))] {
            let case = Case::new(format!("{group}.{number}")).chop(Chop::Octets(octets));
            case.echo(first, payload).run(&server);
        }
    }
}

/// 9.7 and 9.8.
#[test]
fn many_round_trips() {
    let (server, _handler) = serve(Echo::Threads, 16 * MIB);
    for (number, octets) in (1..).zip([0, 16, 64, 256, 1024, 4096]) {
        for (group, first, octet) in [("9.7", TEXT, b'*'), ("9.8", BINARY, 0xFE)] {
            let mut case = Case::new(format!("{group}.{number}"));
            for _ in 0..ROUNDS {
                case = case.echo(first, vec![octet; octets]);
            }
            case.run(&server);
        }
    }
}

/// What is larger ends with 1009 (RFC 6455 7.4.1), in one frame and in fragments; what is as large as
/// it may be comes back. Without the option, too.
fn too_large(echo: Echo) {
    let (server, _handler) = serve(echo, 5000);
    up_to(5000, &server);
    let (server, _handler) = interop::serve(echo);
    up_to(MIB, &server);
}

fn up_to(octets: usize, server: &Mongrel2) {
    let (fits, is_too_large) = (text(octets), text(octets + 1));
    for first in [TEXT, BINARY] {
        let case = |what| Case::new(format!("{what} of {octets} octets, {first:#x}"));
        case("all").echo(first, &fits).run(server);
        let fragments = fits.chunks(1000);
        case("fragments").fragments(first, fragments).hear(first, &fits).run(server);

        let failed = case("more than all").send(first, &is_too_large);
        failed.end(End::Failed(1009)).run(server);
        let failed = case("more in fragments").fragments(first, is_too_large.chunks(1000));
        failed.end(End::Failed(1009)).run(server);
    }
    let mut next = RawSocket::connect(server.address());
    next.send(TEXT, b"served");
    assert_eq!(next.read_answering_pings().expect("it is echoed").payload, b"served");
}

#[test]
fn too_large_for_smol() {
    too_large(Echo::Smol);
}

#[test]
fn too_large_for_threads() {
    too_large(Echo::Threads);
}

#[test]
fn too_large_for_tokio() {
    too_large(Echo::Tokio);
}

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
/// A quarter of what the suite asks for.
const ROUNDS: usize = 250;
