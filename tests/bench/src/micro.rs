//! Single steps without any I/O, repeated: a captured request of a browser, and a short frame.

use std::hint::black_box;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use mongrel2_transceiver::mongrel2::Request;
use mongrel2_transceiver::websocket::{self, Opcode};
use serde_json::{Map, Value};
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::works::Figure;

/// What Mongrel2 1.12.2 said of a request of a browser.
const REQUEST: &[u8] = include_bytes!("../../../benches/browser-request.bin");

pub(crate) fn request(entry: &str, scale: f64) -> Result<Vec<Figure>, String> {
    let raw = Bytes::from_static(REQUEST);
    let nanoseconds = match entry {
        "serde_json" => {
            let headers = headers(&raw)?;
            each(scale, || {
                serde_json::from_slice::<Map<String, Value>>(black_box(headers)).unwrap()
            })
        }
        "request" => each(scale, || {
            let request = Request::parse(black_box(&raw).clone()).unwrap();
            let words = (request.sender().len(), request.path().len(), request.method().len());
            black_box((words, request.conn_id(), request.kind(), request.body().len()))
        }),
        "all-headers" => each(scale, || {
            let request = Request::parse(black_box(&raw).clone()).unwrap();
            let octets = request.headers().map(|(name, value)| name.len() + value.len());
            black_box(octets.sum::<usize>())
        }),
        _ => return Err(format!("nobody reads requests with {entry:?}")),
    };
    Ok(vec![Figure::new("time", nanoseconds)])
}

/// The JSON in a message of the server.
fn headers(raw: &Bytes) -> Result<&[u8], String> {
    let start = raw.iter().position(|octet| *octet == b'{');
    let end = raw.iter().rposition(|octet| *octet == b'}');
    start.zip(end).map(|(start, end)| &raw[start..=end]).ok_or_else(|| "no headers".to_owned())
}

pub(crate) fn frame(entry: &str, scale: f64) -> Result<Vec<Figure>, String> {
    let text = "x".repeat(64);
    let nanoseconds = match entry {
        "tungstenite" => {
            let mut out = Vec::with_capacity(128);
            each(scale, || {
                out.clear();
                let octets = Bytes::copy_from_slice(black_box(text.as_bytes()));
                let frame = Frame::message(octets, OpCode::Data(Data::Text), true);
                frame.format(&mut out).unwrap();
                black_box(out.len())
            })
        }
        "encode" => {
            let mut out = BytesMut::with_capacity(128);
            each(scale, || {
                out.clear();
                websocket::encode(Opcode::Text, black_box(text.as_bytes()), &mut out);
                black_box(out.len())
            })
        }
        _ => return Err(format!("nobody encodes frames with {entry:?}")),
    };
    Ok(vec![Figure::new("time", nanoseconds)])
}

/// The nanoseconds of each call.
fn each<T>(scale: f64, mut call: impl FnMut() -> T) -> f64 {
    const CALLS: u32 = 200_000;
    (0..CALLS / 10).for_each(|_| drop(black_box(call())));
    let mut calls = 0.0;
    let begin = Instant::now();
    while begin.elapsed().as_secs_f64() < 0.5 * scale {
        (0..CALLS).for_each(|_| drop(black_box(call())));
        calls += f64::from(CALLS);
    }
    begin.elapsed().as_secs_f64() * 1e9 / calls
}
