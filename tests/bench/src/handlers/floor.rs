//! The floor: ZMTP by hand over one PULL and one PUB link, without limits, sessions or recovery. What the
//! work costs at least.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream as Blocking;

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::Handler;
use super::plain::{Method, answer};

pub(super) fn run(handler: &Handler) {
    let pull = greet(&handler.send_spec, b"PULL");
    let mut publish = greet(&handler.recv_spec, b"PUB");
    // The subscription to everything: a command, or as much in the words of ZMTP 3.0.
    let mut subscription = [0; 12];
    publish.read_exact(&mut subscription).unwrap();
    let mut poll = Poll::new().unwrap();
    pull.set_nonblocking(true).unwrap();
    let mut pull = TcpStream::from_std(pull);
    poll.registry().register(&mut pull, Token(0), Interest::READABLE).unwrap();
    let mut events = Events::with_capacity(4);
    let (mut octets, mut count) = (vec![0; 1 << 20], 0);
    let mut out = Vec::with_capacity(1 << 20);
    loop {
        match pull.read(&mut octets[count..]) {
            Ok(0) => return,
            Ok(more) => count += more,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                poll.poll(&mut events, None).unwrap();
                continue;
            }
            Err(_) => return,
        }
        out.clear();
        let used = answer_all(&octets[..count], &mut out);
        octets.copy_within(used..count, 0);
        count -= used;
        if !out.is_empty() {
            publish.write_all(&out).unwrap();
        }
    }
}

/// Answers all whole messages: how many octets they have.
fn answer_all(octets: &[u8], out: &mut Vec<u8>) -> usize {
    let mut rest = octets;
    while let Some((message, behind)) = message(rest) {
        rest = behind;
        let start = out.len();
        out.extend_from_slice(&[2, 0, 0, 0, 0, 0, 0, 0, 0]);
        answer(message, method, out);
        let size = out.len() - start - 9;
        if size == 0 {
            out.truncate(start);
        } else {
            out[start + 1..start + 9].copy_from_slice(&(size as u64).to_be_bytes());
        }
    }
    octets.len() - rest.len()
}

/// The first message, and what is behind it (ZMTP 3.1, RFC 37).
fn message(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let (flags, rest) = octets.split_first()?;
    let (size, rest) = if flags & 2 == 0 {
        let (size, rest) = rest.split_first()?;
        (usize::from(*size), rest)
    } else {
        let (size, rest) = rest.split_first_chunk()?;
        (usize::try_from(u64::from_be_bytes(*size)).unwrap(), rest)
    };
    (rest.len() >= size).then(|| rest.split_at(size))
}

/// Looks for what it needs, and takes no notice of what JSON may be like.
fn method(headers: &[u8]) -> Method {
    let value = |key: &[u8]| {
        let at = headers.windows(key.len()).position(|octets| octets == key).expect("a header");
        headers[at + key.len()..].split(|octet| *octet == b'"').next().expect("a value")
    };
    Method::new(value(b"\"METHOD\":\""), || {
        let digits = std::str::from_utf8(value(b"\"FLAGS\":\"0x")).unwrap();
        u8::from_str_radix(digits, 16).unwrap()
    })
}

/// A link that has shaken hands.
fn greet(endpoint: &str, socket_type: &[u8]) -> Blocking {
    let mut stream = Blocking::connect(endpoint.trim_start_matches("tcp://")).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut greeting = [0; 64];
    greeting[..12].copy_from_slice(&[0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0x7F, 3, 1]);
    greeting[12..16].copy_from_slice(b"NULL");
    stream.write_all(&greeting).unwrap();
    stream.read_exact(&mut greeting).unwrap();
    let size = u32::try_from(socket_type.len()).unwrap().to_be_bytes();
    let ready = [b"\x05READY\x0bSocket-Type", &size[..], socket_type].concat();
    stream.write_all(&[4, u8::try_from(ready.len()).unwrap()]).unwrap();
    stream.write_all(&ready).unwrap();
    let mut head = [0; 2];
    stream.read_exact(&mut head).unwrap();
    stream.read_exact(&mut vec![0; usize::from(head[1])]).unwrap();
    stream
}
