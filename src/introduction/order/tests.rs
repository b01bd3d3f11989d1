//! Orders: the octets of the Python package, what is refused and why, whole and cut.

use super::*;
use crate::endpoint::EndpointError;
use crate::introduction::TEXT_LENGTH_MAX;
use crate::mongrel2::{JsonError, ParseError, SenderError};

const SENDER: &str = "f1f2c0de-0000-4000-8000-000000000001";

fn sender() -> Sender {
    Sender::new(SENDER).unwrap()
}

fn add() -> Order {
    Order::Add {
        sender: sender(),
        send_spec: "tcp://127.0.0.1:9999".parse().unwrap(),
        recv_spec: "tcp://127.0.0.1:9998".parse().unwrap(),
    }
}

/// As the Connector of the Python package `mongrel2-transceiver` 0.3.0 sends them, by way of the
/// `json` module and its `, ` and `: `.
fn from_python() -> Vec<(String, Order)> {
    let text = "1b4e28ba-2fa1-11d2-883f-0016d3cca427";
    let add_body = r#"{"push": ["127.0.0.1", 9999], "sub": ["127.0.0.1", 9998]}"#;
    // Dictionaries of Python 2 come in any order.
    let turned = r#"{"sub": ["127.0.0.1", 9998], "push": ["127.0.0.1", 9999]}"#;
    let query = format!(r#"{{"QUERY": "text={text}", "METHOD": "MONGREL2"}}"#);
    let (json, mongrel2) = (r#"{"METHOD": "JSON"}"#, r#"{"METHOD": "MONGREL2"}"#);
    vec![
        ("PING".to_owned(), Order::Alive),
        (message("/__add_connection__", json, add_body), add()),
        (message("/__add_connection__", json, turned), add()),
        (message("/__remove_connection__", json, "{}"), Order::Remove { sender: sender() }),
        (message("/__ping__", &query, ""), Order::Ping { sender: sender(), text: text.into() }),
        (
            message("/__disconnect_ping__", mongrel2, ""),
            Order::DisconnectPing { sender: sender(), text: "disconnect_ping".into() },
        ),
    ]
}

fn message(path: &str, headers: &str, body: &str) -> String {
    format!("{SENDER} -1 {path} {}:{headers},{}:{body},", headers.len(), body.len())
}

fn parse(message: impl AsRef<[u8]>) -> Result<Order, OrderError> {
    Order::parse(Bytes::copy_from_slice(message.as_ref()))
}

#[test]
fn the_python_package_is_understood() {
    let literal = "f1f2c0de-0000-4000-8000-000000000001 -1 /__add_connection__ \
                   18:{\"METHOD\": \"JSON\"},57:{\"push\": [\"127.0.0.1\", 9999], \
                   \"sub\": [\"127.0.0.1\", 9998]},";
    assert_eq!(from_python()[1].0, literal);
    for (octets, order) in from_python() {
        assert_eq!(parse(&octets), Ok(order), "{octets}");
    }
}

#[test]
fn what_is_cut_is_an_error_and_never_another_order() {
    for (octets, _) in from_python() {
        for length in 0..octets.len() {
            let error = parse(&octets[..length]).unwrap_err();
            assert!(matches!(error, OrderError::Message(_)), "{length} of {octets}: {error}");
        }
        assert!(parse(format!("{octets}x")).is_err());
    }
}

#[test]
fn no_single_octet_turns_an_order_into_another_kind() {
    for (octets, order) in from_python() {
        for at in 0..octets.len() {
            for octet in [0, b' ', b'"', b'0', b'{', b'~', 0x80, 0xFF] {
                let mut changed = octets.clone().into_bytes();
                changed[at] = octet;
                if let Ok(other) = parse(&changed) {
                    let same = std::mem::discriminant(&other) == std::mem::discriminant(&order);
                    assert!(same, "{}: {other:?}", changed.escape_ascii());
                }
            }
        }
    }
}

#[test]
fn what_is_encoded_is_read() {
    let endpoints = ["tcp://[::1]:1", "tcp://host.example:65535", "ipc://run/a \"b\\c", "ipc://@x"];
    let text = Bytes::from((0..=255).collect::<Vec<u8>>());
    let mut orders = vec![
        Order::Alive,
        Order::Remove { sender: sender() },
        Order::Ping { sender: sender(), text: text.clone() },
        Order::DisconnectPing { sender: sender(), text },
    ];
    for endpoint in endpoints {
        let endpoint: Endpoint = endpoint.parse().unwrap();
        let (send_spec, recv_spec) = (endpoint.clone(), endpoint);
        orders.push(Order::Add { sender: sender(), send_spec, recv_spec });
    }
    for order in orders {
        assert_eq!(Order::parse(order.encode()), Ok(order.clone()), "{order:?}");
    }
    let expected = message(
        "/__add_connection__",
        r#"{"METHOD":"JSON"}"#,
        r#"{"push": ["127.0.0.1", 9999], "sub": ["127.0.0.1", 9998]}"#,
    );
    assert_eq!(add().encode(), expected);
    let ping = Order::Ping { sender: sender(), text: "a b".into() };
    let headers = r#"{"METHOD":"MONGREL2","QUERY":"text=a%20b"}"#;
    assert_eq!(ping.encode(), message("/__ping__", headers, ""));
}

#[test]
fn tnetstring_headers_do_as_well() {
    let headers = "6:METHOD,4:JSON,";
    let octets = format!("s -1 /__remove_connection__ {}:{headers}}}2:{{}},", headers.len());
    assert_eq!(parse(octets), Ok(Order::Remove { sender: Sender::new("s").unwrap() }));
}

#[test]
fn alive_comes_in_any_case() {
    for text in ["PING", "ping", "PiNg"] {
        assert_eq!(parse(text), Ok(Order::Alive));
    }
    for text in ["", "PIN", "PING ", "PINGS", "\0PING"] {
        assert!(matches!(parse(text), Err(OrderError::Message(_))), "{text:?}");
    }
}

#[test]
fn each_mistake_has_its_error() {
    let (json, mongrel2) = (r#"{"METHOD":"JSON"}"#, r#"{"METHOD":"MONGREL2"}"#);
    let add = "/__add_connection__";
    let good = r#"{"push":["h",1],"sub":["h",2]}"#;
    let long = "a".repeat(TEXT_LENGTH_MAX + 1);
    let ping = |query: &str| {
        message("/__ping__", &format!(r#"{{"METHOD":"MONGREL2","QUERY":"{query}"}}"#), "")
    };
    for (octets, error) in [
        (message(add, json, good).replacen(" -1 ", " 1 ", 1), OrderError::ConnId),
        (message(add, json, good).replacen(" -1 ", " -2 ", 1), OrderError::ConnId),
        (
            message(add, json, good).replacen(" -1 ", " x ", 1),
            OrderError::Message(ParseError::ConnId),
        ),
        (
            message(add, json, good).replacen(SENDER, "a_b", 1),
            OrderError::Sender(SenderError::Octet { octet: b'_' }),
        ),
        (
            message(add, json, good).replacen(SENDER, &"a".repeat(256), 1),
            OrderError::Sender(SenderError::TooLong { length: 256 }),
        ),
        (message("/", json, good), OrderError::Path),
        (message("/x/__add_connection__", json, good), OrderError::Path),
        (message("/__ADD_CONNECTION__", json, good), OrderError::Path),
        (message(add, mongrel2, good), OrderError::Method { expected: "JSON" }),
        (message(add, "{}", good), OrderError::Method { expected: "JSON" }),
        (message(add, r#"{"method":"JSON"}"#, good), OrderError::Method { expected: "JSON" }),
        (message(add, json, ""), OrderError::Body(JsonError::Cut)),
        (message(add, json, "{}"), OrderError::Missing { member: "push" }),
        (
            message(add, json, r#"{"push":["h",1],"sub":"x"}"#),
            OrderError::Endpoint { member: "sub", error: EndpointError::Scheme },
        ),
        (message("/__remove_connection__", json, ""), OrderError::Body(JsonError::Cut)),
        (message("/__remove_connection__", json, "[]"), OrderError::Body(JsonError::NoObject)),
        (
            message("/__remove_connection__", mongrel2, "{}"),
            OrderError::Method { expected: "JSON" },
        ),
        (message("/__ping__", mongrel2, ""), OrderError::NoText),
        (message("/__ping__", json, ""), OrderError::Method { expected: "MONGREL2" }),
        (ping("text="), OrderError::NoText),
        (ping("text=%"), OrderError::Escape),
        (ping(&format!("text={long}")), OrderError::TextTooLong { length: TEXT_LENGTH_MAX + 1 }),
        (message("/__disconnect_ping__", json, ""), OrderError::Method { expected: "MONGREL2" }),
    ] {
        assert_eq!(parse(&octets), Err(error), "{octets}");
        assert!(error.to_string().len() > 20 && error.to_string().is_ascii(), "{error}");
    }
}

#[test]
fn a_browser_s_request_is_no_order_even_here() {
    let good = r#"{"push":["h",1],"sub":["h",2]}"#;
    for key in ["REMOTE_ADDR", "PATTERN", "URL_SCHEME"] {
        let headers = format!(r#"{{"METHOD":"JSON","{key}":"x"}}"#);
        let octets = message("/__add_connection__", &headers, good);
        assert_eq!(parse(octets), Err(OrderError::Forwarded), "{key}");
    }
    let notice = message("@*", r#"{"METHOD":"JSON"}"#, r#"{"type":"disconnect"}"#);
    assert_eq!(parse(notice), Err(OrderError::Forwarded));
}

#[test]
fn no_order_is_longer_than_allowed() {
    let longest = Order::Add {
        sender: Sender::new("s".repeat(255)).unwrap(),
        send_spec: format!("ipc://{}", "\"".repeat(107)).parse().unwrap(),
        recv_spec: format!("tcp://{}:65535", "h".repeat(255)).parse().unwrap(),
    };
    assert!(longest.encode().len() < ORDER_LENGTH_MAX);
    let text = Bytes::from(vec![0xFF; TEXT_LENGTH_MAX]);
    let longest = Order::Ping { sender: Sender::new("s".repeat(255)).unwrap(), text };
    assert!(longest.encode().len() < ORDER_LENGTH_MAX);

    let with_length = |length: usize| {
        let json = r#"{"METHOD":"JSON"}"#;
        let body = |blanks: usize| format!("{{}}{}", " ".repeat(blanks));
        let rest = message("/__remove_connection__", json, &body(1000)).len() - 1000;
        message("/__remove_connection__", json, &body(length - rest))
    };
    assert!(parse(with_length(ORDER_LENGTH_MAX)).is_ok());
    let length = ORDER_LENGTH_MAX + 1;
    assert_eq!(parse(with_length(length)), Err(OrderError::TooLong { length }));
    assert_eq!(parse(vec![b'x'; length]), Err(OrderError::TooLong { length }));
}
