//! Extended replies: messages for Mongrel2 itself and its modules, about connections.

use bytes::{Bytes, BytesMut};

use super::conn_id::ConnId;
use super::decimal;
use super::response::{EXTENDED, put_head};
use super::sender::Sender;
use super::tnetstring::{self, Elements};

/// One thing to do with a connection (Mongrel2 manual; seen on Mongrel2 1.12.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Control {
    /// Count the connection as alive: resets its idle clock.
    KeepAlive,
    /// Let so many more octets of a streamed upload come.
    Credits(u64),
    /// Close at once: replies that wait are dropped, and no notice follows.
    Cancel,
}

/// Writes an extended reply: `SENDER LEN:X ID, ` and `["ctl", {…}]` as a tnetstring.
///
/// Mongrel2 takes a dictionary, where a name stands once: so credits are added up, and the rest is
/// done once however often it is asked for. One message grants at most 2^31 - 1 credits; the rest of
/// a larger sum is lost. No controls at all do nothing.
///
/// # Panics
/// In debug builds, where `target` is negative: Mongrel2 would skip the message and let all others
/// wait.
pub fn encode_control(sender: &Sender, target: ConnId, controls: &[Control], out: &mut BytesMut) {
    encode_extended_head(sender, &[target], out);
    put_controls(controls, out);
}

/// The body of an extended reply that asks for `controls`: see [`encode_control`].
pub(crate) fn control_body(controls: &[Control]) -> Bytes {
    let mut body = BytesMut::new();
    put_controls(controls, &mut body);
    body.freeze()
}

fn put_controls(controls: &[Control], out: &mut BytesMut) {
    let mut credits = 0u64;
    let mut members = BytesMut::new();
    if controls.contains(&Control::KeepAlive) {
        put_member(KEEP_ALIVE, b"true", tnetstring::BOOLEAN, &mut members);
    }
    for control in controls {
        if let Control::Credits(more) = control {
            credits = credits.saturating_add(*more);
        }
    }
    if credits > 0 {
        let mut number = BytesMut::new();
        decimal::put(credits.min(CREDITS_MAX), &mut number);
        put_member(CREDITS, &number, tnetstring::NUMBER, &mut members);
    }
    if controls.contains(&Control::Cancel) {
        put_member(CANCEL, b"true", tnetstring::BOOLEAN, &mut members);
    }
    put_pair(CTL, &members, tnetstring::DICTIONARY, out);
}

/// Writes an extended reply for a module of Mongrel2 (`xrequests` in its configuration):
/// `SENDER LEN:X ID, ` and `[key, value]` as a tnetstring, with a string as the value.
///
/// Mongrel2 hands it to the module that was loaded for `key`, in the order of the other replies
/// (its source). Where none was, it closes the connection at once, with the replies that wait for it
/// (seen on Mongrel2 1.12.2). The key of its own module `sendfile` is `sendfile`, and the value the name
/// of a file, as Mongrel2 sees it in its `chroot`; the module writes what is in the file and nothing
/// else, so a head goes before it.
///
/// # Panics
/// As [`encode_extended_head`] does.
pub fn encode_extended(
    sender: &Sender,
    targets: &[ConnId],
    key: &[u8],
    value: &[u8],
    out: &mut BytesMut,
) {
    encode_extended_head(sender, targets, out);
    put_pair(key, value, tnetstring::STRING, out);
}

/// Writes what stands before the body of an extended reply: `SENDER LEN:X ID ID, `.
///
/// # Panics
/// In debug builds, where there are not 1 to [`TARGETS_MAX`](super::TARGETS_MAX) targets or one of them
/// is negative: Mongrel2 would skip the message, swallow the next one, and let all others wait.
pub fn encode_extended_head(sender: &Sender, targets: &[ConnId], out: &mut BytesMut) {
    put_head(sender, targets, EXTENDED, out);
}

/// The body of an extended reply for a module: see [`encode_extended`].
pub(crate) fn extended_body(key: &[u8], value: &[u8]) -> Bytes {
    let mut body = BytesMut::new();
    put_pair(key, value, tnetstring::STRING, &mut body);
    body.freeze()
}

fn put_pair(key: &[u8], value: &[u8], kind: u8, out: &mut BytesMut) {
    let mut pair = BytesMut::with_capacity(key.len() + value.len() + 2 * LENGTH_MAX);
    tnetstring::put(key, tnetstring::STRING, &mut pair);
    tnetstring::put(value, kind, &mut pair);
    tnetstring::put(&pair, tnetstring::LIST, out);
}

fn put_member(name: &[u8], value: &[u8], kind: u8, out: &mut BytesMut) {
    tnetstring::put(name, tnetstring::STRING, out);
    tnetstring::put(value, kind, out);
}

/// What Mongrel2 does with the body of an extended reply; made by [`parse_extended`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Extended {
    /// Carries out these, in order. Perhaps none.
    Controls(Vec<Control>),
    /// Closes the connection: `ctl` without a dictionary, or a key that no loaded module answers to.
    Close,
    /// Nothing: the body is not exactly one list of a string and a value.
    Ignored,
}

