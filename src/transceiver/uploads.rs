//! Uploads that Mongrel2 writes into files, and which of the messages about them can be believed.
//!
//! A server with `upload.temp_store` tells of a large body twice: in a request with the header
//! `x-mongrel2-upload-start` before it reads the body, and in the same request with
//! `x-mongrel2-upload-done` besides when the file is there. A browser may send headers of these names,
//! too, with any file's name in them (seen on Mongrel2 1.12.2): whoever believed them would hand out, or
//! remove, what the browser chose.

use std::collections::BTreeMap;
use std::fmt;

use crate::mongrel2::{ConnId, Kind, Request};

/// That servers write uploads into files; for [`Config::uploads`](super::Config::uploads).
///
/// A message about an upload is believed where all of this holds: it has no body; its declared length
/// is above the limit, or it comes in chunks; the name of the file is the template with six letters and
/// digits filled in; and that it is done, only behind its start on the same connection.
///
/// The directory belongs to Mongrel2 and the handler alone, and the template to nothing else: then the
/// worst that can be believed is the name of another upload, of which no browser knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uploads {
    /// What stands before the six.
    start: String,
    limit: u64,
}

impl Uploads {
    /// Servers whose `upload.temp_store` is `template`, such as `tmp/upload.XXXXXX`, and whose
    /// `limits.content_length` is `limit`; 20480 unless set. Larger bodies are uploads. Both are to be
    /// what the servers have: else their notices are not believed, and nobody removes their files.
    ///
    /// # Errors
    /// Where the template does not end with `XXXXXX`, or has a directory there.
    pub fn new(template: impl Into<String>, limit: u64) -> Result<Self, TemplateError> {
        let mut start = template.into();
        if !start.ends_with(FILLED_IN) {
            return Err(TemplateError);
        }
        start.truncate(start.len() - FILLED_IN.len());
        Ok(Self { start, limit })
    }

    /// A name that the server may have given.
    fn name(&self, name: &[u8]) -> Option<String> {
        let filled_in = name.strip_prefix(self.start.as_bytes())?;
        let is_name =
            filled_in.len() == FILLED_IN.len() && filled_in.iter().all(u8::is_ascii_alphanumeric);
        is_name.then(|| String::from_utf8(name.to_vec()).ok())?
    }

    /// Whether the server would write the body of this request into a file.
    fn is_large(&self, request: &Request) -> bool {
        let is_chunked = || request.header("transfer-encoding").as_deref() == Some(b"chunked");
        let is_upload = match request.header("content-length") {
            Some(length) => announced(&length) > self.limit,
            None => is_chunked(),
        };
        is_upload && request.kind() == Kind::Http && request.body_len() == 0
    }
}

/// The template is no name that ends with `XXXXXX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TemplateError;

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the template of Mongrel2's upload.temp_store ends with XXXXXX")
    }
}

impl std::error::Error for TemplateError {}

/// The uploads of one life of a server that have started and are not done.
#[derive(Debug, Default)]
pub(super) struct Started(BTreeMap<ConnId, String>);

/// What a request says of an upload.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Start(String),
    Done(String),
}

impl Started {
    pub(super) fn forget(&mut self, conn_id: ConnId) {
        // Most of the time there is none.
        if !self.0.is_empty() {
            self.0.remove(&conn_id);
        }
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Takes note of what a request says; nothing where that is not to be believed.
    pub(super) fn take(
        &mut self,
        uploads: &Uploads,
        request: &Request,
        most: usize,
    ) -> Option<Step> {
        if request.conn_id().0 < 0 || !uploads.is_large(request) {
            return None;
        }
        // Where a server speaks there is one value.
        let mut starts = request.header_values(START);
        let (start, None) = (starts.next()?, starts.next()) else { return None };
        let name = uploads.name(&start)?;
        let conn_id = request.conn_id();
        // A start may have any `done` besides, which the browser has sent; not the name, which nobody
        // knew before.
        if request.header(DONE) != Some(start) {
            if self.0.len() >= most.max(1) && !self.0.contains_key(&conn_id) {
                // The oldest connection: not all ends are told of.
                self.0.pop_first();
            }
            self.0.insert(conn_id, name.clone());
            return Some(Step::Start(name));
        }
        let is_known = self.0.get(&conn_id) == Some(&name);
        is_known.then(|| {
            self.0.remove(&conn_id);
            Step::Done(name)
        })
    }
}

/// What Mongrel2 makes of a `content-length`: its leading digits, and nothing of what is no number or
/// too large (seen on Mongrel2 1.12.2). Whoever read it otherwise would leave files of uploads behind.
fn announced(value: &[u8]) -> u64 {
    let digits = value.strip_prefix(b"+").unwrap_or(value);
    let digits = digits.iter().take_while(|octet| octet.is_ascii_digit());
    let length = digits.fold(0u64, |length, digit| {
        length.saturating_mul(10).saturating_add(u64::from(digit - b'0'))
    });
    if length > LENGTH_MAX { 0 } else { length }
}

const START: &str = "x-mongrel2-upload-start";
const DONE: &str = "x-mongrel2-upload-done";

/// What `mkstemp` fills in (POSIX).
const FILLED_IN: &str = "XXXXXX";

const LENGTH_MAX: u64 = 0x7FFF_FFFF;

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::mongrel2::{Dialect, encode_request};

    fn uploads() -> Uploads {
        Uploads::new("tmp/m2.XXXXXX", 8192).unwrap()
    }

