//! WebSocket frames, whole from Mongrel2 and in pieces from anybody.

use bytes::{Bytes, BytesMut};
use mongrel2_transceiver::websocket::{
    CONTROL_PAYLOAD_LEN_MAX, Close, CloseCode, Decoded, Decoder, Flags, FrameError, Incoming,
    Message, Opcode, REASON_LEN_MAX, Role, Utf8Bytes, encode, encode_masked, read,
};

use crate::choices::{Choices, cut, singly};

/// A frame as Mongrel2 hands it over: judged as the decoder judges it, and written again as it was.
pub fn websocket_read(octets: &[u8]) {
    let mut choices = Choices::new(octets);
    let flags = Flags::from(choices.octet());
    let size_max = choices.pick(&SIZES_MAX);
    let payload = Bytes::copy_from_slice(choices.rest());
    assert_eq!(Flags::parse(flags.to_string().as_bytes()), Some(flags));
    let found = read(flags, payload.clone(), size_max);
    match &found {
        Ok(incoming) => {
            assert!(flags.fin() && flags.rsv() == 0);
            assert_eq!(encoded(incoming), framed(flags, &payload), "written as it was");
        }
        Err(error) => judge_error(error),
    }
    if flags.fin() {
        let (all, error) = run(Role::Server, size_max, &[framed(flags, &payload)]);
        assert_eq!(error.map_or_else(|| Ok(all[0].clone()), Err), found, "as the decoder has it");
    }
    // Names for logs, of anything.
    let close = Close::parse(&payload).map(|close| close.code);
    assert_eq!(close.is_ok(), read(Opcode::Close.into(), payload, 0).is_ok());
}

/// A server's frame around a payload, with any first octet.
fn framed(flags: Flags, payload: &[u8]) -> Bytes {
    let mut frame = BytesMut::new();
    encode(Opcode::Binary, payload, &mut frame);
    frame[0] = flags.into();
    frame.freeze()
}

/// A server's frame that says this.
fn encoded(incoming: &Incoming) -> Bytes {
    let mut out = BytesMut::new();
    match incoming {
        Incoming::Message(message) => message.encode(&mut out),
        Incoming::Ping(payload) => encode(Opcode::Ping, payload, &mut out),
        Incoming::Pong(payload) => encode(Opcode::Pong, payload, &mut out),
        Incoming::Close(close) => close.encode(&mut out),
    }
    out.freeze()
}

fn judge_error(error: &FrameError) {
    assert!(!error.to_string().is_empty());
    assert!(error.answer().may_be_sent());
}

/// A stream of frames of either side: the pieces that it comes in change nothing, and what one side
/// can say the other hears.
pub fn websocket_decoder(octets: &[u8]) {
    let mut choices = Choices::new(octets);
    let role = choices.pick(&[Role::Server, Role::Client]);
    let size_max = choices.pick(&SIZES_MAX);
    let sizes = choices.few();
    let said = choices.clone();
    let stream = choices.rest();
    let whole = run(role, size_max, &[Bytes::copy_from_slice(stream)]);
    for pieces in [cut(stream, sizes), singly(stream)] {
        assert_eq!(run(role, size_max, &pieces), whole);
    }
    for found in &whole.0 {
        match found {
            Decoded::Message(message) => assert!(message.len() <= size_max),
            Decoded::Ping(payload) | Decoded::Pong(payload) => {
                assert!(payload.len() <= CONTROL_PAYLOAD_LEN_MAX);
            }
            Decoded::Close(close) => assert!(close.reason.len() <= REASON_LEN_MAX),
        }
    }
    if let Some(error) = whole.1 {
        judge_error(&error);
    }
    converse(role, sizes, said);
}

/// All that was found in the pieces, and the error that ended it.
fn run(role: Role, size_max: usize, pieces: &[Bytes]) -> (Vec<Decoded>, Option<FrameError>) {
    let mut decoder = Decoder::new(role, size_max);
    let mut all = Vec::new();
    for piece in pieces {
        decoder.receive(piece.clone());
        loop {
            match decoder.next() {
                Ok(Some(found)) => all.push(found),
                Ok(None) => break,
                Err(error) => {
                    decoder.receive(piece.clone());
                    assert_eq!(decoder.next(), Err(error), "errors are final");
                    return (all, Some(error));
                }
            }
        }
    }
    (all, None)
}

/// Says a few things as `role` would, and listens to them in pieces.
fn converse(role: Role, sizes: &[u8], mut choices: Choices<'_>) {
    let (mut stream, mut expected) = (BytesMut::new(), Vec::new());
    for _ in 0..choices.below(6) {
        let said = incoming(&mut choices);
        match role {
            Role::Server => stream.extend_from_slice(&encoded(&said)),
            Role::Client => put_masked(&said, &mut choices, &mut stream),
        }
        let is_last = matches!(said, Incoming::Close(_));
        expected.push(said);
        if is_last {
            break;
        }
    }
    let heard = run(role, usize::MAX, &cut(&stream, sizes));
    assert_eq!(heard, (expected, None));
}

fn incoming(choices: &mut Choices<'_>) -> Incoming {
    let control = |choices: &mut Choices<'_>| {
        let len = choices.below(CONTROL_PAYLOAD_LEN_MAX + 1);
        Bytes::copy_from_slice(choices.take(len))
    };
    match choices.below(5) {
        0 => Incoming::Message(Message::Binary(choices.some(70_000))),
        1 => Incoming::Message(Message::Text(text(&choices.some(70_000)))),
        2 => Incoming::Ping(control(choices)),
        3 => Incoming::Pong(control(choices)),
        _ => {
            let code = CloseCode::new(choices.wide()).filter(|code| code.may_be_sent());
            let reason = text(choices.few());
            let close = code.map(|code| Close::new(code, reason).unwrap_or_default());
            Incoming::Close(close.unwrap_or_default())
        }
    }
}

fn text(octets: &[u8]) -> Utf8Bytes {
    String::from_utf8_lossy(octets).into_owned().into()
}

/// The same as a client says it: masked, and a message perhaps in fragments.
fn put_masked(said: &Incoming, choices: &mut Choices<'_>, out: &mut BytesMut) {
    let mask = [(); 4].map(|()| choices.octet());
    let (opcode, payload) = match said {
        Incoming::Message(message) => (message.opcode(), message.payload().clone()),
        Incoming::Ping(payload) => (Opcode::Ping, payload.clone()),
        Incoming::Pong(payload) => (Opcode::Pong, payload.clone()),
        Incoming::Close(close) => {
            let mut payload = BytesMut::new();
            close.encode_payload(&mut payload);
            (Opcode::Close, payload.freeze())
        }
    };
    let fragments = if opcode.is_control() { 0 } else { choices.below(3) };
    let (mut opcode, mut rest) = (opcode, payload);
    for _ in 0..fragments {
        let size = usize::from(choices.octet()).min(rest.len());
        encode_masked(false, opcode, mask, &rest.split_to(size), out);
        opcode = Opcode::Continuation;
    }
    encode_masked(true, opcode, mask, &rest, out);
}

const SIZES_MAX: [usize; 4] = [1 << 20, 200, 10, 0];
