//! The handler that one would write today on libzmq, with `serde_json` for the headers.

use serde_json::Value;

use super::Handler;
use super::plain::{Method, answer};

pub(super) fn run(handler: &Handler) {
    let context = zmq::Context::new();
    let pull = context.socket(zmq::PULL).unwrap();
    pull.connect(&handler.send_spec).unwrap();
    let publish = context.socket(zmq::PUB).unwrap();
    publish.connect(&handler.recv_spec).unwrap();
    let mut message = zmq::Message::new();
    let mut out = Vec::new();
    loop {
        pull.recv(&mut message, 0).unwrap();
        out.clear();
        answer(&message, method, &mut out);
        if !out.is_empty() {
            publish.send(&out[..], 0).unwrap();
        }
    }
}

fn method(headers: &[u8]) -> Method {
    let headers: Value = serde_json::from_slice(headers).expect("JSON");
    let method = headers["METHOD"].as_str().expect("a method");
    Method::new(method.as_bytes(), || {
        let flags = headers["FLAGS"].as_str().expect("flags");
        u8::from_str_radix(flags.trim_start_matches("0x"), 16).unwrap()
    })
}
