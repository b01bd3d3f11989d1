//! Headers in JSON, next to a strict reader of JSON.

use std::fmt;

use bytes::Bytes;
use mongrel2_transceiver::mongrel2::{JsonError, ParseError, Request};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::request::{headers_of, mongrel2_request};

/// A header block: where it is an object in strict JSON, `serde_json` must find the same in it;
/// whatever it is, the request around it keeps its promises.
pub fn headers_json(octets: &[u8]) {
    let message = [format!("s 1 / {}:", octets.len()).as_bytes(), octets, b",0:,"].concat();
    mongrel2_request(&message);
    let request = Request::parse(Bytes::from(message));
    match serde_json::from_slice::<Members>(octets) {
        Ok(Members(members)) => compare(request, &members),
        Err(error) if error.is_data() => {
            // Strict JSON, but no object.
            assert_eq!(request.err(), Some(ParseError::Json(JsonError::NoObject)));
        }
        Err(_) => {}
    }
}

fn compare(request: Result<Request, ParseError>, members: &[(String, Value)]) {
    if !members.iter().all(|(_, value)| is_flat(value)) {
        return assert_eq!(request.err(), Some(ParseError::Json(JsonError::Nested)));
    }
    let request = request.expect("what a strict reader takes can be read");
    let expected: Vec<(&str, &Value)> = members
        .iter()
        .flat_map(|(name, value)| items(value).map(|item| (&name[..], item)))
        .collect();
    let found = headers_of(&request);
    assert_eq!(found.len(), expected.len());
    for ((name, value), (expected_name, expected_value)) in found.iter().zip(expected) {
        assert_eq!(name, expected_name.as_bytes());
        match expected_value {
            Value::String(text) => assert_eq!(value, text.as_bytes()),
            // As it was written, which a strict reader does not remember.
            Value::Number(_) => assert!(serde_json::from_slice::<Value>(value).is_ok()),
            Value::Bool(_) | Value::Null => {
                assert_eq!(value, expected_value.to_string().as_bytes())
            }
            Value::Array(_) | Value::Object(_) => unreachable!("it is flat"),
        }
    }
}

fn is_flat(value: &Value) -> bool {
    items(value).all(|item| !item.is_array() && !item.is_object())
}

/// The items of a list, or else the value alone.
fn items(value: &Value) -> impl Iterator<Item = &Value> {
    match value {
        Value::Array(items) => items.iter(),
        one => std::slice::from_ref(one).iter(),
    }
}

/// The members of an object, in order, with names that stand twice.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor).map(Self)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Vec<(String, Value)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}
