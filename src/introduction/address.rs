//! Where a server's sockets are bound, as the body of an order says it.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use bytes::{BufMut, BytesMut};

use crate::endpoint::Endpoint;
use crate::mongrel2::{Member, members, put_string};

use super::error::OrderError;

/// Reads `{"push": …, "sub": …}`: the endpoints to connect a PULL and a PUB socket to. Other members
/// are skipped.
pub(super) fn parse(body: &[u8]) -> Result<(Endpoint, Endpoint), OrderError> {
    let (mut push, mut sub) = (None, None);
    for member in members(body) {
        let (name, value) = member.map_err(OrderError::Body)?;
        let (member, place) = match name.as_ref() {
            b"push" => (PUSH, &mut push),
            b"sub" => (SUB, &mut sub),
            _ => continue,
        };
        if place.is_some() {
            return Err(OrderError::Twice { member });
        }
        *place = Some(endpoint(member, &value)?);
    }
    let push = push.ok_or(OrderError::Missing { member: PUSH })?;
    let sub = sub.ok_or(OrderError::Missing { member: SUB })?;
    Ok((push, sub))
}

fn endpoint(member: &'static str, value: &Member<'_>) -> Result<Endpoint, OrderError> {
    let parts = match value {
        Member::One(text) => vec![text],
        Member::Many(items) if items.len() == 2 => items.iter().collect(),
        Member::Many(_) => return Err(OrderError::Address { member }),
    };
    let parts: Vec<&str> = parts
        .into_iter()
        .map(|text| std::str::from_utf8(text))
        .collect::<Result<_, _>>()
        .map_err(|_| OrderError::Address { member })?;
    let text = match *parts.as_slice() {
        [host, port] => Cow::Owned(tcp(host, port)),
        _ => Cow::Borrowed(parts[0]),
    };
    let endpoint: Endpoint =
        text.parse().map_err(|error| OrderError::Endpoint { member, error })?;
    if endpoint.is_wildcard() {
        return Err(OrderError::Wildcard { member });
    }
    Ok(endpoint)
}

/// An IPv6 address may stand without the brackets that an endpoint has around it.
fn tcp(host: &str, port: &str) -> String {
    match host.parse::<Ipv6Addr>() {
        Ok(address) => format!("tcp://[{address}]:{port}"),
        Err(_) => format!("tcp://{host}:{port}"),
    }
}

/// Writes what [`parse`] reads, as the Python package does where it can: `[host, port]`.
pub(super) fn encode(push: &Endpoint, sub: &Endpoint) -> BytesMut {
    let mut out = BytesMut::new();
    for (start, member, endpoint) in [("{", PUSH, push), (", ", SUB, sub)] {
        out.put_slice(start.as_bytes());
        put_string(member.as_bytes(), &mut out);
        out.put_slice(b": ");
        match endpoint {
            Endpoint::Tcp { host, port } => {
                out.put_u8(b'[');
                put_string(host.to_string().as_bytes(), &mut out);
                out.put_slice(format!(", {port}]").as_bytes());
            }
            Endpoint::Ipc { .. } => put_string(endpoint.to_string().as_bytes(), &mut out),
        }
    }
    out.put_u8(b'}');
    out
}

const PUSH: &str = "push";
const SUB: &str = "sub";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::EndpointError;
    use crate::mongrel2::JsonError;

    fn read(body: &str) -> Result<(String, String), OrderError> {
        parse(body.as_bytes()).map(|(push, sub)| (push.to_string(), sub.to_string()))
    }

    fn body(push: &str) -> String {
        format!(r#"{{"push": {push}, "sub": ["h", 1]}}"#)
    }

    #[test]
    fn lists_and_endpoints_are_addresses() {
        for (push, expected) in [
            (r#"["127.0.0.1", 9999]"#, "tcp://127.0.0.1:9999"),
            (r#"["localhost","9999"]"#, "tcp://localhost:9999"),
            (r#"["::1", 9999]"#, "tcp://[::1]:9999"),
            (r#"["[::1]", 9999]"#, "tcp://[::1]:9999"),
            (r#""tcp://10.0.0.1:1""#, "tcp://10.0.0.1:1"),
            (r#""ipc://run/push""#, "ipc://run/push"),
            (r#""ipc:\/\/run\/push""#, "ipc://run/push"),
        ] {
            let expected = (expected.to_owned(), "tcp://h:1".to_owned());
            assert_eq!(read(&body(push)), Ok(expected), "{push}");
        }
        let more = r#"{"sub":["h",1],"x":["y"],"push":["h",2],"z":null}"#;
        assert_eq!(read(more), Ok(("tcp://h:2".to_owned(), "tcp://h:1".to_owned())));
    }

    #[test]
    fn each_mistake_has_its_error() {
        let member = PUSH;
        let endpoint = |error| OrderError::Endpoint { member, error };
        for (push, error) in [
            ("[]", OrderError::Address { member }),
            (r#"["h"]"#, OrderError::Address { member }),
            (r#"["h", 1, 2]"#, OrderError::Address { member }),
            ("[\"h\", 1", OrderError::Body(JsonError::Comma)),
            (r#""h:1""#, endpoint(EndpointError::Scheme)),
            (r#""inproc://a""#, endpoint(EndpointError::Scheme)),
            (r#"["h", 65536]"#, endpoint(EndpointError::Port)),
            (r#"["h", -1]"#, endpoint(EndpointError::Port)),
            (r#"["h", 1.5]"#, endpoint(EndpointError::Port)),
            (r#"["", 1]"#, endpoint(EndpointError::Host)),
            (r#"["a b", 1]"#, endpoint(EndpointError::Host)),
            (r#"["*", 1]"#, OrderError::Wildcard { member }),
            (r#"["h", 0]"#, OrderError::Wildcard { member }),
            (r#""tcp://*:1""#, OrderError::Wildcard { member }),
            ("{}", OrderError::Body(JsonError::Nested)),
            (r#"["h", 1], "push": ["h", 1]"#, OrderError::Twice { member }),
        ] {
            assert_eq!(read(&body(push)), Err(error), "{push}");
        }
        for (body, error) in [
            ("", OrderError::Body(JsonError::Cut)),
            ("[]", OrderError::Body(JsonError::NoObject)),
            ("{}", OrderError::Missing { member: PUSH }),
            (r#"{"push":["h",1]}"#, OrderError::Missing { member: SUB }),
            (r#"{"push":["h",1],"sub":["h",1]} x"#, OrderError::Body(JsonError::Trailing)),
        ] {
            assert_eq!(read(body), Err(error), "{body}");
        }
        let not_text = b"{\"push\":[\"\xFF\",1],\"sub\":[\"h\",1]}";
        assert_eq!(parse(not_text), Err(OrderError::Address { member }));
    }
}
