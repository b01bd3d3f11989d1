//! What a peer says of itself in READY (ZMTP 3.1, RFC 37: `metadata`).

use bytes::{BufMut, Bytes, BytesMut};

use super::{Error, SocketType, Version};

/// The peer's properties and version. Made by the engine from the peer's greeting and READY; cheap to
/// clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    version: Version,
    /// Checked when it was made: names, lengths and values to the very end.
    properties: Bytes,
}

impl Metadata {
    /// Checks the properties of a READY. They are copied: kept for the life of the link, they must not
    /// keep the chunk they came in.
    pub(super) fn parse(version: Version, properties: &[u8]) -> Result<Self, Error> {
        let mut rest = properties;
        while !rest.is_empty() {
            let position = properties.len() - rest.len();
            (_, rest) = split_property(rest).ok_or(Error::Property { position })?;
        }
        Ok(Self { version, properties: Bytes::copy_from_slice(properties) })
    }

    /// The version in the peer's greeting.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The peer's socket type; `None` where it did not say.
    #[must_use]
    pub fn socket_type(&self) -> Option<&[u8]> {
        self.get(SOCKET_TYPE)
    }

    /// The peer's identity: of REQ, DEALER and ROUTER alone, since it means nothing from others.
    #[must_use]
    pub fn identity(&self) -> Option<&[u8]> {
        let has_one = matches!(self.socket_type()?, b"REQ" | b"DEALER" | b"ROUTER");
        self.get(IDENTITY).filter(|_| has_one)
    }

    /// The value of the first property of this name, whatever the case of its letters.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }

    /// All properties as (name, value), in the peer's order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut rest = &self.properties[..];
        std::iter::from_fn(move || {
            let (property, behind) = split_property(rest)?;
            rest = behind;
            Some(property)
        })
    }
}

/// Encodes the properties of our READY. libzmq compares names with case: written exactly so.
pub(super) fn encode_properties(
    out: &mut BytesMut,
    socket_type: SocketType,
    more: &[(&'static str, &'static str)],
) {
    encode_property(out, SOCKET_TYPE, socket_type.as_str());
    if socket_type.announces_identity() {
        encode_property(out, IDENTITY, "");
    }
    more.iter().for_each(|(name, value)| encode_property(out, name, value));
}

fn encode_property(out: &mut BytesMut, name: &'static str, value: &'static str) {
    let name_size = u8::try_from(name.len()).expect("our names are short");
    let value_size = u32::try_from(value.len()).expect("our values are short");
    out.put_u8(name_size);
    out.put_slice(name.as_bytes());
    out.put_u32(value_size);
    out.put_slice(value.as_bytes());
}

/// Name and value of the first property, and what is behind it; `None` where it has no name or does
/// not end inside `octets`.
fn split_property(octets: &[u8]) -> Option<(Property<'_>, &[u8])> {
    let (&name_size, rest) = octets.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(name_size))?;
    let (value_size, rest) = rest.split_first_chunk()?;
    let value_size = usize::try_from(u32::from_be_bytes(*value_size)).ok()?;
    let (value, rest) = rest.split_at_checked(value_size)?;
    (!name.is_empty()).then_some(((name, value), rest))
}

/// A name and its value.
type Property<'a> = (&'a [u8], &'a [u8]);

const SOCKET_TYPE: &str = "Socket-Type";
const IDENTITY: &str = "Identity";

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(properties: &[u8]) -> Result<Metadata, Error> {
        Metadata::parse(Version::V3_1, properties)
    }

    #[test]
    fn our_own_properties_are_read_back() {
        let mut octets = BytesMut::new();
        encode_properties(&mut octets, SocketType::Req, &[("X-a", "b")]);
        let metadata = parse(&octets).expect("well-formed");
        assert_eq!(metadata.socket_type(), Some(&b"REQ"[..]));
        assert_eq!(metadata.identity(), Some(&b""[..]));
        assert_eq!(metadata.get("x-a"), Some(&b"b"[..]));
        assert_eq!(metadata.iter().count(), 3);
    }

    #[test]
    fn a_property_cut_anywhere_is_refused() {
        let octets = b"\x01a\0\0\0\x02bc\x01d\0\0\0\x01e";
        for end in 0..=octets.len() {
            let whole = matches!(end, 0 | 8 | 15);
            assert_eq!(parse(&octets[..end]).is_ok(), whole, "cut at {end}");
        }
        assert_eq!(parse(&octets[..9]), Err(Error::Property { position: 8 }));
    }

    #[test]
    fn a_property_needs_a_name() {
        assert_eq!(parse(b"\0\0\0\0\0"), Err(Error::Property { position: 0 }));
    }
}
