//! Messages of all sizes, drawn from a seed: both ends of a test draw the same.

use std::sync::OnceLock;

use bytes::Bytes;
use mongrel2_transceiver::zmtp::{Frame, Message};

/// The frames of one message.
pub(crate) type Frames = Vec<Bytes>;

/// The endless row of messages of a seed: 1 to 5 frames each, of sizes around every border of the
/// frame format and now and then a mebibyte.
pub(crate) fn load(seed: u64) -> impl Iterator<Item = Frames> + Send {
    let mut dice = Dice(seed);
    std::iter::repeat_with(move || {
        let count = 1 + dice.below(5);
        (0..count).map(|_| frame(&mut dice)).collect()
    })
}

/// The message behind the last of a load: what is doubled comes before it.
pub(crate) fn end() -> Frames {
    vec![Bytes::from_static(b"the end")]
}

pub(crate) fn text(text: &str) -> Frames {
    vec![Bytes::copy_from_slice(text.as_bytes())]
}

pub(crate) fn message(frames: &[Bytes]) -> Message {
    let frames = frames.iter().cloned().map(Frame::from).collect();
    Message::from_frames(frames).expect("a load has no messages without frames")
}

pub(crate) fn frames(message: &Message) -> Frames {
    message.frames().map(Frame::bytes).collect()
}

/// Compares two messages, and shows sizes rather than mebibytes where they differ.
#[track_caller]
pub(crate) fn assert_same<T: AsRef<[u8]>>(what: &str, found: &[T], expected: &[Bytes]) {
    let found: Vec<&[u8]> = found.iter().map(AsRef::as_ref).collect();
    if found != expected {
        let show = |frames: &[&[u8]]| -> Vec<String> {
            let start = |frame: &[u8]| frame[..frame.len().min(16)].escape_ascii().to_string();
            frames.iter().map(|frame| format!("{} octets: {}", frame.len(), start(frame))).collect()
        };
        let expected: Vec<&[u8]> = expected.iter().map(AsRef::as_ref).collect();
        panic!("{what}: found {:?}, expected {:?}", show(&found), show(&expected));
    }
}

fn frame(dice: &mut Dice) -> Bytes {
    let size = match dice.below(2000) {
        0 => MEBIBYTE,
        1..=125 => 65_535,
        126..=250 => 65_536,
        other => [0, 1, 64, 255, 256][other % 5],
    };
    let noise = noise();
    let start = dice.below(noise.len() - size);
    noise.slice(start..start + size)
}

/// What all frames are cut from, so that a load costs neither time nor memory.
fn noise() -> &'static Bytes {
    static NOISE: OnceLock<Bytes> = OnceLock::new();
    NOISE.get_or_init(|| {
        let mut dice = Dice(0);
        (0..2 * MEBIBYTE / 8).flat_map(|_| dice.next().to_le_bytes()).collect()
    })
}

/// `SplitMix64`, as in the library.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number in `0..bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("below a usize")
    }
}

const MEBIBYTE: usize = 1 << 20;
