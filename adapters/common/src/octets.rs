//! Reading without copying, writing from many pieces.

use std::io::{self, IoSlice, Read, Write};

use bytes::{Buf, Bytes, BytesMut};
use mongrel2_transceiver::Segments;

/// Memory that streams are read into. One serves all streams of a driver.
///
/// What was read is split off, so that a payload stays where the kernel wrote it. All memory is
/// initialised when a block is made, once for many reads, since safe code reads into nothing else.
#[derive(Debug, Default)]
pub struct ReadBlock {
    /// What is left of the block, all of it initialised.
    rest: BytesMut,
}

impl ReadBlock {
    /// Reads once, at most `max` octets. No octets mean the end of the stream.
    ///
    /// Also returns whether the stream gave less than there was room for. Then it has no more for
    /// the moment.
    ///
    /// # Errors
    /// What the stream fails with; [`io::ErrorKind::WouldBlock`] where it has nothing yet.
    pub fn read(&mut self, stream: &mut impl Read, max: usize) -> io::Result<(Bytes, bool)> {
        let max = max.clamp(1, READ_SIZE_MAX);
        if self.rest.len() < max {
            self.rest = BytesMut::zeroed(BLOCK_SIZE);
        }
        let room = &mut self.rest[..max];
        let count = uninterrupted(|| stream.read(room))?;
        let data = if count <= COPY_SIZE_MAX {
            Bytes::copy_from_slice(&room[..count])
        } else {
            self.rest.split_to(count).freeze()
        };
        Ok((data, count < max))
    }

    /// Reads and forgets what a stream has at hand, within reason: for a stream about to be closed.
    ///
    /// Closing a TCP stream with unread octets resets it (RFC 9293 3.10.4, RFC 2525 2.17), and that
    /// destroys octets on their way to the peer.
    pub fn discard(&mut self, stream: &mut impl Read) {
        for _ in 0..DISCARDS_MAX {
            match self.read(stream, READ_SIZE_MAX) {
                Ok((_, false)) => {}
                Ok((_, true)) | Err(_) => return,
            }
        }
    }
}

/// Writes all of `data`, as far as the stream takes it; what it took is gone from `data`.
///
/// # Errors
/// What the stream fails with; [`io::ErrorKind::WouldBlock`] where it takes no more for now.
pub fn write(stream: &mut impl Write, data: &mut Segments) -> io::Result<()> {
    while !data.is_empty() {
        let count = uninterrupted(|| {
            let mut slices = [IoSlice::new(&[]); SLICES_MAX];
            let used = data.chunks_vectored(&mut slices);
            stream.write_vectored(&slices[..used])
        })?;
        if count == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        data.advance(count);
    }
    Ok(())
}

/// Repeats a system call that a signal cut short.
fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Large, so that it is made once for many reads.
const BLOCK_SIZE: usize = 256 * 1024;
/// The most for one read: a machine that asks for more is given less, which the contract allows.
/// A fraction of the block, so that the end of a block wastes little.
const READ_SIZE_MAX: usize = 64 * 1024;
/// What is this small is copied out of the block: that is cheap, and a lone short message that an
/// application keeps does not hold on to a whole block.
const COPY_SIZE_MAX: usize = 1024;
/// Pieces per write: a fraction of what POSIX systems take (IOV_MAX), and 1 KiB of stack.
const SLICES_MAX: usize = 64;
/// 1 MiB, some more than the usual receive buffer.
const DISCARDS_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_come_out_as_they_went_in() {
        let all: Vec<u8> = (0..=255).cycle().take(1_000_000).collect();
        let (mut stream, mut block, mut out) = (&all[..], ReadBlock::default(), Vec::new());
        let mut kept = Vec::new();
        for max in [1, 1024, 1025, 5000, 70_000, usize::MAX].into_iter().cycle() {
            let (data, short) = block.read(&mut stream, max).unwrap();
            assert!(data.len() <= max);
            assert_eq!(short, data.len() < max.min(READ_SIZE_MAX));
            if data.is_empty() {
                break;
            }
            out.extend_from_slice(&data);
            kept.push(data); // later reads must not write into what was handed out
        }
        assert!(out == all && kept.concat() == all);
    }

    #[test]
    fn small_reads_leave_the_block_alone() {
        let (mut block, small) = (ReadBlock::default(), [7; 100]);
        block.read(&mut &small[..], 4096).unwrap();
        assert_eq!(block.rest.len(), BLOCK_SIZE);
    }

    /// Takes a few octets at a time, is interrupted now and then, and never takes more than `room`.
    struct Reluctant {
        taken: Vec<u8>,
        room: usize,
        calls: usize,
    }

    impl Write for Reluctant {
        fn write(&mut self, data: &[u8]) -> io::Result<usize> {
            self.calls += 1;
            if self.calls % 3 == 0 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            if self.room == 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let count = data.len().min(5).min(self.room);
            self.room -= count;
            self.taken.extend_from_slice(&data[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_was_not_taken_is_left() {
        let pieces = (0..200_u8).map(|n| Bytes::from(vec![n; usize::from(n % 7)]));
        let mut data: Segments = pieces.clone().collect();
        let mut stream = Reluctant { taken: Vec::new(), room: 300, calls: 0 };
        let error = write(&mut stream, &mut data).unwrap_err();
        assert_eq!((error.kind(), stream.taken.len()), (io::ErrorKind::WouldBlock, 300));
        stream.room = usize::MAX;
        write(&mut stream, &mut data).unwrap();
        assert!(data.is_empty());
        assert_eq!(stream.taken, pieces.collect::<Vec<_>>().concat());
    }

    #[test]
    fn a_stream_that_takes_nothing_is_an_error() {
        let mut data = Segments::from(Bytes::from_static(b"x"));
        let error = write(&mut &mut [][..], &mut data).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WriteZero);
    }
}
