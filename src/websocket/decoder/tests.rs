//! Every stream whole, octet by octet, and cut at each point.

use super::*;
use crate::websocket::{Close, CloseCode, CloseError, Message, encode, encode_masked};

type Outcome = (Vec<Decoded>, Option<FrameError>);

const SIZE_MAX: usize = 1 << 20;
const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

fn drain(decoder: &mut Decoder, (found, failure): &mut Outcome) {
    loop {
        match decoder.next() {
            Ok(Some(decoded)) => found.push(decoded),
            Ok(None) => return,
            Err(error) => {
                *failure = Some(error);
                return;
            }
        }
    }
}

fn in_pieces<'a>(
    role: Role,
    size_max: usize,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Outcome {
    let mut decoder = Decoder::new(role, size_max);
    let mut outcome = Outcome::default();
    for piece in pieces {
        decoder.receive(Bytes::copy_from_slice(piece));
        drain(&mut decoder, &mut outcome);
    }
    outcome
}

/// Where to cut: everywhere, or near the ends and now and then in a stream too long for that.
fn cuts(len: usize) -> impl Iterator<Item = usize> {
    (0..=len).filter(move |cut| len < 2000 || *cut < 20 || len - cut < 20 || cut % 4099 == 0)
}

fn three_ways(role: Role, size_max: usize, stream: &[u8]) -> Outcome {
    let whole = in_pieces(role, size_max, [stream]);
    assert_eq!(in_pieces(role, size_max, stream.chunks(1)), whole, "octet by octet");
    for cut in cuts(stream.len()) {
        let (before, after) = stream.split_at(cut);
        assert_eq!(in_pieces(role, size_max, [before, after]), whole, "cut at {cut}");
    }
    whole
}

fn from_server(stream: &[u8]) -> Outcome {
    three_ways(Role::Server, SIZE_MAX, stream)
}

fn masked(frames: &[(bool, Opcode, &[u8])]) -> BytesMut {
    let mut stream = BytesMut::new();
    for (fin, opcode, payload) in frames {
        encode_masked(*fin, *opcode, MASK, payload, &mut stream);
    }
    stream
}

fn from_client(frames: &[(bool, Opcode, &[u8])]) -> Outcome {
    three_ways(Role::Client, SIZE_MAX, &masked(frames))
}

fn text(text: &str) -> Decoded {
    Decoded::Message(Message::from(text.to_owned()))
}

fn binary(octets: &[u8]) -> Decoded {
    Decoded::Message(Message::from(octets.to_vec()))
}

fn fine(found: impl Into<Vec<Decoded>>) -> Outcome {
    (found.into(), None)
}

fn text_error(valid_up_to: usize) -> FrameError {
    let octets = [vec![b'x'; valid_up_to], vec![0xFF]].concat();
    FrameError::Text(crate::websocket::Utf8Bytes::try_from(Bytes::from(octets)).unwrap_err())
}