/// Reads the body of an extended reply as Mongrel2 does (seen on Mongrel2 1.12.2), with no xrequest
/// modules loaded: for the stand-in server and for tests.
#[must_use]
pub fn parse_extended(body: &Bytes) -> Extended {
    let Some((key, value)) = parse_pair(body) else { return Extended::Ignored };
    if key != CTL || value.kind != tnetstring::DICTIONARY {
        return Extended::Close;
    }
    parse_controls(value.payload).map_or(Extended::Ignored, Extended::Controls)
}

fn parse_pair(body: &[u8]) -> Option<(&[u8], tnetstring::Element<'_>)> {
    let list = only(Elements::new(body)).filter(|list| list.kind == tnetstring::LIST)?;
    let mut pair = Elements::new(list.payload);
    let key = pair.next().ok()??;
    let value = only(pair)?;
    (key.kind == tnetstring::STRING).then_some((key.payload, value))
}

/// The one element left, if it is the only one.
fn only(mut elements: Elements<'_>) -> Option<tnetstring::Element<'_>> {
    let element = elements.next().ok()??;
    matches!(elements.next(), Ok(None)).then_some(element)
}

/// `None` where the dictionary is broken. Keys that are not known are skipped.
fn parse_controls(dictionary: &[u8]) -> Option<Vec<Control>> {
    let mut elements = Elements::new(dictionary);
    let mut controls = Vec::new();
    while let Some(name) = elements.next().ok()? {
        let value = elements.next().ok()??;
        let control = match name.payload {
            KEEP_ALIVE => Some(Control::KeepAlive),
            CANCEL => Some(Control::Cancel),
            CREDITS if value.kind == tnetstring::NUMBER => {
                decimal::parse_padded(value.payload).map(Control::Credits)
            }
            _ => None,
        };
        controls.extend(control);
    }
    Some(controls)
}

/// The key of Mongrel2's own controls, which are a dictionary.
pub(crate) const CTL: &[u8] = b"ctl";
const KEEP_ALIVE: &[u8] = b"keep-alive";
const CREDITS: &[u8] = b"credits";
const CANCEL: &[u8] = b"cancel";

/// A cautious limit: how far the server counts was not seen.
pub(crate) const CREDITS_MAX: u64 = 0x7FFF_FFFF;

/// What stands around a payload in a tnetstring: at most 20 digits, the colon, the kind.
const LENGTH_MAX: usize = 22;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mongrel2::parse_response;

    fn encode(controls: &[Control]) -> Bytes {
        let mut out = BytesMut::new();
        encode_control(&Sender::new("s").unwrap(), ConnId(48), controls, &mut out);
        out.freeze()
    }

    #[test]
    fn the_form_is_the_one_seen() {
        use Control::*;
        for (controls, text) in [
            (&[KeepAlive][..], "s 4:X 48, 31:3:ctl,21:10:keep-alive,4:true!}]"),
            (&[Credits(1000)], "s 4:X 48, 27:3:ctl,17:7:credits,4:1000#}]"),
            (&[Cancel], "s 4:X 48, 26:3:ctl,16:6:cancel,4:true!}]"),
            (&[], "s 4:X 48, 9:3:ctl,0:}]"),
        ] {
            assert_eq!(encode(controls), text);
        }
    }

    #[test]
    fn what_is_written_is_read() {
        use Control::*;
        let read = |controls: &[Control]| {
            let reply = parse_response(&encode(controls)).unwrap();
            assert!(reply.extended && reply.targets == [ConnId(48)]);
            parse_extended(&reply.body)
        };
        assert_eq!(read(&[]), Extended::Controls(vec![]));
        assert_eq!(
            read(&[Cancel, Credits(7), KeepAlive]),
            Extended::Controls(vec![KeepAlive, Credits(7), Cancel])
        );
    }

    #[test]
    fn a_name_stands_once() {
        use Control::*;
        let twice = [KeepAlive, Credits(1), Credits(2), KeepAlive, Cancel, Cancel];
        assert_eq!(encode(&twice), encode(&[KeepAlive, Credits(3), Cancel]));
        let many = encode(&[Credits(u64::MAX), Credits(u64::MAX)]);
        assert_eq!(many, encode(&[Credits(CREDITS_MAX)]));
    }

    #[test]
    fn a_module_gets_its_key_and_a_string() {
        let (sender, targets) = (Sender::new("s").unwrap(), [7, 48].map(ConnId));
        let mut out = BytesMut::new();
        encode_extended(&sender, &targets, b"sendfile", b"tmp/a file", &mut out);
        assert_eq!(out, "s 6:X 7 48, 25:8:sendfile,10:tmp/a file,]");
        let reply = parse_response(&out.freeze()).unwrap();
        assert!(reply.extended && reply.targets == targets);
        assert_eq!(reply.body, extended_body(b"sendfile", b"tmp/a file"));
        // Of a server that has not loaded it.
        assert_eq!(parse_extended(&reply.body), Extended::Close);
    }

    #[test]
    fn bodies_are_judged_as_seen() {
        let judge = |body: &'static str| parse_extended(&Bytes::from_static(body.as_bytes()));
        for body in ["", "x", "3:abc,", "12:1:a,1:b,1:c,]", "26:3:ctl,16:6:cancel,4:true!}]x"] {
            assert_eq!(judge(body), Extended::Ignored, "{body}");
        }
        for body in ["10:3:ctl,1:x,]", "20:6:nosuch,8:1:a,1:b,}]"] {
            assert_eq!(judge(body), Extended::Close, "{body}");
        }
    }
}
