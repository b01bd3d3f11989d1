//! A browser that reads nothing, behind the real server, next to a hundred that do.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::wildcard_enum_match_arm, reason = "an application looks at what concerns it")]

mod inside;

use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use interop::Mongrel2;
use interop::websocket::{BINARY, CLOSE, RawSocket, connect, read_message};
use mongrel2_transceiver::transceiver::{Command, Event, Loss, Refused, SessionEnd, Slow, Target};
use mongrel2_transceiver::websocket::{Close, CloseCode, Message};
use tungstenite::WebSocket;

use inside::Inside;

/// Octets of each message to the one that does not read: so that few fill the buffers of the kernel.
const SIZE: usize = 64 << 10;
const OTHERS: usize = 100;
const ROUNDS: u32 = 12;

/// What the handler has seen.
#[derive(Debug, Default)]
struct Seen {
    flooded: Option<Target>,
    accepted: u32,
    refused: u32,
    lost: usize,
    has_room: bool,
    ends: Vec<SessionEnd>,
}

/// Whatever the others say comes back, and each time one more message goes to the flooded one.
fn serve(server: &Mongrel2, slow: Slow) -> (Inside, Arc<Mutex<Seen>>) {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let shared = Arc::clone(&seen);
    let handler = Inside::start(
        server,
        |config| {
            config.slow = slow;
            config.limits.target_bytes_max = 1 << 20;
        },
        move |driver, event| {
            let mut seen = shared.lock().unwrap();
            match event {
                Event::SessionMessage { target, message, .. }
                    if message.text() == Some("flood") =>
                {
                    seen.flooded = Some(target);
                }
                Event::SessionMessage { target, message, .. } => {
                    driver.submit(Command::Send { target, message }).unwrap();
                    let Some(target) = seen.flooded else { return };
                    let message = Message::from(numbered(seen.accepted));
                    match driver.submit(Command::Send { target, message }) {
                        Ok(()) => seen.accepted += 1,
                        Err(Refused::Slow) => seen.refused += 1,
                        Err(Refused::UnknownSession) => {}
                        Err(other) => panic!("{other}"),
                    }
                }
                Event::Undelivered { targets, reason: Loss::Slow } => seen.lost += targets.len(),
                Event::TargetRoom { .. } => seen.has_room = true,
                Event::SessionClosed { target, end } if Some(target) == seen.flooded => {
                    seen.ends.push(end);
                }
                _ => {}
            }
        },
    );
    (handler, seen)
}

fn numbered(number: u32) -> Bytes {
    let mut octets = number.to_be_bytes().to_vec();
    octets.resize(SIZE, b'x');
    octets.into()
}

fn number_of(payload: &[u8]) -> u32 {
    u32::from_be_bytes(*payload.first_chunk().unwrap())
}

/// The one that does not read, and the others, which have said and heard something a few times.
fn flood(server: &Mongrel2, seen: &Mutex<Seen>) -> (RawSocket, Vec<WebSocket<TcpStream>>) {
    let mut silent = RawSocket::connect(server.address());
    silent.send(interop::websocket::TEXT, b"flood");
    let mut others: Vec<_> = (0..OTHERS).map(|_| connect(server.address())).collect();
    while seen.lock().unwrap().flooded.is_none() {
        round(&mut others);
    }
    (0..ROUNDS).for_each(|_| round(&mut others));
    (silent, others)
}

fn round(others: &mut [WebSocket<TcpStream>]) {
    for (number, socket) in others.iter_mut().enumerate() {
        let text = format!("hello {number}");
        socket.send(text.as_str().into()).unwrap();
        assert_eq!(read_message(socket), text.as_str().into());
    }
}

/// What the silent one has got, once it reads: the numbers of the messages, up to the last, or to a
/// close frame.
fn read_all(silent: &mut RawSocket, last: u32) -> (Vec<u32>, Option<u16>) {
    let mut numbers = Vec::new();
    while let Some(frame) = silent.read_answering_pings() {
        if frame.first == CLOSE {
            return (numbers, frame.close_code());
        }
        assert_eq!((frame.first, frame.payload.len()), (BINARY, SIZE));
        numbers.push(number_of(&frame.payload));
        if numbers.last() == Some(&last) {
            break;
        }
    }
    (numbers, None)
}

#[test]
fn it_is_waited_for() {
    let server = Mongrel2::start();
    let (handler, seen) = serve(&server, Slow::Wait);
    let (mut silent, mut others) = flood(&server, &seen);
    let (accepted, refused) = {
        let seen = seen.lock().unwrap();
        assert!(seen.ends.is_empty() && seen.lost == 0 && !seen.has_room, "{seen:?}");
        (seen.accepted, seen.refused)
    };
    assert!(refused > 0, "the kernel's buffers took {accepted} messages");
    let (numbers, _) = read_all(&mut silent, accepted - 1);
    assert!(numbers.into_iter().eq(0..accepted), "all that was accepted, in order");
    round(&mut others);
    assert!(seen.lock().unwrap().has_room);
    let reports = handler.stop();
    assert!(reports[0].tally.refused >= u64::from(refused), "{reports:?}");
}

#[test]
fn its_oldest_messages_make_way() {
    let server = Mongrel2::start();
    let (handler, seen) = serve(&server, Slow::DropOldest);
    let (mut silent, mut others) = flood(&server, &seen);
    let (accepted, lost) = {
        let seen = seen.lock().unwrap();
        assert!(seen.ends.is_empty() && seen.refused == 0, "{seen:?}");
        (seen.accepted, seen.lost)
    };
    assert!(lost > 0, "the kernel's buffers took {accepted} messages");
    let (numbers, _) = read_all(&mut silent, accepted - 1);
    assert!(numbers.is_sorted(), "{numbers:?}");
    assert_eq!(numbers.len() + lost, accepted as usize);
    round(&mut others);
    handler.stop();
}

#[test]
fn it_is_closed_and_told_why() {
    let close = Close::new(CloseCode::POLICY, "you read too slowly").unwrap();
    let server = Mongrel2::start();
    let (handler, seen) = serve(&server, Slow::Close(close));
    let (mut silent, mut others) = flood(&server, &seen);
    let (accepted, lost) = {
        let seen = seen.lock().unwrap();
        assert!(matches!(seen.ends[..], [SessionEnd::Slow]) && seen.refused == 0, "{seen:?}");
        (seen.accepted, seen.lost)
    };
    let (numbers, code) = read_all(&mut silent, u32::MAX);
    assert_eq!(code, Some(1008), "{} messages of {accepted}", numbers.len());
    assert_eq!(numbers.len() + lost, accepted as usize);
    silent.expect_end();
    round(&mut others);
    handler.stop();
}
