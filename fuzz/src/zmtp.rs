//! ZMTP: any octets into an engine, and all that one engine says to another.

use std::time::Duration;

use bytes::Bytes;
use mongrel2_transceiver::zmtp::{
    Engine, Error, Frame, Limits, Message, Oversize, Received, SocketType,
};

use crate::choices::{Choices, cut, singly};

/// Octets of a peer for an engine of any type: the pieces that they come in change nothing, and no
/// more is kept than the limits allow.
pub fn zmtp_engine(octets: &[u8]) {
    let mut choices = Choices::new(octets);
    let socket_type = choices.pick(&ALL_TYPES);
    let limits = limits(&mut choices);
    let mut stream = Vec::new();
    if choices.flag() {
        stream = handshake(socket_type, choices.octet());
    }
    let sizes = choices.few();
    stream.extend_from_slice(choices.rest());

    let whole = run(socket_type, limits, &[Bytes::copy_from_slice(&stream)]);
    for pieces in [cut(&stream, sizes), singly(&stream)] {
        let in_pieces = run(socket_type, limits, &pieces);
        assert_eq!(in_pieces.0, whole.0, "what was received");
        assert_eq!(in_pieces.1, whole.1, "how it ended");
    }
    for received in &whole.0 {
        judge(socket_type, &limits, received);
    }
}

fn limits(choices: &mut Choices<'_>) -> Limits {
    let octet = choices.octet();
    Limits::default()
        .with_oversize(if octet & 1 == 0 { Oversize::Refuse } else { Oversize::Skip })
        .with_message_size_max([1 << 20, 300, 20, 0][usize::from(octet >> 1 & 3)])
        .with_frames_max([1024, 3, 1][usize::from(octet >> 3) % 3])
        .with_command_size_max([4096, 40][usize::from(octet >> 7)])
}

/// Greeting and READY of a peer that goes with `ours`.
fn handshake(ours: SocketType, minor: u8) -> Vec<u8> {
    let theirs = peer_of(ours).as_str();
    let mut octets = b"\xFF\0\0\0\0\0\0\0\0\x7F\x03".to_vec();
    octets.push(minor);
    octets.extend(b"NULL");
    octets.resize(64, 0);
    let len = u8::try_from(theirs.len()).expect("a short name");
    octets.extend([4, 22 + len]);
    octets.extend(b"\x05READY\x0bSocket-Type\0\0\0");
    octets.push(len);
    octets.extend(theirs.as_bytes());
    octets
}

/// All that came of the pieces, and the error that ended them.
fn run(
    socket_type: SocketType,
    limits: Limits,
    pieces: &[Bytes],
) -> (Vec<Received>, Option<Error>) {
    let mut engine = Engine::new(socket_type, limits);
    let mut all = Vec::new();
    for piece in pieces {
        engine.receive(piece.clone());
        loop {
            match engine.next() {
                Ok(Some(received)) => all.push(received),
                Ok(None) => break,
                Err(error) => {
                    assert!(!error.to_string().is_empty());
                    assert_eq!(engine.next(), Err(error.clone()), "errors are final");
                    engine.receive(piece.clone());
                    assert_eq!(engine.buffered(), 0, "nothing is kept after an error");
                    return (all, Some(error));
                }
            }
        }
        assert_eq!(engine.buffered(), 0, "all that was received was looked at");
        let held_max = limits.message_size_max.max(HEAD_SIZE_MAX) + limits.command_size_max;
        assert!(engine.held() <= held_max, "{} octets are held", engine.held());
        // Greeting, READY and ERROR: nothing else goes out unasked.
        assert!(engine.output_len() <= 200, "{} octets of output", engine.output_len());
    }
    assert_eq!(engine.is_ready(), engine.peer().is_some());
    assert_eq!(engine.is_ready(), matches!(all.first(), Some(Received::Ready(_))));
    (all, None)
}

fn judge(socket_type: SocketType, limits: &Limits, received: &Received) {
    let publishes = socket_type == SocketType::Pub;
    match received {
        Received::Message(message) => {
            assert!(message.size() <= limits.message_size_max);
            assert!(message.frame_count() <= limits.frames_max);
        }
        Received::Oversized { head, .. } => {
            assert!(limits.oversize == Oversize::Skip && head.len() <= HEAD_SIZE_MAX);
        }
        Received::Subscribe(prefix) | Received::Cancel(prefix) => {
            let max = limits.message_size_max.max(limits.command_size_max);
            assert!(publishes && prefix.len() <= max);
        }
        Received::Ping { context, .. } | Received::Pong { context } => {
            assert!(context.len() <= 16);
        }
        Received::Ready(metadata) => {
            assert!(metadata.version().major >= 3);
            assert!(metadata.socket_type().is_none_or(|theirs| socket_type.accepts(theirs)));
            metadata.iter().for_each(|(name, _)| assert!(!name.is_empty()));
        }
        _ => unreachable!("no such thing: {received:?}"),
    }
}

