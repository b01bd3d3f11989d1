//! The 64 octets that open a link in each direction (ZMTP 3.1, RFC 37: `greeting`).

use std::fmt;

use super::Error;
use super::buffer::Buffer;

/// A version of ZMTP, as a peer announces it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// 3 or higher in any accepted peer.
    pub major: u8,
    /// Any.
    pub minor: u8,
}

impl Version {
    /// Ours. Subscriptions by command and heartbeats begin here.
    pub const V3_1: Self = Self { major: 3, minor: 1 };
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Our greeting: the same for every link, sent whole and at once, since libzmq sends its own step by
/// step, each after a part of ours. The padding of the signature is zero: no ZMTP 1.0 peer is awaited.
pub(super) const GREETING: [u8; GREETING_SIZE] = {
    let mut octets = [0; GREETING_SIZE];
    octets[0] = 0xFF;
    octets[9] = 0x7F;
    octets[MAJOR] = Version::V3_1.major;
    octets[MINOR] = Version::V3_1.minor;
    let mut at = 0;
    while at < MECHANISM.len() {
        octets[MECHANISM_START + at] = MECHANISM[at];
        at += 1;
    }
    octets
};

/// The peer's greeting on its way in. Each octet is judged when it arrives, so that a stream that can
/// no longer become a greeting is refused at once.
#[derive(Debug, Default)]
pub(super) struct Greeting {
    position: usize,
    major: u8,
    minor: u8,
}

impl Greeting {
    /// The peer's version, once the whole greeting has arrived.
    pub(super) fn take(&mut self, input: &mut Buffer) -> Result<Option<Version>, Error> {
        while self.position < GREETING_SIZE {
            let Some(octet) = input.take_octet() else {
                return Ok(None);
            };
            self.judge(octet)?;
            self.position += 1;
        }
        Ok(Some(Version { major: self.major, minor: self.minor }))
    }

    /// Padding, as-server and filler are not looked at: libzmq puts the length of an identity into
    /// the first, and the others mean nothing with NULL.
    const fn judge(&mut self, octet: u8) -> Result<(), Error> {
        let position = self.position;
        match position {
            0 if octet != 0xFF => return Err(Error::Signature { position, octet }),
            9 if octet & 1 == 0 => return Err(Error::Signature { position, octet }),
            MAJOR if octet < Version::V3_1.major => return Err(Error::Version { major: octet }),
            MAJOR => self.major = octet,
            MINOR => self.minor = octet,
            MECHANISM_START..MECHANISM_END if octet != MECHANISM[position - MECHANISM_START] => {
                return Err(Error::Mechanism);
            }
            _ => {}
        }
        Ok(())
    }
}

const GREETING_SIZE: usize = 64;
const MAJOR: usize = 10;
const MINOR: usize = 11;
const MECHANISM_START: usize = 12;
const MECHANISM_END: usize = MECHANISM_START + MECHANISM.len();
const MECHANISM: &[u8; 20] = b"NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
