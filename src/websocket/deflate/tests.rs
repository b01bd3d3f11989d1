//! Messages through both ends, and what RFC 7692 shows.

use bytes::{Bytes, BytesMut};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_HAS_MORE_INPUT;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

use super::super::{CloseCode, InflateError, Message, Opcode};
use super::*;
use crate::rng::Rng;

const MEGABYTE: usize = 1 << 20;
const CORRUPT: FrameError = FrameError::Inflate(InflateError::Corrupt);

fn inflate(payload: &[u8]) -> Result<Bytes, FrameError> {
    Inflater::new().inflate(payload, MEGABYTE, None)
}

fn inflate_next(payload: &[u8], history: &mut History) -> Result<Bytes, FrameError> {
    Inflater::new().inflate(payload, MEGABYTE, Some(history))
}

/// Text that is about as compressible as JSON is.
fn text(rng: &mut Rng, len: usize) -> Vec<u8> {
    const WORDS: [&str; 8] = ["\"name\":", "{", "},", " 17", "true", "\u{e4}", "[1, 2]", "null, "];
    let mut text = Vec::new();
    while text.len() < len {
        match rng.below(10) {
            0 => text.push(noise(rng)),
            _ => text.extend_from_slice(WORDS[usize::try_from(rng.below(8)).unwrap()].as_bytes()),
        }
    }
    text.truncate(len);
    text
}

fn noise(rng: &mut Rng) -> u8 {
    u8::try_from(rng.below(256)).unwrap()
}

/// Octets from hexadecimal, as RFC 7692 writes them.
fn hex(text: &str) -> Vec<u8> {
    text.split(' ').map(|octet| u8::from_str_radix(octet, 16).unwrap()).collect()
}

/// RFC 7692 7.2.3.1 to 7.2.3.5, all of which say `Hello`.
#[test]
fn the_examples_of_the_rfc() {
    for (payload, expected) in [
        ("f2 48 cd c9 c9 07 00", "Hello"),
        ("00 05 00 fa ff 48 65 6c 6c 6f 00", "Hello"),
        ("f3 48 cd c9 c9 07 00 00", "Hello"),
        ("f2 48 05 00 00 00 ff ff ca c9 c9 07 00", "Hello"),
        // 7.2.3.6: an empty message.
        ("00", ""),
        // A final block with nothing behind it, as some compressors leave it.
        ("f3 48 cd c9 c9 07 00", "Hello"),
    ] {
        assert_eq!(inflate(&hex(payload)).as_deref(), Ok(expected.as_bytes()), "{payload}");
    }
    let mut history = History::new(15);
    for payload in
        ["f2 48 cd c9 c9 07 00", "f2 00 11 00 00", "f3 48 cd c9 c9 07 00 00", "f2 00 11 00 00"]
    {
        assert_eq!(inflate_next(&hex(payload), &mut history).as_deref(), Ok(&b"Hello"[..]));
    }
    assert_eq!(inflate(&hex("f2 00 11 00 00")), Err(CORRUPT), "it refers to what was never sent");
}

#[test]
fn messages_that_stand_alone() {
    let mut rng = Rng::new(1);
    let mut inflater = Inflater::new();
    for level in [0, 1, 6, 9, 255] {
        let mut deflater = Deflater::new(level);
        for len in [1, 2, 64, 100, 1000, 65_535, 65_536, 200_000, 3] {
            let message = text(&mut rng, len);
            let Some(compressed) = deflater.deflate(&message) else {
                assert!(len <= 64, "{len} octets are compressed");
                continue;
            };
            assert!(compressed.len() < message.len());
            assert_eq!(inflater.inflate(&compressed, len, None), Ok(Bytes::from(message)));
        }
    }
}

#[test]
fn messages_that_refer_to_earlier_ones() {
    let mut rng = Rng::new(2);
    let (mut deflater, mut history) = (Deflater::new(6).takeover(), History::new(15));
    let first = text(&mut rng, 5_000);
    let sizes: Vec<_> = (0..3)
        .map(|_| {
            let compressed = deflater.deflate(&first).unwrap();
            assert_eq!(inflate_next(&compressed, &mut history).unwrap(), first);
            compressed.len()
        })
        .collect();
    assert!(sizes[1] < 100 && sizes[2] < 100, "{sizes:?}");
    // Longer than the window, so that history is shed.
    for len in [40_000, 10, 70_000, 32_768, 1, 30_000, 3_000] {
        let message = text(&mut rng, len);
        if let Some(compressed) = deflater.deflate(&message) {
            assert_eq!(inflate_next(&compressed, &mut history).unwrap(), message);
        }
        assert!(history.len() <= 32_768);
    }
}

