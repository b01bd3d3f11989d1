//! A request as a browser would write it.

use bytes::Bytes;

/// An HTTP request, to be made with [`Action::Request`](super::Action::Request) or
/// [`Action::Handshake`](super::Action::Handshake).
///
/// It gets the headers that no browser leaves out: `host`, and `content-length` where there is a body
/// or the method wants one. [`bare`](Self::bare) keeps them off. Nothing is checked before it is
/// sent.
///
/// ```
/// use mongrel2_transceiver::client::Ask;
/// let ask = Ask::get("/search?q=mongrel").header("accept", "*/*");
/// let upload = Ask::post("/upload", "hello").header("content-type", "text/plain");
/// let odd = Ask::get("/").method("BREW").version("HTTP/1.0").bare();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    pub(super) method: Bytes,
    pub(super) target: Bytes,
    pub(super) version: Bytes,
    pub(super) headers: Vec<(Bytes, Bytes)>,
    pub(super) body: Bytes,
    is_bare: bool,
}

impl Ask {
    /// A request with any method. `target` is the path, with `?` and a query if there is one, and
    /// with `%HH` for what else a path may not hold.
    #[must_use]
    pub fn new(method: impl Into<Bytes>, target: impl Into<Bytes>) -> Self {
        Self {
            method: method.into(),
            target: target.into(),
            version: Bytes::from_static(b"HTTP/1.1"),
            headers: Vec::new(),
            body: Bytes::new(),
            is_bare: false,
        }
    }

    /// `GET`.
    #[must_use]
    pub fn get(target: impl Into<Bytes>) -> Self {
        Self::new("GET", target)
    }

    /// `HEAD`.
    #[must_use]
    pub fn head(target: impl Into<Bytes>) -> Self {
        Self::new("HEAD", target)
    }

    /// `POST`, with a body.
    #[must_use]
    pub fn post(target: impl Into<Bytes>, body: impl Into<Bytes>) -> Self {
        Self::new("POST", target).body(body)
    }

    /// `PUT`, with a body.
    #[must_use]
    pub fn put(target: impl Into<Bytes>, body: impl Into<Bytes>) -> Self {
        Self::new("PUT", target).body(body)
    }

    /// `DELETE`.
    #[must_use]
    pub fn delete(target: impl Into<Bytes>) -> Self {
        Self::new("DELETE", target)
    }

    /// One header more. The same name may come again.
    #[must_use]
    pub fn header(mut self, name: impl Into<Bytes>, value: impl Into<Bytes>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Another method.
    #[must_use]
    pub fn method(mut self, method: impl Into<Bytes>) -> Self {
        self.method = method.into();
        self
    }

    /// Another version than `HTTP/1.1`.
    #[must_use]
    pub fn version(mut self, version: impl Into<Bytes>) -> Self {
        self.version = version.into();
        self
    }

    /// With no headers but those given.
    #[must_use]
    pub fn bare(mut self) -> Self {
        self.is_bare = true;
        self
    }

    /// Puts in what no browser leaves out.
    pub(super) fn complete(&mut self) {
        if self.is_bare {
            return;
        }
        if !self.has("host") {
            // Browsers write it first (RFC 9110 7.2).
            self.headers.insert(0, (Bytes::from_static(b"host"), Bytes::from_static(b"localhost")));
        }
        let wants_length = matches!(&self.method[..], b"POST" | b"PUT" | b"PATCH");
        if (wants_length || !self.body.is_empty()) && !self.has("transfer-encoding") {
            let length = self.body.len().to_string();
            self.add("content-length", Bytes::from(length));
        }
    }

    /// Puts in what makes a handshake (RFC 6455 4.1).
    pub(super) fn complete_handshake(&mut self, key: &[u8]) {
        if self.is_bare {
            return;
        }
        self.add("upgrade", Bytes::from_static(b"websocket"));
        self.add("connection", Bytes::from_static(b"Upgrade"));
        self.add("sec-websocket-key", Bytes::copy_from_slice(key));
        self.add("sec-websocket-version", Bytes::from_static(b"13"));
    }

    fn add(&mut self, name: &'static str, value: Bytes) {
        if !self.has(name) {
            self.headers.push((name.into(), value));
        }
    }

    fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(found, _)| found.eq_ignore_ascii_case(name.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(mut ask: Ask) -> Vec<String> {
        ask.complete();
        let text = |octets: &Bytes| String::from_utf8_lossy(octets).into_owned();
        ask.headers.iter().map(|(name, value)| text(name) + ": " + &text(value)).collect()
    }

    #[test]
    fn what_is_put_in() {
        assert_eq!(completed(Ask::get("/").header("a", "b")), ["host: localhost", "a: b"]);
        assert_eq!(completed(Ask::post("/", "hello")), ["host: localhost", "content-length: 5"]);
        assert_eq!(completed(Ask::put("/", "")), ["host: localhost", "content-length: 0"]);
        assert_eq!(
            completed(Ask::delete("/").body("x").header("HOST", "y").header("Content-Length", "1")),
            ["HOST: y", "Content-Length: 1"]
        );
        assert!(completed(Ask::post("/", "hello").bare()).is_empty());
        // What comes in chunks has no length (RFC 9112 6.2).
        let chunked = Ask::post("/", "0\r\n\r\n").header("Transfer-Encoding", "chunked");
        assert_eq!(completed(chunked), ["host: localhost", "Transfer-Encoding: chunked"]);
    }

    #[test]
    fn a_handshake_keeps_what_it_has() {
        let mut ask = Ask::get("/").header("Sec-WebSocket-Version", "8");
        ask.complete_handshake(b"key");
        let names: Vec<_> = ask.headers.iter().map(|(name, _)| &name[..]).collect();
        let expected = ["Sec-WebSocket-Version", "upgrade", "connection", "sec-websocket-key"];
        assert_eq!(names, expected.map(str::as_bytes));
    }
}
