//! Requests and handshakes, from what a browser writes to what Mongrel2 makes of them.

use bytes::Bytes;

use super::ask::Ask;
use super::check::{self, Target};
use super::error::{ActError, Part};
use super::limits::Limits;

/// An HTTP request that was found to be in order, as Mongrel2 sees it.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: Bytes,
    pub(super) target: Target,
    pub(super) version: Bytes,
    pub(super) headers: Headers,
    pub(super) body: Bytes,
}

/// A client's headers: each name once, in lower case, in the order of their first values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Headers(Vec<(Bytes, Vec<Bytes>)>);

impl Request {
    pub(super) fn new(ask: Ask, limits: &Limits) -> Result<Self, ActError> {
        check::method(&ask.method)?;
        check::version(&ask.version)?;
        let target = check::target(&ask.target)?;
        for (name, value) in &ask.headers {
            check::header_name(name)?;
            check::header_value(value)?;
        }
        judge_sizes(&ask, limits)?;
        let headers = Headers::new(&ask.headers);
        judge_body(&headers, &ask.body)?;
        let Ask { method, version, body, .. } = ask;
        Ok(Self { method, target, version, headers, body })
    }

    /// Whether Mongrel2 takes it for an opening handshake. It looks at nothing else (seen on
    /// Mongrel2 1.12.2).
    pub(super) fn is_handshake(&self) -> bool {
        let header = |name| self.headers.first(name);
        let has = |name| header(name).is_some();
        let upgrade = header(b"upgrade").unwrap_or_default();
        let connection = header(b"connection").unwrap_or_default().to_ascii_lowercase();
        has(b"host")
            && has(b"sec-websocket-key")
            && has(b"sec-websocket-version")
            && upgrade.eq_ignore_ascii_case(b"websocket")
            && connection.windows(UPGRADE.len()).any(|part| part == UPGRADE)
    }
}

const UPGRADE: &[u8] = b"upgrade";

impl Headers {
    fn new(fields: &[(Bytes, Bytes)]) -> Self {
        let mut headers = Self::default();
        for (name, value) in fields {
            let name = name.to_ascii_lowercase();
            let blanks = value.iter().take_while(|octet| matches!(octet, b' ' | b'\t')).count();
            headers.add(name.into(), value.slice(blanks..), VALUES_MAX);
        }
        headers
    }

    /// As another program writes them: names as they are, and any number of values.
    pub(super) fn verbatim(fields: Vec<(Bytes, Bytes)>) -> Self {
        let mut headers = Self::default();
        for (name, value) in fields {
            headers.add(name, value, usize::MAX);
        }
        headers
    }

    fn add(&mut self, name: Bytes, value: Bytes, values_max: usize) {
        match self.0.iter_mut().find(|(found, _)| *found == name) {
            Some((_, values)) if values.len() < values_max => values.push(value),
            // Mongrel2 drops them without a word.
            Some(_) => {}
            None => self.0.push((name, vec![value])),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Bytes, &[Bytes])> {
        self.0.iter().map(|(name, values)| (name, &values[..]))
    }

    pub(super) fn values(&self, name: &[u8]) -> &[Bytes] {
        let found = self.0.iter().find(|(found, _)| found == name);
        found.map(|(_, values)| &values[..]).unwrap_or_default()
    }

    pub(super) fn first(&self, name: &[u8]) -> Option<&[u8]> {
        self.values(name).first().map(|value| &value[..])
    }
}

/// What Mongrel2 reads into one buffer, and what it hands over inline.
fn judge_sizes(ask: &Ask, limits: &Limits) -> Result<(), ActError> {
    let line = ask.method.len() + 1 + ask.target.len() + 1 + ask.version.len() + LINE_END;
    let field = |(name, value): &(Bytes, Bytes)| name.len() + 2 + value.len() + LINE_END;
    let size = line + ask.headers.iter().map(field).sum::<usize>() + LINE_END;
    limit(Part::Head, size, limits.request_head_size_max)?;
    limit(Part::Body, ask.body.len(), limits.request_body_size_max)
}

pub(super) const fn limit(part: Part, size: usize, size_max: usize) -> Result<(), ActError> {
    if size > size_max { Err(ActError::TooLarge { part, size, size_max }) } else { Ok(()) }
}

/// Whether Mongrel2 would read this body, and hand it over (seen on Mongrel2 1.12.2).
fn judge_body(headers: &Headers, body: &[u8]) -> Result<(), ActError> {
    if headers.first(b"expect").is_some_and(|value| value != b"100-continue") {
        return Err(ActError::Expect);
    }
    let length = headers.first(b"content-length");
    if length.is_none() && headers.first(b"transfer-encoding") == Some(b"chunked") {
        return Err(ActError::Chunked);
    }
    let announced = length.map(announced).unwrap_or_default();
    if announced == body.len() as u64 { Ok(()) } else { Err(ActError::BodyLength { announced }) }
}

/// What Mongrel2 makes of a `content-length`: its leading digits, and nothing of what is no number
/// or too large.
fn announced(value: &[u8]) -> u64 {
    let digits = value.strip_prefix(b"+").unwrap_or(value);
    let digits = digits.iter().take_while(|octet| octet.is_ascii_digit());
    let digits: String = digits.map(|octet| char::from(*octet)).collect();
    digits.parse().ok().filter(|length| *length <= LENGTH_MAX).unwrap_or_default()
}

/// The values of one name that Mongrel2 keeps (seen on Mongrel2 1.12.2).
const VALUES_MAX: usize = 5;
const LENGTH_MAX: u64 = 0x7FFF_FFFF;
const LINE_END: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn request(ask: Ask) -> Result<Request, ActError> {
        Request::new(ask, &Limits::default())
    }