#[test]
fn what_does_not_get_smaller_goes_as_it_is() {
    let mut rng = Rng::new(3);
    let mut deflater = Deflater::new(1).takeover();
    let mut history = History::new(15);
    let said = text(&mut rng, 2_000);
    for len in [1, 5, 300, 100_000] {
        let compressed = deflater.deflate(&said).unwrap();
        assert_eq!(inflate_next(&compressed, &mut history).unwrap(), said);
        let random: Vec<u8> = (0..len).map(|_| noise(&mut rng)).collect();
        assert_eq!(deflater.deflate(&random), None);
        // The client has not got that by way of compression: the next one stands alone.
        let compressed = deflater.deflate(&random.repeat(3));
        if let Some(compressed) = compressed {
            assert_eq!(inflate(&compressed).unwrap(), random.repeat(3));
            assert_eq!(inflate_next(&compressed, &mut history).unwrap(), random.repeat(3));
        }
    }
    assert_eq!(deflater.deflate(b""), None);
}

#[test]
fn after_a_loss_nothing_refers_to_what_may_be_lost() {
    let message = text(&mut Rng::new(4), 2_000);
    let mut deflater = Deflater::new(6).takeover();
    let alone = deflater.deflate(&message).unwrap();
    assert_ne!(deflater.deflate(&message).unwrap(), alone);
    deflater.reset();
    assert_eq!(deflater.deflate(&message).unwrap(), alone);
}

/// Inflates with a window of this size and no more, so that what lies further back is overwritten.
fn inflate_in_a_ring(payload: &[u8], bits: u8) -> Option<Vec<u8>> {
    let mut ring = vec![0; 1 << bits];
    let (mut decompressor, mut inflated, mut at) = (DecompressorOxide::new(), Vec::new(), 0);
    let stream = [payload, &TAIL].concat();
    let mut input = &stream[..];
    loop {
        let (status, taken, written) =
            decompress(&mut decompressor, input, &mut ring, at, TINFL_FLAG_HAS_MORE_INPUT);
        input = &input[taken..];
        inflated.extend_from_slice(&ring[at..at + written]);
        at = (at + written) % ring.len();
        if status == TINFLStatus::NeedsMoreInput {
            return Some(inflated);
        }
        if status != TINFLStatus::HasMoreOutput {
            return None;
        }
    }
}

#[test]
fn small_windows_are_kept_to() {
    let mut rng = Rng::new(5);
    // It comes again at every distance.
    let phrase = text(&mut rng, 300);
    let mut message = Vec::new();
    for gap in [10, 500, 3_000, 9_000, 20_000] {
        message.extend_from_slice(&phrase);
        message.extend_from_slice(&text(&mut rng, gap));
    }
    for level in [1, 2, 6, 9] {
        for bits in 9..15 {
            let mut deflater = Deflater::new(level).takeover().window_bits(bits);
            for _ in 0..2 {
                let compressed = deflater.deflate(&message).unwrap();
                assert_eq!(
                    inflate_in_a_ring(&compressed, bits).as_ref(),
                    Some(&message),
                    "{level} {bits}"
                );
                assert_eq!(inflate(&compressed).unwrap(), message);
            }
        }
    }
    // The trial is one: with the whole window there are references that a small one does not have.
    let compressed = Deflater::new(6).window_bits(15).deflate(&message).unwrap();
    assert_eq!(inflate_in_a_ring(&compressed, 15).as_ref(), Some(&message));
    assert_ne!(inflate_in_a_ring(&compressed, 12), Some(message));
}

/// An agreed window of the client is all that is kept of what it sent.
#[test]
fn a_history_has_no_more_than_its_window() {
    let mut history = History::new(9);
    let message = text(&mut Rng::new(6), 400);
    for _ in 0..4 {
        let compressed = Deflater::new(1).deflate(&message).unwrap();
        inflate_next(&compressed, &mut history).unwrap();
    }
    assert_eq!(history.len(), 512);
    assert!(History::new(255).is_empty());
}

