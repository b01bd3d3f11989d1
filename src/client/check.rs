//! What Mongrel2 takes from a browser, and answers with 400 otherwise (seen on Mongrel2 1.12.2).

use bytes::Bytes;

use super::error::{ActError, Part};

/// A request target, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) path: Bytes,
    /// Path and query.
    pub(super) uri: Bytes,
    pub(super) query: Option<Bytes>,
    pub(super) fragment: Option<Bytes>,
}

/// Takes a target apart and checks the parts. Of `scheme://host/path` the scheme is left out.
pub(super) fn target(target: &Bytes) -> Result<Target, ActError> {
    if target.is_empty() {
        return Err(ActError::Empty { part: Part::Path });
    }
    let target = without_scheme(target).ok_or(ActError::Target)?;
    let (uri, fragment) = split(&target, |octet| octet == b'#');
    let (path, query) = split(&uri, |octet| octet == b'?');
    uri_octets(Part::Path, &path)?;
    uri_octets(Part::Query, query.as_deref().unwrap_or_default())?;
    uri_octets(Part::Fragment, fragment.as_deref().unwrap_or_default())?;
    Ok(Target { path, uri, query, fragment })
}

fn without_scheme(target: &Bytes) -> Option<Bytes> {
    if matches!(target.first(), Some(b'/' | b'@')) {
        return Some(target.clone());
    }
    let colon = target.iter().position(|octet| *octet == b':')?;
    let (scheme, rest) = (&target[..colon], target.slice(colon + 1..));
    let is_scheme = scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(|octet| octet.is_ascii_alphanumeric() || b"+-.".contains(octet));
    (is_scheme && rest.starts_with(b"//")).then_some(rest)
}

/// What stands before the first octet that is wanted, and what stands behind it.
fn split(octets: &Bytes, is_wanted: impl Fn(u8) -> bool) -> (Bytes, Option<Bytes>) {
    match octets.iter().position(|octet| is_wanted(*octet)) {
        Some(at) => (octets.slice(..at), Some(octets.slice(at + 1..))),
        None => (octets.clone(), None),
    }
}

fn uri_octets(part: Part, octets: &[u8]) -> Result<(), ActError> {
    let mut rest = octets;
    while let Some((octet, behind)) = rest.split_first() {
        rest = match (octet, behind) {
            (b'%', [high, low, behind @ ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                behind
            }
            (b'?', behind) if part != Part::Path => behind,
            (octet, behind) if is_uri_octet(*octet) => behind,
            (octet, _) => return Err(ActError::Octet { part, octet: *octet }),
        };
    }
    Ok(())
}

fn is_uri_octet(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"!$&'()*+,-./:;=@_~".contains(&octet)
}

pub(super) fn method(method: &[u8]) -> Result<(), ActError> {
    let is_taken = |octet: u8| octet.is_ascii_uppercase() || octet.is_ascii_digit();
    octets(Part::Method, method, is_taken)?;
    let size = method.len();
    match size {
        0 => Err(ActError::Empty { part: Part::Method }),
        1..=METHOD_SIZE_MAX => Ok(()),
        _ => Err(ActError::TooLarge { part: Part::Method, size, size_max: METHOD_SIZE_MAX }),
    }
}

pub(super) fn version(version: &[u8]) -> Result<(), ActError> {
    match version {
        b"HTTP/1.0" | b"HTTP/1.1" => Ok(()),
        _ => Err(ActError::Version),
    }
}

pub(super) fn header_name(name: &[u8]) -> Result<(), ActError> {
    if name.is_empty() {
        return Err(ActError::Empty { part: Part::HeaderName });
    }
    octets(Part::HeaderName, name, |octet| match octet {
        1..=8 | 0x0A..=0x1F => true,
        _ => octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet),
    })
}

pub(super) fn header_value(value: &[u8]) -> Result<(), ActError> {
    octets(Part::HeaderValue, value, |octet| !matches!(octet, 0 | b'\n' | b'\r' | 0x7F))
}

fn octets(part: Part, octets: &[u8], is_taken: impl Fn(u8) -> bool) -> Result<(), ActError> {
    match octets.iter().find(|octet| !is_taken(**octet)) {
        Some(octet) => Err(ActError::Octet { part, octet: *octet }),
        None => Ok(()),
    }
}

