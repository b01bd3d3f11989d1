//! Servers that stop, are killed, come back as another, or do not read.

use std::net::TcpListener;
use std::time::Duration;

use bytes::Bytes;
use mongrel2_transceiver::mongrel2::ConnId;
use mongrel2_transceiver::socket::{DownReason, Heartbeat};
use mongrel2_transceiver::transceiver::{Command, Event, Refused, Target};
use mongrel2_transceiver::zmtp::{Error, SocketType};

use super::peer::{Both, Fair, SIDES, Side, Trap};
use super::stage::{HUNG, Stage, config};
use super::wire;
use crate::adapter::SubmitError;

/// Its octets are lost with it, or its end is in order: either way nothing of it is left.
#[test]
fn a_server_that_is_gone_is_given_up_and_tried_again() {
    let mut config = config();
    // While there is no link for replies no requests are read, and so not their end either: that is found
    // by what cannot be written.
    config.heartbeat = Some(Heartbeat { interval: Duration::from_millis(50), timeout: HUNG });
    let stage = Stage::new(config);
    let trap = Trap::new(&stage);
    for round in 0..20 {
        let mut both = trap.up(&stage);
        both.asks(&trap, 7);
        if round % 2 == 0 {
            // What was not read makes the end of the stream a reset.
            both.requests.says(&wire::message(&[&trap.get(8)]));
        }
        drop(both);
        let reason = trap.wait_down(&stage);
        assert!(matches!(reason, DownReason::Closed | DownReason::Io(_)), "{reason}");
    }
    trap.up(&stage).asks(&trap, 7);
    stage.end();
}

/// A host without power, a pulled cable, a peer that hangs: the stream is there, and nobody at its other
/// end. The operating system takes what is written as long as it has room for it.
#[test]
fn a_half_open_link_is_found_by_its_silence() {
    let mut config = config();
    config.heartbeat = Some(Heartbeat {
        interval: Duration::from_millis(50),
        // The healthy ones are to live with it on a computer that has other things to do.
        timeout: Duration::from_millis(2000),
    });
    let stage = Stage::new(config);
    let trap = Trap::new(&stage);
    let mut silent = trap.up(&stage);
    assert_eq!(trap.wait_down(&stage), DownReason::Silent);
    silent.requests.is_ended();
    silent.replies.is_ended();
    // And it is served again when it is back.
    drop(trap.up(&stage));
    stage.end();
}

/// A peer may say how long it is silent at most (ZMTP 3.1, RFC 37: `ping-ttl`), and is taken at its word.
#[test]
fn who_announces_its_own_end_is_given_up() {
    let stage = Stage::new(config());
    let trap = Trap::new(&stage);
    let mut both = trap.up(&stage);
    let ping = wire::command("PING", b"\0\x01");
    both.requests.says(&ping);
    both.replies.says(&ping);
    assert_eq!(trap.wait_down(&stage), DownReason::Silent);
    trap.up(&stage).asks(&trap, 7);
    stage.end();
}

/// Something else has the port now; when the server is back, it is served.
#[test]
fn another_at_the_same_port_is_no_server() {
    let stage = Stage::new(config());
    let mut trap = Trap::new(&stage);
    for side in SIDES {
        trap.up(&stage).asks(&trap, 7);
        trap.wait_down(&stage);
        // The way it is when a process ends and another starts: the port is closed in between.
        let address = match side {
            Side::Requests => &trap.requests,
            Side::Replies => &trap.replies,
        };
        let address = address.local_addr().unwrap();
        let place = TcpListener::bind("127.0.0.1:0").unwrap();
        let (ours, theirs) = match side {
            Side::Requests => (SocketType::Pull, std::mem::replace(&mut trap.requests, place)),
            Side::Replies => (SocketType::Pub, std::mem::replace(&mut trap.replies, place)),
        };
        drop(theirs);
        refused(&stage, address);
        let bound = TcpListener::bind(address).unwrap();
        match side {
            Side::Requests => trap.requests = bound,
            Side::Replies => trap.replies = bound,
        }
        let _other = trap.greet(side.other());
        let mut web = trap.accept(side);
        web.says(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        let error = Error::Signature { position: 0, octet: b'H' };
        assert_eq!(trap.wait_unreachable(&stage, side), DownReason::Protocol(error));
        let mut rep = trap.accept(side);
        rep.says(&[wire::greeting(), wire::ready("REP")].concat());
        let error = Error::SocketType { ours, theirs: Bytes::from_static(b"REP") };
        assert_eq!(trap.wait_unreachable(&stage, side), DownReason::Protocol(error));
    }
    trap.up(&stage).asks(&trap, 7);
    stage.end();
}

/// Waits until the handler was refused there.
fn refused(stage: &Stage, address: std::net::SocketAddr) {
    let ours = format!("tcp://{address}").parse().unwrap();
    stage.wait(|event| match event {
        Event::ServerUnreachable { endpoint, reason, .. } if *endpoint == ours => {
            matches!(reason, DownReason::Io(std::io::ErrorKind::ConnectionRefused)).then_some(())
        }
        _ => None,
    });
}

/// Nothing is dropped: what a server does not read is refused before it is too much, and all that was not
/// refused arrives when it does.
#[test]
fn a_server_that_does_not_read_is_given_no_more() {
    let mut config = config();
    config.limits.send_bytes_max = 1 << 20;
    let stage = Stage::new(config);
    let trap = Trap::new(&stage);
    let Both { mut replies, life, requests: _kept } = trap.up(&stage);
    let mut fair = Fair::at(&stage.control);
    let (mut taken, mut in_vain) = (0, 0);
    // Until it is full, and stays so while another is served many times.
    while in_vain < 100 {
        // Each to another browser, so that none of them is too slow.
        let conn_id = ConnId(i64::try_from(taken).unwrap());
        let target = Target { server: trap.id, life, conn_id };
        let body = Bytes::from(body(taken));
        match stage.handle.submit(Command::Reply { target, body, close: false }) {
            Ok(()) => (taken, in_vain) = (taken + 1, 0),
            Err(SubmitError::Refused(Refused::Full)) => {
                assert_eq!(fair.asks("PING").unwrap(), "PONG");
                in_vain += 1;
            }
            Err(error) => panic!("{error}"),
        }
        // What the operating system has room for is not ours; so much it has not.
        assert!(taken < (64 << 20) / SIZE, "{taken} messages wait somewhere");
    }
    for number in 0..taken {
        replies.hears(&body(number));
    }
    stage.wait(|event| match event {
        Event::Room { server } => (*server == trap.id).then_some(()),
        _ => None,
    });
    stage.end();
}

const SIZE: usize = 32 << 10;

fn body(number: usize) -> Vec<u8> {
    let mut body = format!("number {number};").into_bytes();
    body.resize(SIZE, b'.');
    body
}