#[test]
fn examples_of_the_rfc() {
    assert_eq!(from_server(b"\x81\x05Hello"), fine([text("Hello")]));
    assert_eq!(from_server(b"\x01\x03Hel\x80\x02lo"), fine([text("Hello")]));
    let ping = Decoded::Ping(Bytes::from_static(b"Hello"));
    assert_eq!(from_server(b"\x89\x05Hello"), fine([ping]));
    for (stream, found) in [
        (b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", text("Hello")),
        (
            b"\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58",
            Decoded::Pong(Bytes::from_static(b"Hello")),
        ),
    ] {
        assert_eq!(three_ways(Role::Client, SIZE_MAX, stream), fine([found]));
    }
    let payload = [7; 65536];
    let long = [&b"\x82\x7e\x01\x00"[..], &payload[..256]].concat();
    assert_eq!(from_server(&long), fine([binary(&payload[..256])]));
    let longer = [&b"\x82\x7f\0\0\0\0\0\x01\0\0"[..], &payload].concat();
    assert_eq!(from_server(&longer), fine([binary(&payload)]));
}

#[test]
fn every_form_of_the_length() {
    for len in [0, 1, 125, 126, 127, 65535, 65536] {
        let payload = vec![b'x'; len];
        let mut stream = BytesMut::new();
        encode(Opcode::Binary, &payload, &mut stream);
        encode(Opcode::Text, &payload, &mut stream);
        let both = [binary(&payload), text(&"x".repeat(len))];
        assert_eq!(from_server(&stream), fine(both.clone()), "{len} octets");
        let frames = [(true, Opcode::Binary, &payload[..]), (true, Opcode::Text, &payload)];
        assert_eq!(from_client(&frames), fine(both), "{len} octets, masked");
    }
}

#[test]
fn control_frames_overtake_fragments() {
    let outcome = from_client(&[
        (false, Opcode::Binary, b"one"),
        (true, Opcode::Ping, b"?"),
        (false, Opcode::Continuation, b""),
        (true, Opcode::Pong, b""),
        (true, Opcode::Continuation, b"two"),
        (true, Opcode::Text, b"three"),
    ]);
    let ping = Decoded::Ping(Bytes::from_static(b"?"));
    let pong = Decoded::Pong(Bytes::new());
    assert_eq!(outcome, fine([ping, pong, binary(b"onetwo"), text("three")]));
}

#[test]
fn fragments_may_all_be_empty() {
    for stream in [&b"\x01\x00\x80\x00"[..], b"\x01\x00\x00\x00\x00\x00\x80\x00"] {
        assert_eq!(from_server(stream), fine([text("")]));
    }
}

#[test]
fn each_fault_has_its_error() {
    let in_order = b"\x82\x01.";
    for (stream, error) in [
        (&b"\xC1\x00"[..], FrameError::ReservedBits { rsv: 4 }),
        (b"\x90\x00", FrameError::ReservedBits { rsv: 1 }),
        (b"\x83\x00", FrameError::ReservedOpcode { number: 3 }),
        (b"\x0F\x00", FrameError::ReservedOpcode { number: 15 }),
        (b"\x09\x00", FrameError::FragmentedControl),
        (b"\x8A\x7E\x00\x7E", FrameError::ControlTooLong { len: 126 }),
        (b"\x82\x7E\x00\x7D", FrameError::LengthNotShortest { len: 125 }),
        (b"\x82\x7F\0\0\0\0\0\0\xFF\xFF", FrameError::LengthNotShortest { len: 65535 }),
        (b"\x82\x7F\x80\0\0\0\0\0\0\0", FrameError::LengthTooLong { len: 1 << 63 }),
        (b"\x80\x00", FrameError::UnexpectedContinuation),
        (b"\x81\x00\x00\x00", FrameError::UnexpectedContinuation),
        (b"\x01\x00\x02\x00", FrameError::UnfinishedMessage),
        (b"\x82\x80abcd", FrameError::Masked),
        (b"\x81\x02a\xFF", text_error(1)),
        (b"\x88\x01\x03", FrameError::Close(CloseError::OneOctet)),
        (b"\x88\x02\x03\xED", FrameError::Close(CloseError::Code(1005))),
    ] {
        let (found, failure) = from_server(&[in_order, stream].concat());
        assert_eq!(found[0], binary(b"."));
        assert_eq!(failure, Some(error), "{}", stream.escape_ascii());
    }
    let unmasked = three_ways(Role::Client, SIZE_MAX, in_order);
    assert_eq!(unmasked, (vec![], Some(FrameError::Unmasked)));
}

#[test]
fn an_error_is_final() {
    let mut decoder = Decoder::new(Role::Server, SIZE_MAX);
    decoder.receive(Bytes::from_static(b"\x80\x00\x81\x02ok"));
    for _ in 0..3 {
        assert_eq!(decoder.next(), Err(FrameError::UnexpectedContinuation));
        decoder.receive(Bytes::from_static(b"\x81\x02ok"));
        assert!(decoder.input.is_empty());
    }
}

#[test]
fn nothing_follows_a_close_frame() {
    let close = Close::new(CloseCode::GOING_AWAY, "bye").unwrap();
    let mut stream = BytesMut::new();
    close.encode(&mut stream);
    stream.extend_from_slice(b"\x81\x02ok\xFF\xFF");
    assert_eq!(from_server(&stream), fine([Decoded::Close(close)]));
    assert_eq!(from_server(b"\x88\x00\x80"), fine([Decoded::Close(Close::default())]));
}

#[test]
fn the_limit_counts_all_fragments_but_no_control_frames() {
    let limited = |stream: &[u8]| three_ways(Role::Server, 4, stream);
    let too_large = |size| Some(FrameError::TooLarge { size, size_max: 4 });
    assert_eq!(limited(b"\x82\x04four\x82\x00"), fine([binary(b"four"), binary(b"")]));
    assert_eq!(limited(b"\x82\x05fives"), (vec![], too_large(5)));
    assert_eq!(limited(b"\x02\x02ab\x80\x02cd"), fine([binary(b"abcd")]));
    assert_eq!(limited(b"\x02\x02ab\x00\x01c\x80\x02de"), (vec![], too_large(5)));
    let ping = Decoded::Ping(Bytes::from_static(b"hello"));
    assert_eq!(limited(b"\x02\x03abc\x89\x05hello\x80\x01d"), fine([ping, binary(b"abcd")]));
}

#[test]
fn the_limit_is_met_by_the_head_alone() {
    let mut decoder = Decoder::new(Role::Server, 100);
    decoder.receive(Bytes::from_static(b"\x82\x7E\x00\x7E"));
    let error = FrameError::TooLarge { size: 126, size_max: 100 };
    assert_eq!(decoder.next(), Err(error));
    assert_eq!(error.answer(), CloseCode::TOO_BIG);
}

/// To reserve what this announces would end the process.
#[test]
fn an_announced_length_costs_no_memory() {
    let mut decoder = Decoder::new(Role::Server, usize::MAX);
    decoder.receive(Bytes::from_static(b"\x02\x01a\x80\x7F\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFFbc"));
    assert_eq!(decoder.next(), Ok(None));
    let message = decoder.message.as_ref().unwrap();
    assert_eq!(message.payload, "abc");
    assert!(message.payload.capacity() < 1024);
}

#[test]
fn a_payload_within_one_piece_is_not_copied() {
    let stream = Bytes::from_static(b"\x82\x03abc\x81\x03def\x89\x03ghi");
    let mut decoder = Decoder::new(Role::Server, SIZE_MAX);
    decoder.receive(stream.slice(..1));
    assert_eq!(decoder.next(), Ok(None));
    decoder.receive(stream.slice(1..2));
    assert_eq!(decoder.next(), Ok(None));
    decoder.receive(stream.slice(2..));
    for start in [2, 7, 12] {
        let payload = match decoder.next().unwrap().unwrap() {
            Decoded::Message(message) => message.payload().clone(),
            Decoded::Ping(payload) | Decoded::Pong(payload) => payload,
            Decoded::Close(_) => unreachable!("there is no close frame"),
        };
        assert_eq!(payload.as_ptr(), stream[start..].as_ptr());
    }
}

/// Characters of every length, cut by fragments, by pieces, and by a ping.
#[test]
fn characters_may_lie_across_borders() {
    let whole = "a\u{e9}\u{20ac}\u{1f600}z";
    for first in 0..=whole.len() {
        for second in first..=whole.len() {
            let octets = whole.as_bytes();
            let outcome = from_client(&[
                (false, Opcode::Text, &octets[..first]),
                (true, Opcode::Ping, b"\xFF"),
                (false, Opcode::Continuation, &octets[first..second]),
                (true, Opcode::Continuation, &octets[second..]),
            ]);
            let ping = Decoded::Ping(Bytes::from_static(b"\xFF"));
            assert_eq!(outcome, fine([ping, text(whole)]));
        }
    }
}

#[test]
fn a_text_that_ends_within_a_character_is_found_at_its_end() {
    for stream in [&b"\x81\x03a\xE2\x82"[..], b"\x01\x02a\xE2\x80\x01\x82"] {
        let (found, failure) = from_server(stream);
        assert!(found.is_empty());
        assert_eq!(failure, Some(text_error(1)));
    }
    assert_eq!(from_server(b"\x02\x02a\xE2\x80\x01\x82"), fine([binary(b"a\xE2\x82")]));
}

/// In the middle of a frame, in a fragment, and where a second fragment spoils the first.
#[test]
fn a_wrong_octet_is_found_before_the_message_ends() {
    for (pieces, valid_up_to) in [
        (&[&b"\x81\x64abc"[..], b"\xFF"][..], 3),
        (&[b"\x81\x64abc\xFF"], 3),
        (&[b"\x01\x02ab", b"\x00\x7Dc\xC0"], 3),
        (&[b"\x01\x02a\xE2\x00\x02\x28"], 1),
        (&[b"\x01\x02a\xF4", b"\x00\x02\x90"], 1),
        (&[b"\x01\x02a\xED\x89\x00\x00\x02\xA0"], 1),
    ] {
        let (_, failure) = in_pieces(Role::Server, SIZE_MAX, pieces.iter().copied());
        assert_eq!(failure, Some(text_error(valid_up_to)), "{pieces:x?}");
    }
}

/// Else a text that comes octet by octet would cost the square of its length.
#[test]
fn what_was_checked_is_not_checked_again() {
    let mut decoder = Decoder::new(Role::Server, SIZE_MAX);
    decoder.receive(Bytes::from_static(b"\x81\x64abc\xE2\x82"));
    assert_eq!(decoder.next(), Ok(None));
    assert_eq!(decoder.message.as_ref().map(|message| message.checked), Some(3));
    decoder.receive(Bytes::from_static(b"\xAC"));
    assert_eq!(decoder.next(), Ok(None));
    assert_eq!(decoder.message.as_ref().map(|message| message.checked), Some(6));
}

#[test]
fn a_stream_that_breaks_off_says_nothing_wrong() {
    let stream = masked(&[(true, Opcode::Text, b"one"), (true, Opcode::Binary, &[9; 300])]);
    for len in 0..stream.len() {
        let (found, failure) = in_pieces(Role::Client, SIZE_MAX, [&stream[..len]]);
        assert_eq!((found.len(), failure), (usize::from(len >= 9), None));
    }
}

/// `SplitMix64`.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) >> 33).unwrap() % bound
    }

    fn octets(&mut self, len_bound: usize) -> Vec<u8> {
        let len = self.below(len_bound);
        (0..len).map(|_| self.below(256).to_le_bytes()[0]).collect()
    }

    fn text(&mut self) -> String {
        let alphabet = ['a', '\u{e9}', '\u{20ac}', '\u{1f600}'];
        (0..self.below(100)).map(|_| alphabet[self.below(4)]).collect()
    }

    fn mask(&mut self) -> [u8; 4] {
        std::array::from_fn(|_| self.below(256).to_le_bytes()[0])
    }

    /// Writes a frame or a fragmented message with pings between; what is to be found goes to
    /// `expected`.
    fn write(&mut self, role: Role, stream: &mut BytesMut, expected: &mut Vec<Decoded>) {
        let message = match self.below(2) {
            0 => Message::from(self.text()),
            _ => Message::from(self.octets(400)),
        };
        if role == Role::Server {
            message.encode(stream);
            expected.push(Decoded::Message(message));
            return;
        }
        let mut opcode = message.opcode();
        let mut rest = &message.payload()[..];
        while self.below(3) > 0 {
            let (fragment, after) = rest.split_at(self.below(rest.len() + 1));
            encode_masked(false, opcode, self.mask(), fragment, stream);
            (opcode, rest) = (Opcode::Continuation, after);
            let ping = self.octets(126);
            encode_masked(true, Opcode::Ping, self.mask(), &ping, stream);
            expected.push(Decoded::Ping(ping.into()));
        }
        encode_masked(true, opcode, self.mask(), rest, stream);
        expected.push(Decoded::Message(message));
    }

    fn pieces<'a>(&mut self, mut stream: &'a [u8]) -> Vec<&'a [u8]> {
        let mut pieces = Vec::new();
        while !stream.is_empty() {
            let bound = [3, 50, 1000][self.below(3)];
            let (piece, rest) = stream.split_at(self.below(bound).min(stream.len()));
            pieces.push(piece);
            stream = rest;
        }
        pieces
    }
}

