//! Compressed messages: whatever a client sends or offers, and what we send.

use bytes::Bytes;
use mongrel2_transceiver::websocket::FrameError;
use mongrel2_transceiver::websocket::deflate::{Agreement, Deflater, History, Inflater, Terms};

use crate::choices::Choices;

/// What a client may do to an inflater, what a deflater may do to a client, and offers.
pub fn deflate(octets: &[u8]) {
    let mut choices = Choices::new(octets);
    match choices.below(3) {
        0 => inflate_anything(choices),
        1 => round_trip(choices),
        _ => negotiate(choices),
    }
}

/// Any octets, some messages of a session after each other: within the limit, or an error; and the same
/// whatever the inflater did before.
fn inflate_anything(mut choices: Choices<'_>) {
    let size_max = choices.pick(&[70_000, 300, 5, 0]);
    let bits = choices.octet();
    let (mut inflater, mut histories) = (Inflater::new(), [History::new(bits), History::new(bits)]);
    let takeover = choices.flag();
    loop {
        let is_last = !choices.flag();
        let payload = if is_last { choices.clone().rest() } else { choices.few() };
        let found = histories.each_mut().map(|history| {
            let history = takeover.then_some(history);
            let inflated = inflater.inflate(payload, size_max, history);
            drop(inflater.inflate(b"\xf2H\xcd\xc9\xc9\x07\x00", 5, None));
            inflated
        });
        assert_eq!(found[0], found[1], "nothing of others is in it");
        match &found[0] {
            Ok(message) => assert!(message.len() <= size_max),
            Err(error) => {
                assert!(error.answer().may_be_sent() && !error.to_string().is_empty());
                if let FrameError::TooLarge { size, .. } = error {
                    assert_eq!(*size, size_max as u64 + 1);
                }
                return;
            }
        }
        if is_last {
            return;
        }
    }
}

/// Messages of a session are what they were; exactly as large as they were.
fn round_trip(mut choices: Choices<'_>) {
    let (level, bits, takeover) = (choices.octet(), choices.octet(), choices.flag());
    let mut deflater = Deflater::new(level).window_bits(bits);
    if takeover {
        deflater = deflater.takeover();
    }
    let (mut inflater, mut history) = (Inflater::new(), History::new(15));
    while !choices.is_empty() {
        let message = choices.some(100_000);
        if choices.below(16) == 15 {
            deflater.reset();
        }
        let Some(compressed) = deflater.deflate(&message) else { continue };
        assert!(compressed.len() < message.len());
        if message.len() < 5_000 {
            let mut before = history.clone();
            let cut = inflater.inflate(&compressed, message.len() - 1, Some(&mut before));
            assert!(matches!(cut, Err(FrameError::TooLarge { .. })), "{cut:?}");
        }
        let mut alone = None;
        if !takeover {
            alone = Some(inflater.inflate(&compressed, message.len(), None));
        }
        let inflated = inflater.inflate(&compressed, message.len(), Some(&mut history));
        assert_eq!(inflated, Ok(message));
        assert!(alone.is_none_or(|alone| alone == inflated));
    }
}

/// What is accepted keeps to our terms, and would be accepted again.
fn negotiate(mut choices: Choices<'_>) {
    let terms = Terms { takeover: choices.flag(), small_windows: choices.flag() };
    let headers: [Bytes; 2] = [choices.few(), choices.clone().rest()].map(Bytes::copy_from_slice);
    let Some(agreed) = Agreement::accept(&headers, terms) else { return };
    assert!(terms.takeover || !agreed.server_takeover() && !agreed.client_takeover());
    assert!(terms.small_windows || agreed.server_window_bits() == 15);
    assert!((9..=15).contains(&agreed.server_window_bits()));
    assert!((8..=15).contains(&agreed.client_window_bits()));
    assert_eq!(Agreement::accept([agreed.to_string()], terms), Some(agreed));
}