/// The path of a jssocket message.
pub(super) fn json_path(path: &[u8]) -> Result<(), ActError> {
    match path.first() {
        None => Err(ActError::Empty { part: Part::Path }),
        Some(b'@') => uri_octets(Part::Path, path),
        Some(_) => Err(ActError::JsonPath),
    }
}

/// The body of a jssocket message: up to the first `}` with a NUL behind it.
pub(super) fn json_body(path: &[u8], body: &[u8]) -> Result<(), ActError> {
    let is_whole = body.len() >= 2 && body.starts_with(b"{") && body.ends_with(b"}");
    if !is_whole || body.windows(2).any(|two| two == b"}\0") {
        return Err(ActError::Body);
    }
    let ping = body.strip_prefix(br#"{"type":"#).map(<[u8]>::trim_ascii_start);
    let is_plain = path[1..].iter().all(|octet| matches!(octet, b'a'..=b'z' | b'/'));
    if is_plain && ping == Some(br#""ping"}"#) {
        return Err(ActError::Swallowed);
    }
    Ok(())
}

/// The body of an XML socket message; gives its path, which is `<` and the name.
pub(super) fn xml_body(body: &Bytes) -> Result<Bytes, ActError> {
    let is_whole = body.starts_with(b"<") && body.ends_with(b">");
    if !is_whole || body.windows(2).any(|two| two == b">\0") {
        return Err(ActError::Body);
    }
    let is_name = |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.');
    let length = body[1..].iter().position(|octet| !is_name(octet)).unwrap_or_default();
    let follows = body.get(1 + length).copied();
    if length == 0 || !matches!(follows, Some(b' ' | b'\t' | b'\r' | b'\n' | b'/' | b'>')) {
        return Err(ActError::Body);
    }
    if &body[..] == b"<policy-file-request/>" {
        return Err(ActError::Swallowed);
    }
    Ok(body.slice(..=length))
}

/// The path of any message: one word.
pub(super) fn word(path: &[u8]) -> Result<(), ActError> {
    if path.is_empty() {
        return Err(ActError::Empty { part: Part::Path });
    }
    octets(Part::Path, path, |octet| octet != b' ')
}

const METHOD_SIZE_MAX: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &'static str) -> Bytes {
        text.into()
    }

    #[test]
    fn targets_are_taken_apart() {
        for (text, path, uri, query, fragment) in [
            ("/", "/", "/", None, None),
            ("/a?b=c#frag/ment?x", "/a", "/a?b=c", Some("b=c"), Some("frag/ment?x")),
            ("/e?", "/e", "/e?", Some(""), None),
            ("/e#", "/e", "/e", None, Some("")),
            ("/a?b?c", "/a", "/a?b?c", Some("b?c"), None),
            ("/a#b?c", "/a", "/a", None, Some("b?c")),
            ("//h/p", "//h/p", "//h/p", None, None),
            ("http://o.x:80/abs?x=1", "//o.x:80/abs", "//o.x:80/abs?x=1", Some("x=1"), None),
            ("@chat", "@chat", "@chat", None, None),
        ] {
            let expected = Target {
                path: bytes(path),
                uri: bytes(uri),
                query: query.map(bytes),
                fragment: fragment.map(bytes),
            };
            assert_eq!(target(&bytes(text)), Ok(expected), "{text}");
        }
    }

    #[test]
    fn targets_without_a_route() {
        assert!(target(&bytes("coap+tcp://x/")).is_ok(), "a scheme (RFC 3986 3.1)");
        for text in ["*", "foo/bar", "?q", "#f", "http:/x", "1http://x/", "ht_tp://x/", "http:x"] {
            assert_eq!(target(&bytes(text)), Err(ActError::Target), "{text}");
        }
        assert_eq!(target(&Bytes::new()), Err(ActError::Empty { part: Part::Path }));
    }

    /// Every octet, in each place where it may or may not stand.
    #[test]
    fn octets_are_judged_as_seen() {
        let in_path =
            "!$&'()*+,-./0123456789:;=@ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~";
        let in_name =
            "!#$%&'*+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz|~";
        for octet in 0..=u8::MAX {
            let with = |before: &str| Bytes::from([before.as_bytes(), &[octet]].concat());
            let is = |text: &str| text.as_bytes().contains(&octet);
            let path = target(&with("/"));
            // A target may go on with a query or a fragment there.
            assert_eq!(path.is_ok(), is(in_path) || is("?#"), "path {octet:#04x}");
            assert_eq!(target(&with("/?")).is_ok(), is(in_path) || is("?#"), "{octet:#04x}");
            assert_eq!(target(&with("/#")).is_ok(), is(in_path) || is("?"), "{octet:#04x}");
            let is_control = matches!(octet, 1..=8 | 10..=31);
            assert_eq!(header_name(&[octet]).is_ok(), is(in_name) || is_control, "{octet:#04x}");
            let is_value = !matches!(octet, 0 | 10 | 13 | 127);
            assert_eq!(header_value(&[octet]).is_ok(), is_value, "value {octet:#04x}");
            let is_method = octet.is_ascii_uppercase() || octet.is_ascii_digit();
            assert_eq!(method(&[octet]).is_ok(), is_method, "method {octet:#04x}");
            assert_eq!(json_path(&[b'@', octet]).is_ok(), is(in_path), "jssocket {octet:#04x}");
        }
    }

    #[test]
    fn percents_have_two_digits() {
        assert!(target(&bytes("/%C3%a9?%00#%fF")).is_ok());
        for text in ["/%", "/%1", "/%1g", "/?%g1", "/#%"] {
            assert!(target(&bytes(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn methods_and_versions() {
        assert_eq!(method(b"AAAAAAAAAAAAAAAAAAAA"), Ok(()));
        let error = ActError::TooLarge { part: Part::Method, size: 21, size_max: 20 };
        assert_eq!(method(b"AAAAAAAAAAAAAAAAAAAAA"), Err(error));
        assert_eq!(method(b""), Err(ActError::Empty { part: Part::Method }));
        assert_eq!(header_name(b""), Err(ActError::Empty { part: Part::HeaderName }));
        assert_eq!((version(b"HTTP/1.0"), version(b"HTTP/1.1")), (Ok(()), Ok(())));
        for text in ["", "HTTP/2", "HTTP/1.2", "http/1.1", "HTTP/1.1 "] {
            assert_eq!(version(text.as_bytes()), Err(ActError::Version), "{text}");
        }
    }

    #[test]
    fn jssocket_messages() {
        for body in ["{}", "{nope}", "{\"a\":\0\"b\"}", r#"{"type":"ping","x":1}"#] {
            assert_eq!(json_body(b"@chat", body.as_bytes()), Ok(()), "{body:?}");
        }
        for body in ["", "{", "}", "[]", "{}x", "{}\0{}", "x{}"] {
            assert_eq!(json_body(b"@chat", body.as_bytes()), Err(ActError::Body), "{body:?}");
        }
        for body in [r#"{"type":"ping"}"#, r#"{"type":  "ping"}"#] {
            assert_eq!(json_body(b"@a/b", body.as_bytes()), Err(ActError::Swallowed), "{body}");
            assert_eq!(json_body(b"@A", body.as_bytes()), Ok(()), "{body}");
        }
        assert_eq!(json_path(b"@"), Ok(()));
        assert_eq!(json_path(b""), Err(ActError::Empty { part: Part::Path }));
        assert_eq!(json_path(b"/x"), Err(ActError::JsonPath));
    }

    #[test]
    fn xml_messages() {
        for (body, path) in [
            ("<chat a=\"1\">hi</chat>", "<chat"),
            ("<chat />", "<chat"),
            ("<a-b.c>", "<a-b.c"),
            ("<a/>", "<a"),
        ] {
            assert_eq!(xml_body(&bytes(body)), Ok(bytes(path)), "{body}");
        }
        for body in ["", "<", "<>", "< a>", "<a", "a>", "<a\0>", "<a>\0<b>", "<é>"] {
            assert_eq!(xml_body(&bytes(body)), Err(ActError::Body), "{body:?}");
        }
        let policy = bytes("<policy-file-request/>");
        assert_eq!(xml_body(&policy), Err(ActError::Swallowed));
    }
}