#[test]
fn what_is_written_is_read_again_however_it_is_cut() {
    for seed in 0..300 {
        let mut dice = Dice(seed);
        for role in [Role::Server, Role::Client] {
            let (mut stream, mut expected) = (BytesMut::new(), Vec::new());
            for _ in 0..5 {
                dice.write(role, &mut stream, &mut expected);
            }
            let outcome = in_pieces(role, SIZE_MAX, dice.pieces(&stream));
            assert_eq!(outcome, fine(expected), "seed {seed}, {role:?}");
        }
    }
}

/// Garbage, and good streams with one octet spoilt: the three ways agree, whatever it means.
#[test]
fn any_octets_mean_the_same_however_they_are_cut() {
    for seed in 0..300 {
        let mut dice = Dice(seed);
        for role in [Role::Server, Role::Client] {
            three_ways(role, 100, &dice.octets(40));
            let (mut stream, mut expected) = (BytesMut::new(), Vec::new());
            dice.write(role, &mut stream, &mut expected);
            let place = dice.below(stream.len());
            stream[place] ^= 1 << dice.below(8);
            three_ways(role, SIZE_MAX, &stream);
        }
    }
}

#[test]
fn what_is_begun_is_not_idle() {
    let mut stream = BytesMut::new();
    Message::from("whole").encode(&mut stream);
    stream.extend_from_slice(b"\x01\x03Hel\x89\x02hi\x80\x02lo");
    let ends_of_messages = [0, 7, stream.len()];
    for len in 0..=stream.len() {
        let mut decoder = Decoder::new(Role::Server, SIZE_MAX);
        decoder.receive(Bytes::copy_from_slice(&stream[..len]));
        assert_eq!(decoder.is_idle(), len == 0, "what nobody has looked at: {len} octets");
        drain(&mut decoder, &mut Outcome::default());
        assert_eq!(decoder.is_idle(), ends_of_messages.contains(&len), "after {len} octets");
    }
}

#[test]
fn what_is_discarded_is_known() {
    let discards = |pieces: &[&'static [u8]]| {
        let mut decoder = Decoder::new(Role::Server, SIZE_MAX);
        for piece in pieces {
            decoder.receive(Bytes::from_static(piece));
            drain(&mut decoder, &mut Outcome::default());
        }
        assert!(decoder.is_idle());
        decoder.has_discarded()
    };
    assert!(!discards(&[b"\x88\0"]) && !discards(&[b"\x88\0", b""]) && !discards(&[b"\x80\0x"]));
    assert!(discards(&[b"\x88\0x"]) && discards(&[b"\x88\0", b"x"]));
}
