//! What an echo answers to a frame.

use std::borrow::Cow;

use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};

pub(crate) enum Reaction {
    Nothing,
    Send(Vec<u8>),
    /// The client did something wrong.
    Close(CloseCode),
    /// The client closed.
    End(Vec<u8>),
}

/// `flags` is the first octet of the frame, in Mongrel2's words: `0x81`.
pub(crate) fn react(flags: &str, payload: &[u8]) -> Reaction {
    let first = flags.strip_prefix("0x").and_then(|digits| u8::from_str_radix(digits, 16).ok());
    match first {
        Some(0x81) if std::str::from_utf8(payload).is_err() => Reaction::Close(CloseCode::Invalid),
        Some(0x81) => Reaction::Send(data(payload, Data::Text)),
        Some(0x82) => Reaction::Send(data(payload, Data::Binary)),
        Some(0x88) => answer_close(payload),
        Some(0x89) => Reaction::Send(octets(Frame::pong(payload.to_vec()))),
        Some(0x8A) => Reaction::Nothing,
        _ => Reaction::Close(CloseCode::Protocol),
    }
}

pub(crate) fn acceptance(key: &[u8]) -> Vec<u8> {
    let mut head = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n".to_vec();
    head.extend(b"connection: Upgrade\r\nsec-websocket-accept: ");
    head.extend(key);
    head.extend(b"\r\n\r\n");
    head
}

pub(crate) fn ping() -> Vec<u8> {
    octets(Frame::ping(Vec::new()))
}

pub(crate) fn close(code: CloseCode) -> Vec<u8> {
    octets(Frame::close(Some(CloseFrame { code, reason: "".into() })))
}

fn answer_close(payload: &[u8]) -> Reaction {
    let Some((code, reason)) = payload.split_first_chunk() else {
        return match payload {
            [] => Reaction::End(octets(Frame::close(None))),
            _ => Reaction::Close(CloseCode::Protocol),
        };
    };
    if !CloseCode::from(u16::from_be_bytes(*code)).is_allowed() {
        return Reaction::Close(CloseCode::Protocol);
    }
    match String::from_utf8_lossy(reason) {
        Cow::Borrowed(_) => {
            let header = Frame::close(None).header().clone();
            Reaction::End(octets(Frame::from_payload(header, payload.to_vec().into())))
        }
        Cow::Owned(_) => Reaction::Close(CloseCode::Invalid),
    }
}

fn data(payload: &[u8], kind: Data) -> Vec<u8> {
    octets(Frame::message(payload.to_vec(), OpCode::Data(kind), true))
}

fn octets(frame: Frame) -> Vec<u8> {
    let mut octets = Vec::new();
    frame.format(&mut octets).expect("memory takes everything");
    octets
}

pub(crate) const REFUSAL: &[u8] = b"HTTP/1.1 426 Upgrade Required\r\nsec-websocket-version: 13\r\n\
    connection: close\r\ncontent-length: 0\r\n\r\n";