    fn request(conn_id: i64, headers: &[(&str, &[&str])], body: &[u8]) -> Request {
        let server = ["METHOD", "PATH", "PATTERN", "URL_SCHEME", "REMOTE_ADDR", "VERSION"];
        let values: Vec<Vec<&[u8]>> = headers
            .iter()
            .map(|(_, values)| values.iter().map(|value| value.as_bytes()).collect())
            .collect();
        let value: &[&[u8]] = &[b"x"];
        let own = server.iter().map(|name| (name.as_bytes(), value));
        let more = headers.iter().zip(&values);
        let all: Vec<(&[u8], &[&[u8]])> =
            own.chain(more.map(|((name, _), values)| (name.as_bytes(), &values[..]))).collect();
        let mut out = BytesMut::new();
        encode_request(b"s", ConnId(conn_id), b"/up", &all, Dialect::Json, body, &mut out);
        Request::parse(out.freeze()).unwrap()
    }

    const NAME: &str = "tmp/m2.HWCYfk";
    const LENGTH: (&str, &[&str]) = ("content-length", &["9000"]);

    fn start(conn_id: i64) -> Request {
        request(conn_id, &[LENGTH, (START, &[NAME])], b"")
    }

    fn done(conn_id: i64) -> Request {
        request(conn_id, &[LENGTH, (START, &[NAME]), (DONE, &[NAME])], b"")
    }

    #[test]
    fn done_comes_behind_its_start_and_once() {
        let mut started = Started::default();
        let mut take = |request: &Request| started.take(&uploads(), request, 10);
        assert_eq!(take(&done(1)), None);
        assert_eq!(take(&start(1)), Some(Step::Start(NAME.to_owned())));
        assert_eq!(take(&done(2)), None, "that is another connection");
        assert_eq!(take(&done(1)), Some(Step::Done(NAME.to_owned())));
        assert_eq!(take(&done(1)), None);
        take(&start(1));
        started.forget(ConnId(1));
        assert_eq!(started.take(&uploads(), &done(1), 10), None);
    }

    #[test]
    fn a_start_with_a_forged_done_is_a_start() {
        let forged = request(1, &[LENGTH, (START, &[NAME]), (DONE, &["/etc/passwd"])], b"");
        let step = Started::default().take(&uploads(), &forged, 10);
        assert_eq!(step, Some(Step::Start(NAME.to_owned())));
    }

    #[test]
    fn only_names_of_the_template_are_believed() {
        let names = [
            "/etc/passwd",
            "tmp/m2.HWCYf",
            "tmp/m2.HWCYfkk",
            "tmp/m2.HW/Yfk",
            "tmp/m2...HWYf",
            "tmp/m2.HWCYf\u{e9}",
            "x/tmp/m2.HWCYfk",
            "tmp/M2.HWCYfk",
            "tmp/m2.HWCYf ",
            "",
        ];
        for name in names {
            let forged = request(1, &[LENGTH, (START, &[name])], b"");
            assert_eq!(Started::default().take(&uploads(), &forged, 10), None, "{name}");
        }
        let twice = request(1, &[LENGTH, (START, &[NAME, NAME])], b"");
        assert_eq!(Started::default().take(&uploads(), &twice, 10), None);
        assert_eq!(Uploads::new("tmp/m2", 1), Err(TemplateError));
        assert_eq!(Uploads::new("XXXXXX/", 1), Err(TemplateError));
    }

    #[test]
    fn only_bodies_that_the_server_would_write_to_a_file_are_believed() {
        let believed: &[&[(&str, &[&str])]] = &[
            &[("content-length", &["8193"])],
            &[("content-length", &["2147483647 "])],
            &[("content-length", &["9000", "1"])],
            &[("content-length", &["+9000x"])],
            &[("content-length", &["0009000"])],
            &[("transfer-encoding", &["chunked"])],
        ];
        let forged: &[&[(&str, &[&str])]] = &[
            &[],
            &[("content-length", &["8192"])],
            &[("content-length", &["2147483648"])],
            &[("content-length", &["99999999999999999999999"])],
            &[("content-length", &["-9000"])],
            &[("content-length", &["x9000"])],
            &[("content-length", &["++9000"])],
            &[("content-length", &[""]), ("transfer-encoding", &["chunked"])],
            &[("content-length", &["5"]), ("transfer-encoding", &["chunked"])],
            &[("content-length", &["1", "9000"])],
            &[("transfer-encoding", &["Chunked"])],
            &[("transfer-encoding", &["gzip", "chunked"])],
        ];
        for (headers, is_believed) in
            believed.iter().map(|h| (h, true)).chain(forged.iter().map(|h| (h, false)))
        {
            let with = [headers, &[(START, &[NAME][..])][..]].concat();
            let step = Started::default().take(&uploads(), &request(1, &with, b""), 10);
            assert_eq!(step.is_some(), is_believed, "{headers:?}");
        }
        let inline = request(1, &[LENGTH, (START, &[NAME])], b"x");
        assert_eq!(Started::default().take(&uploads(), &inline, 10), None);
        let stream = request(1, &[LENGTH, (START, &[NAME]), ("UPLOAD_STREAM", &["0"])], b"");
        assert_eq!(Started::default().take(&uploads(), &stream, 10), None, "it comes in pieces");
        assert_eq!(Started::default().take(&uploads(), &start(-1), 10), None);
    }

    #[test]
    fn of_too_many_the_oldest_is_forgotten() {
        let mut started = Started::default();
        (1..=4).for_each(|conn_id| drop(started.take(&uploads(), &start(conn_id), 3)));
        assert_eq!(started.0.len(), 3);
        // Who starts again takes the place of nobody else.
        started.take(&uploads(), &start(3), 3);
        assert_eq!(started.0.len(), 3);
        let mut take = |conn_id| started.take(&uploads(), &done(conn_id), 3);
        assert_eq!(take(1), None);
        assert!((2..=4).all(|conn_id| take(conn_id).is_some()));
    }
}