#[test]
fn a_bomb_is_cut_at_the_limit() {
    // Of zeros, whose compressed form repeats itself: a piece of it a thousand times is a gigabyte.
    let zeros = vec![0; MEGABYTE];
    let mut deflater = Deflater::new(9).takeover();
    deflater.deflate(&zeros).unwrap();
    let piece = [&deflater.deflate(&zeros).unwrap(), &TAIL[..]].concat();
    let bomb =
        [&Deflater::new(9).deflate(&zeros).unwrap(), &TAIL[..], &piece.repeat(1023)].concat();
    assert!(bomb.len() < 2 * MEGABYTE, "{}", bomb.len());
    let mut inflater = Inflater::new();
    for size_max in [0, 1, 1000, MEGABYTE] {
        let error = inflater.inflate(&bomb, size_max, None).unwrap_err();
        assert_eq!(error, FrameError::TooLarge { size: size_max as u64 + 1, size_max });
        assert_eq!(error.answer(), CloseCode::TOO_BIG);
    }
    // What of it is within the limit is in order; and no more room is kept than is of use.
    let one = Deflater::new(9).deflate(&zeros).unwrap();
    assert_eq!(inflater.inflate(&one, MEGABYTE, None).unwrap(), zeros);
    let error = inflater.inflate(&one, MEGABYTE - 1, None).unwrap_err();
    assert_eq!(error.answer(), CloseCode::TOO_BIG);
    assert_eq!(format!("{inflater:?}"), "Inflater { room: 131072, .. }");
}

/// Bits, the first of them the lowest of its octet, as RFC 1951 3.1.1 has it.
fn bits(text: &str) -> Vec<u8> {
    let bits: Vec<_> = text.bytes().map(|bit| bit - b'0').collect();
    bits.chunks(8).map(|octet| octet.iter().rev().fold(0, |sum, bit| sum << 1 | bit)).collect()
}

#[test]
fn blocks_that_are_there_to_take_time() {
    // Ten bits each: not the last, fixed codes, end of block.
    for count in [1000, 50_000] {
        let blocks = bits(&("0100000000".repeat(count) + "000"));
        let inflated = inflate(&blocks);
        match count {
            1000 => assert_eq!(inflated, Ok(Bytes::new())),
            _ => {
                let error = inflated.unwrap_err();
                assert_eq!(error, FrameError::Inflate(InflateError::TooManyBlocks));
                assert_eq!(error.answer(), CloseCode::POLICY);
            }
        }
    }
    // A message in many fragments, with a flush behind each.
    let mut deflater = Deflater::new(1).takeover();
    let fragment = deflater.deflate(&[b'x'; 64]).unwrap();
    let fragments = [&fragment, &TAIL[..]].concat().repeat(5_000);
    let whole = inflate(&fragments[..fragments.len() - TAIL.len()]).unwrap();
    assert_eq!(whole, vec![b'x'; 64 * 5_000]);
}

#[test]
fn what_is_cut_or_no_deflate_is_found() {
    for payload in
        ["", "06", "07 00", "00 05 00 fa fe 48", "ff ff ff ff", "f2 48 cd c9 c9 07", "f2"]
    {
        let payload: Vec<u8> = if payload.is_empty() { Vec::new() } else { hex(payload) };
        assert_eq!(inflate(&payload), Err(CORRUPT), "{payload:x?}");
    }
    let message = text(&mut Rng::new(7), 3_000);
    let compressed = Deflater::new(6).deflate(&message).unwrap();
    let missed: Vec<_> =
        (0..compressed.len()).filter(|cut| inflate(&compressed[..*cut]) != Err(CORRUPT)).collect();
    // Where the octets behind the cut look like an end, nobody can tell.
    assert!(missed.len() < compressed.len() / 20, "{missed:?} of {}", compressed.len());
}

