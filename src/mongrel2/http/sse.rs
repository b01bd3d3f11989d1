//! Server-sent events: a response that never ends, of events that a page listens to (WHATWG HTML,
//! 9.2, "Server-sent events").
//!
//! A page asks with `new EventSource(url)`. The answer is a [`response`] whose
//! [`stream`](Response::stream) has [`Event`]s as its pieces, and a [`comment`] now and then, by which
//! proxies see that it lives. Mongrel2 goes by what the page says, which is nothing: the connection has
//! to be held ([`Command::Hold`](crate::transceiver::Command::Hold)). When the connection is lost the page asks again, with the id of the last
//! event that it got in the header `last-event-id`.
//!
//! ```
//! use std::time::Duration;
//! use mongrel2_transceiver::mongrel2::http::sse::{self, Event};
//! let event = Event::new("two\nlines").name("news")?.id("7")?.retry(Duration::from_secs(5));
//! assert_eq!(event.encode(), "event: news\nid: 7\nretry: 5000\ndata: two\ndata: lines\n\n");
//! assert_eq!(sse::comment("still here"), ": still here\n\n");
//! # Ok::<(), sse::EventError>(())
//! ```

use std::fmt;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};

use super::response::Response;

/// What an `EventSource` wants to hear first: a 200 of the type `text/event-stream`, which nobody may
/// keep. Further headers, such as those that let pages of other origins listen, can be added; then
/// [`Response::stream`] writes it.
#[must_use]
pub fn response() -> Response {
    let mut response = Response::new(200);
    response.put_header("content-type", b"text/event-stream");
    response.put_header("cache-control", b"no-store");
    response
}

/// A line that the page does not see. Line ends in it begin further such lines.
#[must_use]
pub fn comment(text: &str) -> Bytes {
    let mut out = BytesMut::with_capacity(text.len() + 4);
    put_lines("", text, &mut out);
    out.put_u8(b'\n');
    out.freeze()
}

/// One event.
///
/// Of an event without data, [`Event::default`], a browser takes note - of the id, of the time before
/// it asks again - and tells the page nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    name: Option<String>,
    id: Option<String>,
    retry: Option<Duration>,
    data: Option<String>,
}

impl Event {
    /// An event with data. Any text is: each line end in it, be it LF, CR or both, becomes an LF in the
    /// page.
    #[must_use]
    pub fn new(data: impl Into<String>) -> Self {
        Self { data: Some(data.into()), ..Self::default() }
    }

    /// Its type; `message` unless it has one.
    ///
    /// # Errors
    /// Where it holds a line end.
    pub fn name(mut self, name: impl Into<String>) -> Result<Self, EventError> {
        let name = name.into();
        check(&name, EventError::Name, &['\r', '\n'])?;
        self.name = Some(name);
        Ok(self)
    }

    /// What the browser says in `last-event-id` when it asks again. An empty one takes that back.
    ///
    /// # Errors
    /// Where it holds a line end, or a NUL, for which browsers would ignore it.
    pub fn id(mut self, id: impl Into<String>) -> Result<Self, EventError> {
        let id = id.into();
        check(&id, EventError::Id, &['\r', '\n', '\0'])?;
        self.id = Some(id);
        Ok(self)
    }

    /// How long the browser waits before it asks again, from now on; in milliseconds on the wire.
    #[must_use]
    pub const fn retry(mut self, retry: Duration) -> Self {
        self.retry = Some(retry);
        self
    }

    /// The event in octets: one piece of a [`Stream`](super::Stream), together with others or alone.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::new();
        if let Some(name) = &self.name {
            put_lines("event", name, &mut out);
        }
        if let Some(id) = &self.id {
            put_lines("id", id, &mut out);
        }
        if let Some(retry) = self.retry {
            put_lines("retry", &retry.as_millis().to_string(), &mut out);
        }
        if let Some(data) = &self.data {
            put_lines("data", data, &mut out);
        }
        out.put_u8(b'\n');
        out.freeze()
    }
}