/// Whatever one engine says, another one hears as it was said: messages, subscriptions in both
/// dialects, pings and pongs, written in batches and read in any pieces.
pub fn zmtp_roundtrip(octets: &[u8]) {
    let mut choices = Choices::new(octets);
    let socket_type = choices.pick(&ALL_TYPES);
    let minor = choices.octet() % 3;
    let mut speaker = Engine::new(socket_type, Limits::default());
    // A speaker who knows the listener's version, however old, chooses the dialect by it.
    speaker.receive(handshake(socket_type, minor).into());
    assert!(matches!(speaker.next(), Ok(Some(Received::Ready(_)))));
    let mut listener = Engine::new(peer_of(socket_type), Limits::default());
    listener.receive(speaker.take_output().expect("a handshake").into_bytes());
    assert!(matches!(listener.next(), Ok(Some(Received::Ready(_)))));
    assert_eq!(speaker.has_heartbeat(), minor > 0);

    while !choices.is_empty() {
        let expected = speak(&mut speaker, &mut choices);
        let announced = speaker.output_len();
        let written = speaker.take_output().map(|all| all.into_bytes()).unwrap_or_default();
        assert_eq!((written.len(), speaker.output_len()), (announced, 0));
        let mut heard = Vec::new();
        for piece in cut(&written, choices.take(8)) {
            listener.receive(piece);
            while let Some(received) = listener.next().expect("what we write is in order") {
                heard.push(received);
            }
        }
        assert_eq!(heard, expected);
        assert_eq!((listener.buffered(), listener.held()), (0, 0));
    }
}

/// Says a few things; gives what the listener is to hear.
fn speak(speaker: &mut Engine, choices: &mut Choices<'_>) -> Vec<Received> {
    let subscribes = speaker.socket_type() == SocketType::Sub;
    let mut expected = Vec::new();
    let mut pong = None;
    for _ in 0..=choices.below(4) {
        match choices.below(5) {
            0 if !subscribes => {
                let message = message(choices);
                speaker.send(&message);
                expected.push(Received::Message(message));
            }
            1 if subscribes => {
                let prefix = choices.few();
                speaker.subscribe(prefix);
                expected.push(Received::Subscribe(Bytes::copy_from_slice(prefix)));
            }
            2 if subscribes => {
                let prefix = choices.few();
                speaker.cancel(prefix);
                expected.push(Received::Cancel(Bytes::copy_from_slice(prefix)));
            }
            3 => {
                let tenths = u64::from(choices.wide()).min(655);
                let (ttl, context) = (Duration::from_millis(100 * tenths), choices.few());
                speaker.ping(ttl, context);
                expected.push(Received::Ping { ttl, context: shortened(context) });
            }
            _ => {
                let context = choices.few();
                speaker.pong(context);
                pong = Some(Received::Pong { context: shortened(context) });
            }
        }
    }
    pong.into_iter().chain(expected).collect()
}

fn message(choices: &mut Choices<'_>) -> Message {
    let frames = (0..=choices.below(3)).map(|_| {
        let (head, body) = (choices.some(3000), choices.some(3000));
        Frame::with_head(head, body)
    });
    Message::from_frames(frames.collect()).expect("at least one frame")
}

fn shortened(context: &[u8]) -> Bytes {
    Bytes::copy_from_slice(&context[..context.len().min(16)])
}

/// A type that goes with ours.
pub(crate) const fn peer_of(socket_type: SocketType) -> SocketType {
    match socket_type {
        SocketType::Pub => SocketType::Sub,
        SocketType::Sub => SocketType::Pub,
        SocketType::Push => SocketType::Pull,
        SocketType::Pull => SocketType::Push,
        SocketType::Req => SocketType::Rep,
        SocketType::Rep => SocketType::Req,
    }
}

pub(crate) const ALL_TYPES: [SocketType; 6] = [
    SocketType::Pub,
    SocketType::Sub,
    SocketType::Push,
    SocketType::Pull,
    SocketType::Req,
    SocketType::Rep,
];

/// Of a message that was skipped, so much is kept for the report.
const HEAD_SIZE_MAX: usize = 512;
