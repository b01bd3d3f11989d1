//! Octets to try as text: valid and invalid UTF-8, by the groups of the suite, mostly those of Markus
//! Kuhn's "UTF-8 decoder capability and stress test".

/// Groups 6.5 and on, in their order.
pub(crate) const GROUPS: &[&[Sequence]] = &[
    // 6.5: Some text.
    &[
        Valid(b"hello$world"),
        Valid(b"hello\xc2\xa2world"),
        Valid(b"hello\xe2\x82\xacworld"),
        Valid(b"hello\xf0\xa4\xad\xa2world"),
        Valid(b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5"),
    ],
    // 6.6: All prefixes of a text.
    &[
        Invalid(b"\xce"),
        Valid(b"\xce\xba"),
        Invalid(b"\xce\xba\xe1"),
        Invalid(b"\xce\xba\xe1\xbd"),
        Valid(b"\xce\xba\xe1\xbd\xb9"),
        Invalid(b"\xce\xba\xe1\xbd\xb9\xcf"),
        Valid(b"\xce\xba\xe1\xbd\xb9\xcf\x83"),
        Invalid(b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce"),
        Valid(b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc"),
        Invalid(b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce"),
        Valid(b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5"),
    ],
    // 6.7: The first sequence of each length.
    &[
        Valid(b"\x00"),
        Valid(b"\xc2\x80"),
        Valid(b"\xe0\xa0\x80"),
        Valid(b"\xf0\x90\x80\x80"),
    ],
    // 6.8: The same of five and six octets, which RFC 3629 has no more.
    &[
        Invalid(b"\xf8\x88\x80\x80\x80"),
        Invalid(b"\xfc\x84\x80\x80\x80\x80"),
    ],
    // 6.9: The last sequence of each length.
    &[
        Valid(b"\x7f"),
        Valid(b"\xdf\xbf"),
        Valid(b"\xef\xbf\xbf"),
        Valid(b"\xf4\x8f\xbf\xbf"),
    ],
    // 6.10: The same of four, five and six octets: above U+10FFFF.
    &[
        Invalid(b"\xf7\xbf\xbf\xbf"),
        Invalid(b"\xfb\xbf\xbf\xbf\xbf"),
        Invalid(b"\xfd\xbf\xbf\xbf\xbf\xbf"),
    ],
    // 6.11: Next to the surrogates and to the end.
    &[
        Valid(b"\xed\x9f\xbf"),
        Valid(b"\xee\x80\x80"),
        Valid(b"\xef\xbf\xbd"),
        Valid(b"\xf4\x8f\xbf\xbf"),
        Invalid(b"\xf4\x90\x80\x80"),
    ],
    // 6.12: Continuations of nothing.
    &[
        Invalid(b"\x80"),
        Invalid(b"\xbf"),
        Invalid(b"\x80\xbf"),
        Invalid(b"\x80\xbf\x80"),
        Invalid(b"\x80\xbf\x80\xbf"),
        Invalid(b"\x80\xbf\x80\xbf\x80"),
        Invalid(b"\x80\xbf\x80\xbf\x80\xbf"),
        Invalid(
            b"\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\
              \x90\x91\x92\x93\x94\x95\x96\x97\x98\x99\x9a\x9b\x9c\x9d\x9e\x9f\
              \xa0\xa1\xa2\xa3\xa4\xa5\xa6\xa7\xa8\xa9\xaa\xab\xac\xad\xae\xaf\
              \xb0\xb1\xb2\xb3\xb4\xb5\xb6\xb7\xb8\xb9\xba\xbb\xbc\xbd\xbe",
        ),
    ],
    // 6.13: First octets alone, each before a blank.
    &[
        Invalid(
            b"\xc0\x20\xc1\x20\xc2\x20\xc3\x20\xc4\x20\xc5\x20\xc6\x20\xc7\x20\
              \xc8\x20\xc9\x20\xca\x20\xcb\x20\xcc\x20\xcd\x20\xce\x20\xcf\x20\
              \xd0\x20\xd1\x20\xd2\x20\xd3\x20\xd4\x20\xd5\x20\xd6\x20\xd7\x20\
              \xd8\x20\xd9\x20\xda\x20\xdb\x20\xdc\x20\xdd\x20\xde\x20",
        ),
        Invalid(
            b"\xe0\x20\xe1\x20\xe2\x20\xe3\x20\xe4\x20\xe5\x20\xe6\x20\xe7\x20\xe8\x20\xe9\x20\xea\x20\
              \xeb\x20\xec\x20\xed\x20\xee\x20",
        ),
        Invalid(b"\xf0\x20\xf1\x20\xf2\x20\xf3\x20\xf4\x20\xf5\x20\xf6\x20"),
        Invalid(b"\xf8\x20\xf9\x20\xfa\x20"),
        Invalid(b"\xfc\x20"),
    ],
    // 6.14: Sequences without their last octet.
    &[
        Invalid(b"\xc0"),
        Invalid(b"\xe0\x80"),
        Invalid(b"\xf0\x80\x80"),
        Invalid(b"\xf8\x80\x80\x80"),
        Invalid(b"\xfc\x80\x80\x80\x80"),
        Invalid(b"\xdf"),
        Invalid(b"\xef\xbf"),
        Invalid(b"\xf7\xbf\xbf"),
        Invalid(b"\xfb\xbf\xbf\xbf"),
        Invalid(b"\xfd\xbf\xbf\xbf\xbf"),
    ],
    // 6.15: All of these, one behind the other.
    &[
        Invalid(
            b"\xc0\xe0\x80\xf0\x80\x80\xf8\x80\x80\x80\xfc\x80\x80\x80\x80\xdf\xef\xbf\xf7\xbf\xbf\xfb\
              \xbf\xbf\xbf\xfd\xbf\xbf\xbf\xbf",
        ),
    ],
    // 6.16: Octets that UTF-8 never has.
    &[
        Invalid(b"\xfe"),
        Invalid(b"\xff"),
        Invalid(b"\xfe\xfe\xff\xff"),
    ],
    // 6.17: Overlong forms of a slash.
    &[
        Invalid(b"\xc0\xaf"),
        Invalid(b"\xe0\x80\xaf"),
        Invalid(b"\xf0\x80\x80\xaf"),
        Invalid(b"\xf8\x80\x80\x80\xaf"),
        Invalid(b"\xfc\x80\x80\x80\x80\xaf"),
    ],
    // 6.18: The largest overlong form of each length.
    &[
        Invalid(b"\xc1\xbf"),
        Invalid(b"\xe0\x9f\xbf"),
        Invalid(b"\xf0\x8f\xbf\xbf"),
        Invalid(b"\xf8\x87\xbf\xbf\xbf"),
        Invalid(b"\xfc\x83\xbf\xbf\xbf\xbf"),
    ],
    // 6.19: Overlong forms of NUL.
    &[
        Invalid(b"\xc0\x80"),
        Invalid(b"\xe0\x80\x80"),
        Invalid(b"\xf0\x80\x80\x80"),
        Invalid(b"\xf8\x80\x80\x80\x80"),
        Invalid(b"\xfc\x80\x80\x80\x80\x80"),
    ],
    // 6.20: Surrogates.
    &[
        Invalid(b"\xed\xa0\x80"),
        Invalid(b"\xed\xad\xbf"),
        Invalid(b"\xed\xae\x80"),
        Invalid(b"\xed\xaf\xbf"),
        Invalid(b"\xed\xb0\x80"),
        Invalid(b"\xed\xbe\x80"),
        Invalid(b"\xed\xbf\xbf"),
    ],
    // 6.21: Surrogates in pairs.
    &[
        Invalid(b"\xed\xa0\x80\xed\xb0\x80"),
        Invalid(b"\xed\xa0\x80\xed\xbf\xbf"),
        Invalid(b"\xed\xad\xbf\xed\xb0\x80"),
        Invalid(b"\xed\xad\xbf\xed\xbf\xbf"),
        Invalid(b"\xed\xae\x80\xed\xb0\x80"),
        Invalid(b"\xed\xae\x80\xed\xbf\xbf"),
        Invalid(b"\xed\xaf\xbf\xed\xb0\x80"),
        Invalid(b"\xed\xaf\xbf\xed\xbf\xbf"),
    ],
    // 6.22: Code points that are no characters, and may yet be sent.
    &[
        Valid(b"\xef\xbf\xbe"),
        Valid(b"\xef\xbf\xbf"),
        Valid(b"\xf0\x9f\xbf\xbe"),
        Valid(b"\xf0\x9f\xbf\xbf"),
        Valid(b"\xf0\xaf\xbf\xbe"),
        Valid(b"\xf0\xaf\xbf\xbf"),
        Valid(b"\xf0\xbf\xbf\xbe"),
        Valid(b"\xf0\xbf\xbf\xbf"),
        Valid(b"\xf1\x8f\xbf\xbe"),
        Valid(b"\xf1\x8f\xbf\xbf"),
        Valid(b"\xf1\x9f\xbf\xbe"),
        Valid(b"\xf1\x9f\xbf\xbf"),
        Valid(b"\xf1\xaf\xbf\xbe"),
        Valid(b"\xf1\xaf\xbf\xbf"),
        Valid(b"\xf1\xbf\xbf\xbe"),
        Valid(b"\xf1\xbf\xbf\xbf"),
        Valid(b"\xf2\x8f\xbf\xbe"),
        Valid(b"\xf2\x8f\xbf\xbf"),
        Valid(b"\xf2\x9f\xbf\xbe"),
        Valid(b"\xf2\x9f\xbf\xbf"),
        Valid(b"\xf2\xaf\xbf\xbe"),
        Valid(b"\xf2\xaf\xbf\xbf"),
        Valid(b"\xf2\xbf\xbf\xbe"),
        Valid(b"\xf2\xbf\xbf\xbf"),
        Valid(b"\xf3\x8f\xbf\xbe"),
        Valid(b"\xf3\x8f\xbf\xbf"),
        Valid(b"\xf3\x9f\xbf\xbe"),
        Valid(b"\xf3\x9f\xbf\xbf"),
        Valid(b"\xf3\xaf\xbf\xbe"),
        Valid(b"\xf3\xaf\xbf\xbf"),
        Valid(b"\xf3\xbf\xbf\xbe"),
        Valid(b"\xf3\xbf\xbf\xbf"),
        Valid(b"\xf4\x8f\xbf\xbe"),
        Valid(b"\xf4\x8f\xbf\xbf"),
    ],
    // 6.23: Specials.
    &[
        Valid(b"\xef\xbf\xb9"),
        Valid(b"\xef\xbf\xba"),
        Valid(b"\xef\xbf\xbb"),
        Valid(b"\xef\xbf\xbc"),
        Valid(b"\xef\xbf\xbd"),
        Valid(b"\xef\xbf\xbe"),
        Valid(b"\xef\xbf\xbf"),
    ],
];

/// Octets, and whether they are text.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sequence {
    Valid(&'static [u8]),
    Invalid(&'static [u8]),
}
use Sequence::{Invalid, Valid};