    #[test]
    fn headers_are_put_together() {
        let ask = Ask::get("/").header("X-A", " \t1 ").header("b", "").header("x-a", "2");
        let headers = request(ask).unwrap().headers;
        let found: Vec<_> = headers.iter().map(|(name, values)| (&name[..], values)).collect();
        let values = |texts: &[&'static str]| texts.iter().map(|t| (*t).into()).collect::<Vec<_>>();
        let (a, b) = (values(&["1 ", "2"]), values(&[""]));
        assert_eq!(found, [(&b"x-a"[..], &a[..]), (b"b", &b)]);
        let many = (0..7).fold(Ask::get("/"), |ask, n| ask.header("X", n.to_string()));
        assert_eq!(request(many).unwrap().headers.values(b"x"), values(&["0", "1", "2", "3", "4"]));
    }

    #[test]
    fn lengths_are_read_as_seen() {
        for (value, length) in [
            ("5", 5),
            ("+3x", 3),
            ("abc", 0),
            ("-1", 0),
            ("99999999999", 0),
            ("2147483647", LENGTH_MAX),
        ] {
            assert_eq!(announced(value.as_bytes()), length, "{value}");
        }
        let post = |length: &'static str| {
            request(Ask::post("/", "abc").header("content-length", length)).map(|_| ())
        };
        assert_eq!(post("3"), Ok(()));
        assert_eq!(post("4"), Err(ActError::BodyLength { announced: 4 }));
        assert_eq!(
            request(Ask::post("/", "abc")).map(|_| ()),
            Err(ActError::BodyLength { announced: 0 })
        );
    }

    #[test]
    fn what_mongrel2_answers_itself() {
        let with = |name: &'static str, value: &'static str| {
            request(Ask::get("/").header(name, value)).map(|_| ())
        };
        assert_eq!(with("Expect", "100-continue"), Ok(()));
        assert_eq!(with("Expect", "100-Continue"), Err(ActError::Expect));
        assert_eq!(with("Transfer-Encoding", "chunked"), Err(ActError::Chunked));
        assert_eq!(with("Transfer-Encoding", "Chunked"), Ok(()));
        let both =
            Ask::get("/").header("transfer-encoding", "chunked").header("content-length", "0");
        assert!(request(both).is_ok(), "a length counts more");
    }

    #[test]
    fn sizes_are_those_of_the_wire() {
        // GET / HTTP/1.1 and a: ... and the empty line.
        let ask = |len: usize| request(Ask::get("/").header("a", "v".repeat(len))).map(|_| ());
        assert_eq!(ask(4096 - 16 - 5 - 2), Ok(()));
        let error = ActError::TooLarge { part: Part::Head, size: 4097, size_max: 4096 };
        assert_eq!(ask(4096 - 16 - 5 - 2 + 1), Err(error));
    }
}
