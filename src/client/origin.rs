//! Messages as Mongrel2 writes them about a browser.

use bytes::{Bytes, BytesMut};

use super::request::{Headers, Request};
use crate::mongrel2::{ConnId, Dialect, Sender, encode_request};

/// What Mongrel2 adds to whatever a browser says: its own name and settings, and where the browser
/// is. Made by [`Origin::new`]; change the fields as needed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Origin {
    /// The server's `send_ident`: the first word of each message.
    pub sender: Sender,
    /// How headers are written: the server's `protocol` for the handler.
    pub dialect: Dialect,
    /// The route that leads to the handler, in `PATTERN`; `/` unless told otherwise. A path of
    /// another route is taken as a route of its own.
    pub pattern: Bytes,
    /// `http`, the default, or `https`.
    pub url_scheme: Bytes,
    /// The browser's address, in `REMOTE_ADDR` and `x-forwarded-for`; `127.0.0.1` unless told
    /// otherwise.
    pub remote_addr: Bytes,
}

/// One message: what [`Origin`] adds is not in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Content<'a> {
    pub(super) path: &'a Bytes,
    pub(super) method: &'a [u8],
    /// Whose request line and headers it carries; none for jssocket and XML.
    pub(super) request: Option<&'a Request>,
    /// `FLAGS` as it is written.
    pub(super) flags: Option<&'a str>,
    pub(super) body: &'a [u8],
}

/// A name and its values, as [`encode_request`] takes them.
type Members<'a> = Vec<(&'a [u8], Vec<&'a [u8]>)>;

impl Origin {
    /// A server of this name that has a route `/` and writes JSON.
    #[must_use]
    pub fn new(sender: Sender) -> Self {
        Self {
            sender,
            dialect: Dialect::Json,
            pattern: Bytes::from_static(b"/"),
            url_scheme: Bytes::from_static(b"http"),
            remote_addr: Bytes::from_static(b"127.0.0.1"),
        }
    }

    /// The notice that a connection has ended, octet by octet what Mongrel2 sends. It also answers a
    /// reply to an id that nobody has (seen on Mongrel2 1.12.2).
    #[must_use]
    pub fn notice(&self, conn_id: ConnId) -> Bytes {
        let members = vec![(&b"METHOD"[..], vec![&b"JSON"[..]])];
        self.write(conn_id, b"@*", &members, br#"{"type":"disconnect"}"#)
    }

    /// A message of a browser, in the order in which Mongrel2 writes it. Where that is the order of
    /// its hash table it is the client's here.
    pub(super) fn encode(&self, conn_id: ConnId, content: &Content<'_>) -> Bytes {
        let members = match self.dialect {
            Dialect::Json => self.members(content),
            Dialect::Tnetstring => self.members_reversed(content),
        };
        self.write(conn_id, content.path, &members, content.body)
    }

    /// A message with these headers alone.
    pub(super) fn encode_plain(
        &self,
        conn_id: ConnId,
        path: &[u8],
        headers: &Headers,
        body: &[u8],
    ) -> Bytes {
        let members: Members<'_> =
            headers.iter().map(|(name, values)| (&name[..], slices(values))).collect();
        self.write(conn_id, path, &members, body)
    }

    fn members<'a>(&'a self, content: &'a Content<'a>) -> Members<'a> {
        let mut members = vec![(&b"PATH"[..], vec![&content.path[..]])];
        self.put_client(content, &mut members);
        members.push((b"METHOD", vec![content.method]));
        self.put_server(content, &mut members);
        members
    }

    fn members_reversed<'a>(&'a self, content: &'a Content<'a>) -> Members<'a> {
        let mut members = Members::new();
        self.put_server(content, &mut members);
        members.reverse();
        // It is the other way round but for METHOD, which does not stand at its end.
        members.insert(1, (b"METHOD", vec![content.method]));
        members.push((b"PATH", vec![&content.path]));
        let first = members.len();
        self.put_client(content, &mut members);
        members[first..].reverse();
        members
    }

    /// What stands in a hash table.
    fn put_client<'a>(&'a self, content: &'a Content<'a>, members: &mut Members<'a>) {
        members.push((FORWARDED_FOR, vec![&self.remote_addr]));
        members.extend(content.flags.map(|flags| (&b"FLAGS"[..], vec![flags.as_bytes()])));
        let headers = content.request.map(|request| &request.headers);
        for (name, values) in headers.into_iter().flat_map(Headers::iter) {
            // The server's own takes its place.
            if name != FORWARDED_FOR {
                members.push((name, slices(values)));
            }
        }
    }

    /// What the server knows of it, but for its METHOD.
    fn put_server<'a>(&'a self, content: &'a Content<'a>, members: &mut Members<'a>) {
        if let Some(request) = content.request {
            let target = &request.target;
            members.push((b"VERSION", vec![&request.version]));
            members.push((b"URI", vec![&target.uri]));
            members.extend(target.query.iter().map(|query| (&b"QUERY"[..], vec![&query[..]])));
            let fragment = target.fragment.iter();
            members.extend(fragment.map(|fragment| (&b"FRAGMENT"[..], vec![&fragment[..]])));
        }
        members.push((b"PATTERN", vec![self.route(content.path)]));
        members.push((b"URL_SCHEME", vec![&self.url_scheme]));
        members.push((b"REMOTE_ADDR", vec![&self.remote_addr]));
    }

    /// Mongrel2 finds a route where either begins with the other (seen on Mongrel2 1.12.2).
    fn route<'a>(&'a self, path: &'a Bytes) -> &'a [u8] {
        let is_of_route = path.starts_with(&self.pattern) || self.pattern.starts_with(path);
        if is_of_route { &self.pattern } else { path }
    }

    fn write(&self, conn_id: ConnId, path: &[u8], members: &Members<'_>, body: &[u8]) -> Bytes {
        let borrowed: Vec<(&[u8], &[&[u8]])> =
            members.iter().map(|(name, values)| (*name, &values[..])).collect();
        let sender = self.sender.as_bytes();
        let mut out = BytesMut::new();
        encode_request(sender, conn_id, path, &borrowed, self.dialect, body, &mut out);
        out.freeze()
    }
}

fn slices(values: &[Bytes]) -> Vec<&[u8]> {
    values.iter().map(|value| &value[..]).collect()
}

const FORWARDED_FOR: &[u8] = b"x-forwarded-for";
