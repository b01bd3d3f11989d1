//! The list of extensions that a client offers, taken apart (RFC 6455 9.1).

/// One offer: the name of an extension, and its parameters with their values.
pub(super) struct Offer {
    pub(super) name: Vec<u8>,
    pub(super) parameters: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

/// The offers of one header, in the client's order, up to where it stops being a list of offers.
pub(super) struct Offers<'a> {
    rest: &'a [u8],
}

impl<'a> Offers<'a> {
    pub(super) const fn new(header: &'a [u8]) -> Self {
        Self { rest: header }
    }

    fn offer(&mut self) -> Option<Offer> {
        // Empty elements of a list mean nothing (RFC 9110 5.6.1.2).
        while self.takes(b',') {}
        let name = self.token()?;
        let mut parameters = Vec::new();
        while self.takes(b';') {
            let name = self.token()?;
            let value = if self.takes(b'=') { Some(self.value()?) } else { None };
            parameters.push((name, value));
        }
        (self.rest.is_empty() || self.takes(b',')).then_some(Offer { name, parameters })
    }

    /// A token, or one in quotes: what is in them has to be a token too.
    fn value(&mut self) -> Option<Vec<u8>> {
        if !self.takes(b'"') {
            return self.token();
        }
        let mut text = Vec::new();
        loop {
            let (first, rest) = self.rest.split_first()?;
            self.rest = rest;
            match first {
                b'"' => break,
                b'\\' => {
                    let (escaped, rest) = self.rest.split_first()?;
                    self.rest = rest;
                    text.push(*escaped);
                }
                other => text.push(*other),
            }
        }
        self.skip_blanks();
        (!text.is_empty() && text.iter().copied().all(is_token)).then_some(text)
    }

    fn token(&mut self) -> Option<Vec<u8>> {
        self.skip_blanks();
        let len = self.rest.iter().take_while(|octet| is_token(**octet)).count();
        let (token, rest) = self.rest.split_at(len);
        self.rest = rest;
        self.skip_blanks();
        (!token.is_empty()).then(|| token.to_vec())
    }

    fn takes(&mut self, mark: u8) -> bool {
        self.skip_blanks();
        let rest = self.rest.strip_prefix(&[mark]);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }
}

impl Iterator for Offers<'_> {
    type Item = Offer;

    fn next(&mut self) -> Option<Offer> {
        let offer = self.offer();
        if offer.is_none() {
            self.rest = &[];
        }
        offer
    }
}

/// What a token is made of (RFC 9110 5.6.2).
const fn is_token(octet: u8) -> bool {
    octet.is_ascii_alphanumeric()
        || matches!(
            octet,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(header: &str) -> Vec<String> {
        let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).unwrap();
        let offers = Offers::new(header.as_bytes()).map(|offer| {
            let parameters = offer.parameters.iter().map(|(name, value)| match value {
                Some(value) => format!(" {}={}", text(name), text(value)),
                None => format!(" {}", text(name)),
            });
            text(&offer.name) + &parameters.collect::<String>()
        });
        offers.collect()
    }

    #[test]
    fn lists_are_taken_apart() {
        for (header, expected) in [
            ("", &[][..]),
            ("a", &["a"]),
            ("a, b;c ,d ; e = 1;f=\"2\"", &["a", "b c", "d e=1 f=2"]),
            (",, a,\t,b,", &["a", "b"]),
            ("a; b=\"x\\y\"", &["a b=xy"]),
        ] {
            assert_eq!(written(header), expected, "{header}");
        }
    }

    #[test]
    fn nothing_is_read_behind_what_is_no_list() {
        for (header, expected) in [
            ("a, b c, d", &["a"][..]),
            ("a;", &[]),
            ("a; =1", &[]),
            ("a; b=", &[]),
            ("a; b=\"", &[]),
            ("a; b=\"\\", &[]),
            ("a; b=\"c,d\"", &[]),
            ("a; b=\"\"", &[]),
            ("a; b=\"1\"2, c", &[]),
            ("\u{e4}, a", &[]),
        ] {
            assert_eq!(written(header), expected, "{header}");
        }
    }
}