#[test]
fn what_was_inflated_before_cannot_be_referred_to() {
    let mut inflater = Inflater::new();
    let secret = b"the password of somebody else".repeat(20);
    let compressed = Deflater::new(6).deflate(&secret).unwrap();
    assert_eq!(inflater.inflate(&compressed, 1000, None).unwrap(), secret);
    // A reference five octets back, at the start.
    assert_eq!(inflater.inflate(&hex("f2 00 11 00 00"), 1000, None), Err(CORRUPT));
    // The same behind one octet of its own.
    let mut history = History::new(15);
    let own = inflater.inflate(&hex("00 01 00 fe ff 61 00"), 1000, Some(&mut history));
    assert_eq!(own.as_deref(), Ok(&b"a"[..]));
    let error = inflater.inflate(&hex("f2 00 11 00 00"), 1000, Some(&mut history));
    assert_eq!(error, Err(CORRUPT));
}

#[test]
fn frames_are_marked() {
    let hello = "Hello, hello, hello, hello, hello".repeat(3);
    let mut deflater = Deflater::new(6);
    let mut frame = BytesMut::new();
    assert!(deflater.encode(Opcode::Text, hello.as_bytes(), &mut frame));
    assert_eq!((frame[0], usize::from(frame[1])), (0xC1, frame.len() - 2));
    let mut inflater = Inflater::new();
    let mut judge = |first: u8, payload: &[u8]| {
        let payload = Bytes::copy_from_slice(payload);
        read(Flags::from(first), payload, 1000, &mut inflater, None)
    };
    let text = Incoming::Message(Message::from(hello.clone()));
    assert_eq!(judge(0xC1, &frame[2..]), Ok(text.clone()));
    let octets = Incoming::Message(Message::from(hello.clone().into_bytes()));
    assert_eq!(judge(0xC2, &frame[2..]), Ok(octets));
    assert_eq!(judge(0x81, hello.as_bytes()), Ok(text));
    // Marks where none may be.
    for (first, rsv) in [(0xC9, 4), (0xC8, 4), (0xC0, 4), (0x41, 4), (0xE1, 6), (0xA1, 2)] {
        let error = FrameError::ReservedBits { rsv };
        assert_eq!(judge(first, &frame[2..]), Err(error), "{first:x}");
    }
    // What is inflated is judged too: this is one octet, 0xFF.
    let error = judge(0xC1, &hex("00 01 00 fe ff ff 00")).unwrap_err();
    assert_eq!(error.answer(), CloseCode::INVALID_PAYLOAD);
    assert!(judge(0xC2, &hex("00 01 00 fe ff ff 00")).is_ok());
    frame.clear();
    assert!(!deflater.encode(Opcode::Binary, b"no", &mut frame));
    assert_eq!(frame, &b"\x82\x02no"[..]);
}

#[test]
fn rows_of_frames_are_compressed_one_by_one() {
    let long = "Hello, hello, hello, hello! ".repeat(10);
    let longer = "x".repeat(70_000);
    let mut frames = BytesMut::new();
    for message in [&long, "short", &longer, &long] {
        Message::from(message.to_owned()).encode(&mut frames);
        super::super::encode(Opcode::Ping, b"?", &mut frames);
    }
    let mut rest = Deflater::new(6).takeover().encode_all(&frames.freeze(), 10);
    assert!(rest.len() < 250, "{}", rest.len());
    let (mut inflater, mut history) = (Inflater::new(), History::new(15));
    let mut heard = Vec::new();
    while !rest.is_empty() {
        let (head_len, len) = match rest[1] {
            126 => (4, usize::from(u16::from_be_bytes([rest[2], rest[3]]))),
            len => (2, usize::from(len)),
        };
        let frame = rest.split_to(head_len + len);
        let payload = frame.slice(head_len..);
        heard.push(read(
            Flags::from(frame[0]),
            payload,
            1 << 20,
            &mut inflater,
            Some(&mut history),
        ));
    }
    let ping = Incoming::Ping(Bytes::from_static(b"?"));
    let expected = [&long, "short", &longer, &long].map(|message| {
        [Ok(Incoming::Message(Message::from(message.to_owned()))), Ok(ping.clone())]
    });
    assert_eq!(heard, expected.concat());
    // What is no row of frames stays as it is.
    let no_rows = [
        &b""[..],
        b"\x81",
        b"\x81\x05abc",
        b"\x81\x7E\0\x05abcde",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    ];
    for octets in no_rows {
        let octets = Bytes::from_static(octets);
        assert_eq!(Deflater::new(1).encode_all(&octets, 0), octets);
    }
}
