//! Compressed messages, inflated within a limit.

use bytes::Bytes;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY,
    TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

use super::super::{FrameError, InflateError};
use super::{History, TAIL};

/// Inflates messages, of any number of sessions in any order: nothing of a message stays in it but
/// room, of which it keeps at most 128 KiB.
pub struct Inflater {
    decompressor: Box<DecompressorOxide>,
    /// What is inflated goes here, behind the history that it may refer to. Octets of earlier messages
    /// are in it, behind what is written: no reference reaches those.
    room: Vec<u8>,
}

/// One message that is being inflated.
struct Work<'a> {
    inflater: &'a mut Inflater,
    /// Where the next octet goes.
    end: usize,
    /// Where the message begins, behind the history.
    start: usize,
    size_max: usize,
    blocks: usize,
    input_len: usize,
}

impl Inflater {
    /// An inflater, which has about 10 KiB to begin with.
    #[must_use]
    pub fn new() -> Self {
        Self { decompressor: Box::default(), room: Vec::new() }
    }

    /// Inflates one whole message, without the four octets that RFC 7692 7.2.1 leaves out; `history`
    /// is that of its client, where it may refer to earlier messages, and is taken further.
    ///
    /// Memory grows in pieces with what is really inflated, up to `size_max` octets.
    ///
    /// # Errors
    /// [`FrameError::TooLarge`] where more than `size_max` octets come out; [`FrameError::Inflate`]
    /// where the message is not what a compressor makes, or cut into so many blocks that it was made to
    /// take time. The history is useless then.
    pub fn inflate(
        &mut self,
        payload: &[u8],
        size_max: usize,
        history: Option<&mut History>,
    ) -> Result<Bytes, FrameError> {
        let before = history.as_ref().map_or(&[][..], |history| history.octets());
        let start = before.len();
        if self.room.len() < start {
            self.room.resize(start, 0);
        }
        self.room[..start].copy_from_slice(before);
        let mut work = Work {
            inflater: self,
            end: start,
            start,
            size_max,
            blocks: 0,
            input_len: payload.len(),
        };
        let inflated = work.run(payload);
        let end = work.end;
        let message = inflated.map(|()| Bytes::copy_from_slice(&self.room[start..end]));
        if let (Ok(message), Some(history)) = (&message, history) {
            history.push(message);
        }
        if self.room.len() > ROOM_KEPT {
            self.room.truncate(ROOM_KEPT);
            self.room.shrink_to_fit();
        }
        message
    }
}

impl Work<'_> {
    fn run(&mut self, payload: &[u8]) -> Result<(), FrameError> {
        self.inflater.decompressor.init();
        if payload.is_empty() {
            return Err(CORRUPT);
        }
        let ends_with_final_block = self.feed(payload)?;
        // A compressor that ends with a final block puts a further one behind it (RFC 7692 7.2.3.4); not
        // all do.
        if ends_with_final_block {
            return Ok(());
        }
        // The end of the empty block at the end, behind which no bit is left: else it ended something
        // that was cut. (Of what is cut, some happens to end so.)
        let mut tail = &TAIL[..];
        let step = self.step(&mut tail)?;
        let bits_left =
            self.inflater.decompressor.block_boundary_state().map(|state| state.num_bits);
        let is_whole = matches!(step, Step::BlockBoundary) && tail.is_empty();
        if is_whole && bits_left == Some(0) { Ok(()) } else { Err(CORRUPT) }
    }

    /// Inflates all of the payload. Whether nothing is open behind it.
    fn feed(&mut self, mut payload: &[u8]) -> Result<bool, FrameError> {
        loop {
            match self.step(&mut payload)? {
                Step::InputTaken => return Ok(false),
                Step::BlockBoundary => {}
                Step::End if payload.is_empty() => return Ok(true),
                // A final block ends nothing here: what follows may refer to it (RFC 7692 7.2.3.4).
                Step::End => self.inflater.decompressor.init(),
            }
        }
    }

    /// Inflates up to the end of a block or of the input.
    fn step(&mut self, input: &mut &[u8]) -> Result<Step, FrameError> {
        loop {
            self.make_room();
            let Inflater { decompressor, room } = &mut *self.inflater;
            // One octet above the limit has room, so that it is known when there is one.
            let most = self.start.saturating_add(self.size_max).saturating_add(1).min(room.len());
            let out = &mut room[..most];
            let (status, taken, written) = decompress(decompressor, input, out, self.end, FLAGS);
            *input = &input[taken..];
            self.end += written;
            let size = self.end - self.start;
            if size > self.size_max {
                let (size, size_max) = (size as u64, self.size_max);
                return Err(FrameError::TooLarge { size, size_max });
            }
            return Ok(match status {
                TINFLStatus::HasMoreOutput => continue,
                TINFLStatus::NeedsMoreInput => Step::InputTaken,
                TINFLStatus::BlockBoundary | TINFLStatus::Done => {
                    self.blocks += 1;
                    if self.blocks > BLOCKS_FREE + (self.input_len + size) / OCTETS_PER_BLOCK {
                        return Err(InflateError::TooManyBlocks.into());
                    }
                    if status == TINFLStatus::Done { Step::End } else { Step::BlockBoundary }
                }
                TINFLStatus::Failed
                | TINFLStatus::FailedCannotMakeProgress
                | TINFLStatus::BadParam
                | TINFLStatus::Adler32Mismatch
                | _ => return Err(CORRUPT),
            });
        }
    }

    /// Where all room is taken, makes as much again, up to the limit.
    fn make_room(&mut self) {
        let room = &mut self.inflater.room;
        if self.end >= room.len() {
            let most = self.start.saturating_add(self.size_max).saturating_add(1);
            let more = (2 * (self.end - self.start)).max(ROOM_MIN);
            let size = self.start.saturating_add(more).min(most);
            room.resize(size.max(self.end + 1), 0);
        }
    }
}

/// Where inflating stopped.
enum Step {
    /// All input is taken, within a block.
    InputTaken,
    /// A block ended.
    BlockBoundary,
    /// A block ended that says that it is the last one.
    End,
}

impl Default for Inflater {
    fn default() -> Self {
        Self::new()
    }
}

/// What is in it is of no use to anybody, and may be a secret.
impl std::fmt::Debug for Inflater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inflater").field("room", &self.room.len()).finish_non_exhaustive()
    }
}

const FLAGS: u32 = TINFL_FLAG_HAS_MORE_INPUT
    | TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF
    | TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY;

const CORRUPT: FrameError = FrameError::Inflate(InflateError::Corrupt);

/// Octets of room to begin with.
const ROOM_MIN: usize = 4 << 10;

/// Octets of room that are kept between messages.
const ROOM_KEPT: usize = 128 << 10;

/// Each block has tables that take about a microsecond to make, and an empty one has ten bits: a
/// megabyte of those would take a second. So many blocks are free, as of a message in many fragments
/// with a flush behind each.
const BLOCKS_FREE: usize = 1024;

/// For so many octets that come in, or out, there may be one block more.
const OCTETS_PER_BLOCK: usize = 32;
