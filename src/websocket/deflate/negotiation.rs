//! Which of a client's offers is accepted, and with what (RFC 7692 7.1).

use std::fmt;

use super::offers::{Offer, Offers};

/// What is agreed upon for one session. Made by [`Agreement::accept`]; its display is the value of
/// the header `Sec-WebSocket-Extensions` that tells the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreement {
    server_takeover: bool,
    client_takeover: bool,
    /// Where the client has asked for one: it is told so, however large it is (RFC 7692 7.1.2.1).
    server_window_bits: Option<u8>,
    client_window_bits: u8,
}

/// What a server would agree to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Whether either side may refer to earlier messages, which takes memory for each session. (A
    /// client may say that it does not want this.)
    pub takeover: bool,
    /// Whether messages to a client may be compressed in a way of their own, as they must be where it
    /// asks for a small window.
    pub small_windows: bool,
}

impl Agreement {
    /// Accepts the first of a client's offers that can be accepted; `headers` are the values of its
    /// `Sec-WebSocket-Extensions`. `None` where there is no such offer: then the session has no
    /// compression.
    ///
    /// An offer is declined where a parameter is unknown, comes twice or has a wrong value
    /// (RFC 7692 7.1), and where it asks for a window of 2^8 octets: zlib cannot keep to that either,
    /// so no client depends on it.
    ///
    /// ```
    /// use mongrel2_transceiver::websocket::deflate::{Agreement, Terms};
    /// let terms = Terms { takeover: false, small_windows: true };
    /// let offers = ["permessage-deflate; client_max_window_bits"];
    /// let agreed = Agreement::accept(offers, terms).expect("this can be accepted");
    /// let header = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    /// assert_eq!(agreed.to_string(), header);
    /// ```
    pub fn accept<T: AsRef<[u8]>>(
        headers: impl IntoIterator<Item = T>,
        terms: Terms,
    ) -> Option<Self> {
        headers.into_iter().find_map(|header| {
            Offers::new(header.as_ref()).find_map(|offer| Self::of(&offer, terms))
        })
    }

    fn of(offer: &Offer, terms: Terms) -> Option<Self> {
        if offer.name != b"permessage-deflate" {
            return None;
        }
        let asked = Asked::of(offer)?;
        let window_bits = asked.server_window_bits.unwrap_or(WINDOW_BITS_MAX);
        let is_small = window_bits < WINDOW_BITS_MAX;
        if window_bits < WINDOW_BITS_MIN || is_small && !terms.small_windows {
            return None;
        }
        Some(Self {
            server_takeover: terms.takeover && !asked.server_no_context_takeover && !is_small,
            client_takeover: terms.takeover && !asked.client_no_context_takeover,
            server_window_bits: asked.server_window_bits,
            client_window_bits: asked.client_window_bits.flatten().unwrap_or(WINDOW_BITS_MAX),
        })
    }

    /// Whether our messages may refer to earlier ones of ours.
    #[must_use]
    pub const fn server_takeover(self) -> bool {
        self.server_takeover
    }

    /// Whether the client's messages may refer to earlier ones of its own.
    #[must_use]
    pub const fn client_takeover(self) -> bool {
        self.client_takeover
    }

    /// How far back our messages may refer: 2 to the power of this, in octets; from
    /// [`WINDOW_BITS_MIN`] to [`WINDOW_BITS_MAX`].
    #[must_use]
    pub const fn server_window_bits(self) -> u8 {
        match self.server_window_bits {
            Some(bits) => bits,
            None => WINDOW_BITS_MAX,
        }
    }

    /// How far back the client's messages may refer: 2 to the power of this, in octets; from 8 to
    /// [`WINDOW_BITS_MAX`].
    #[must_use]
    pub const fn client_window_bits(self) -> u8 {
        self.client_window_bits
    }
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("permessage-deflate")?;
        if !self.server_takeover {
            f.write_str("; server_no_context_takeover")?;
        }
        if !self.client_takeover {
            f.write_str("; client_no_context_takeover")?;
        }
        if let Some(bits) = self.server_window_bits {
            write!(f, "; server_max_window_bits={bits}")?;
        }
        if self.client_window_bits < WINDOW_BITS_MAX {
            write!(f, "; client_max_window_bits={}", self.client_window_bits)?;
        }
        Ok(())
    }
}

/// What an offer asks for.
#[derive(Default)]
struct Asked {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_window_bits: Option<u8>,
    /// It need not say how many.
    client_window_bits: Option<Option<u8>>,
}

impl Asked {
    /// `None` where a parameter is unknown, comes twice or has a wrong value.
    fn of(offer: &Offer) -> Option<Self> {
        let mut asked = Self::default();
        for (name, value) in &offer.parameters {
            let is_new = match (&name[..], value) {
                (b"server_no_context_takeover", None) => {
                    !std::mem::replace(&mut asked.server_no_context_takeover, true)
                }
                (b"client_no_context_takeover", None) => {
                    !std::mem::replace(&mut asked.client_no_context_takeover, true)
                }
                (b"server_max_window_bits", Some(value)) => {
                    asked.server_window_bits.replace(window_bits(value)?).is_none()
                }
                (b"client_max_window_bits", None) => {
                    asked.client_window_bits.replace(None).is_none()
                }
                (b"client_max_window_bits", Some(value)) => {
                    asked.client_window_bits.replace(Some(window_bits(value)?)).is_none()
                }
                _ => false,
            };
            if !is_new {
                return None;
            }
        }
        Some(asked)
    }
}