/// Why something was not taken into an [`Event`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventError {
    /// The name holds CR or LF.
    Name,
    /// The id holds CR, LF or NUL.
    Id,
}

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "the name of an event holds no CR or LF",
            Self::Id => "the id of an event holds no CR, LF or NUL",
        })
    }
}

impl std::error::Error for EventError {}

fn check(text: &str, error: EventError, never: &[char]) -> Result<(), EventError> {
    if text.contains(never) { Err(error) } else { Ok(()) }
}

/// One line of a field for each line of the text: at least one. The blank behind the colon is taken
/// off again by who reads it, so that blanks of the text stay.
fn put_lines(field: &str, text: &str, out: &mut BytesMut) {
    let mut rest = text;
    loop {
        let end = rest.find(['\r', '\n']);
        out.put_slice(field.as_bytes());
        out.put_slice(b": ");
        out.put_slice(&rest.as_bytes()[..end.unwrap_or(rest.len())]);
        out.put_u8(b'\n');
        let Some(end) = end else { return };
        let is_pair = rest[end..].starts_with("\r\n");
        rest = &rest[end + if is_pair { 2 } else { 1 }..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a browser makes of a stream (WHATWG HTML 9.2.6): type, data and last id of each event that
    /// the page gets, and the time before it asks again.
    fn heard(stream: &[u8]) -> (Vec<(String, String, String)>, Option<u64>) {
        let text = std::str::from_utf8(stream).unwrap().replace("\r\n", "\n").replace('\r', "\n");
        let (mut events, mut retry) = (Vec::new(), None);
        let (mut name, mut data, mut id) = (String::new(), String::new(), String::new());
        // What is behind the last line end is no line.
        for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "" if line.is_empty() => {
                    let name = std::mem::take(&mut name);
                    if let Some(data) = std::mem::take(&mut data).strip_suffix('\n') {
                        events.push((name, data.to_owned(), id.clone()));
                    }
                }
                "event" => value.clone_into(&mut name),
                "data" => data.extend([value, "\n"]),
                "id" if !value.contains('\0') => value.clone_into(&mut id),
                "retry" => retry = value.parse().ok(),
                _ => {}
            }
        }
        (events, retry)
    }

    #[test]
    fn any_data_arrives_with_its_line_ends_as_lf() {
        let texts = [
            "",
            "a",
            " a ",
            ":",
            "data: x",
            "a\nb",
            "a\r\nb",
            "a\rb",
            "\n",
            "\r\n",
            "\r\r\n\n",
            "a\n",
            "\na",
            "id: 7\n\nevent: x",
            "\0",
            "ü\u{2028}☃",
            "\u{feff}x",
        ];
        for text in texts {
            let event = Event::new(text);
            let expected = text.replace("\r\n", "\n").replace('\r', "\n");
            let (events, retry) = heard(&event.encode());
            assert_eq!((events, retry), (vec![(String::new(), expected, String::new())], None));
        }
    }

    #[test]
    fn names_ids_and_times_go_along() {
        let event = Event::new("x").name("n: 1").unwrap().id(" 7").unwrap();
        let first = event.retry(Duration::from_millis(1500)).encode();
        let stream = [first, comment("a\n\nevent: b"), Event::new("y").encode()].concat();
        let event = |name: &str, data: &str| (name.into(), data.into(), " 7".into());
        assert_eq!(heard(&stream), (vec![event("n: 1", "x"), event("", "y")], Some(1500)));
    }

    #[test]
    fn without_data_the_page_hears_nothing_but_the_id_counts() {
        let stream = [
            Event::default().id("1").unwrap().name("x").unwrap().encode(),
            Event::default().encode(),
            Event::new("").encode(),
        ];
        let expected = vec![(String::new(), String::new(), "1".to_owned())];
        assert_eq!(heard(&stream.concat()), (expected, None));
    }

    #[test]
    fn what_would_begin_a_line_of_its_own_is_refused() {
        for text in ["\n", "a\rb", "\r\n"] {
            assert_eq!(Event::default().name(text), Err(EventError::Name));
            assert_eq!(Event::default().id(text), Err(EventError::Id));
        }
        assert_eq!(Event::default().id("a\0"), Err(EventError::Id));
        assert!(Event::default().name("a\0").is_ok());
    }
}