/// 8 to 15, without zeros before it (RFC 7692 7.1.2).
const fn window_bits(value: &[u8]) -> Option<u8> {
    match value {
        [digit @ b'8'..=b'9'] => Some(*digit - b'0'),
        [b'1', digit @ b'0'..=b'5'] => Some(10 + *digit - b'0'),
        _ => None,
    }
}

/// The smallest window for our messages that is agreed to: 2^9 octets.
pub const WINDOW_BITS_MIN: u8 = 9;

/// The window where nobody asks for less: 2^15 octets (RFC 1951 2).
pub const WINDOW_BITS_MAX: u8 = 15;

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Terms = Terms { takeover: true, small_windows: true };
    const SMALL: Terms = Terms { takeover: false, small_windows: true };
    const NONE: Terms = Terms { takeover: false, small_windows: false };

    fn answer(offers: &[&str], terms: Terms) -> Option<String> {
        Agreement::accept(offers, terms).map(|agreed| agreed.to_string())
    }

    #[test]
    fn offers_and_their_answers() {
        for (offer, terms, parameters) in [
            ("", ALL, ""),
            ("; client_max_window_bits", ALL, ""),
            ("; client_max_window_bits=15", ALL, ""),
            ("; client_max_window_bits=\"10\"", ALL, "; client_max_window_bits=10"),
            ("; client_max_window_bits=8", ALL, "; client_max_window_bits=8"),
            ("; server_max_window_bits=15", ALL, "; server_max_window_bits=15"),
            (
                "; server_max_window_bits=9",
                ALL,
                "; server_no_context_takeover; server_max_window_bits=9",
            ),
            ("; server_no_context_takeover", ALL, "; server_no_context_takeover"),
            ("; client_no_context_takeover", ALL, "; client_no_context_takeover"),
            ("", SMALL, "; server_no_context_takeover; client_no_context_takeover"),
            (
                "; client_max_window_bits; server_max_window_bits=14",
                SMALL,
                "; server_no_context_takeover; client_no_context_takeover; \
                 server_max_window_bits=14",
            ),
            ("", NONE, "; server_no_context_takeover; client_no_context_takeover"),
        ] {
            let offer = format!("permessage-deflate{offer}");
            let expected = format!("permessage-deflate{parameters}");
            assert_eq!(answer(&[&offer], terms).as_deref(), Some(&expected[..]), "{offer}");
        }
    }

    #[test]
    fn what_is_declined() {
        for parameters in [
            "; server_no_context_takeover=1",
            "; server_no_context_takeover; server_no_context_takeover",
            "; client_no_context_takeover; client_no_context_takeover",
            "; client_max_window_bits; client_max_window_bits=9",
            "; server_max_window_bits=10; server_max_window_bits=10",
            "; server_max_window_bits",
            "; server_max_window_bits=",
            "; server_max_window_bits=7",
            "; server_max_window_bits=8",
            "; server_max_window_bits=16",
            "; server_max_window_bits=09",
            "; server_max_window_bits=+9",
            "; client_max_window_bits=0",
            "; client_max_window_bits=7",
            "; client_max_window_bits=16",
            "; client_max_window_bits=\"1 0\"",
            "; mode=fast",
            "; SERVER_NO_CONTEXT_TAKEOVER",
        ] {
            let offer = format!("permessage-deflate{parameters}");
            assert_eq!(answer(&[&offer], ALL), None, "{offer}");
        }
        assert_eq!(answer(&[], ALL), None);
        assert_eq!(answer(&["x-webkit-deflate-frame, permessage-deflated"], ALL), None);
        assert_eq!(answer(&["permessage-deflate; server_max_window_bits=14"], NONE), None);
    }

    /// RFC 7692 7.1.3 has such a list: the client would like a small window, and does without.
    #[test]
    fn the_first_that_can_be_accepted_is() {
        let small = "permessage-deflate; server_max_window_bits=10";
        let list = format!("{small}, permessage-deflate");
        assert!(answer(&[&list], ALL).unwrap().contains("server_max_window_bits=10"));
        let plain = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
        assert_eq!(answer(&[&list], NONE).as_deref(), Some(plain));
        assert_eq!(
            answer(&["bbf-usp-protocol", small, "permessage-deflate"], NONE),
            answer(&[&list], NONE)
        );
        assert_eq!(
            answer(&["a; b c", "permessage-deflate"], ALL).as_deref(),
            Some("permessage-deflate")
        );
    }

    #[test]
    fn an_agreement_says_what_its_header_says() {
        let offer = "permessage-deflate; server_max_window_bits=12; client_max_window_bits=11";
        let agreed = Agreement::accept([offer], ALL).unwrap();
        assert_eq!((agreed.server_window_bits(), agreed.client_window_bits()), (12, 11));
        assert!(agreed.client_takeover() && !agreed.server_takeover());
    }
}
