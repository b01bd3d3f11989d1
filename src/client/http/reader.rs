//! One connection's responses, read piece by piece.

use std::collections::VecDeque;
use std::mem;

use bytes::{Bytes, BytesMut};

use super::super::limits::Limits;
use super::super::received::Response;
use super::super::violation::{HandshakeError, HeadError, Violation};
use super::chunk;
use super::head::{self, Framing};
use super::lines::{Lines, TooLong};

/// What a response answers, as far as that changes how it is read (RFC 9112 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Asked {
    /// A request with the method HEAD: its response has no body.
    Head,
    /// A request with the method CONNECT: the response that grants it has no body.
    Connect,
    /// An opening handshake: `101` ends what is HTTP.
    Handshake,
    /// Any other request.
    Plain,
}

/// Octets of replies in, responses out.
#[derive(Clone, Debug)]
pub(in super::super) struct Reader {
    limits: Limits,
    /// What has no response yet.
    asked: VecDeque<Asked>,
    lines: Lines,
    place: Place,
    response: Response,
    body: BytesMut,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// A head, or more of it.
    Head,
    /// So many octets, which end the body.
    Body(usize),
    /// The body, up to the end of the connection.
    UntilEnd,
    /// The line before a chunk.
    ChunkSize,
    /// So many octets of a chunk.
    Chunk(usize),
    /// The empty line behind a chunk.
    ChunkEnd,
    /// What stands behind the last chunk.
    Trailers,
}

impl Reader {
    pub(in super::super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            asked: VecDeque::new(),
            lines: Lines::default(),
            place: Place::Head,
            response: Response::default(),
            body: BytesMut::new(),
        }
    }

    /// A request went out.
    pub(in super::super) fn expect(&mut self, asked: Asked) {
        self.asked.push_back(asked);
    }

    /// How many requests have no response yet.
    pub(in super::super) fn expected(&self) -> usize {
        self.asked.len()
    }

    /// Takes octets off `data` until a response is whole; none where all were taken before.
    ///
    /// An interim response (1xx) is one too, and leaves its request without its response. Behind
    /// a `101` the rest of `data` is no HTTP.
    pub(in super::super) fn next(
        &mut self,
        data: &mut Bytes,
    ) -> Result<Option<Response>, Violation> {
        while !data.is_empty() {
            if self.step(data)? {
                return Ok(Some(self.take()));
            }
        }
        Ok(None)
    }

    /// The connection has ended: the response that ends with it, if there is one.
    pub(in super::super) fn end(&mut self) -> Result<Option<Response>, Violation> {
        match self.place {
            Place::UntilEnd => Ok(Some(self.take())),
            Place::Head if self.lines.gathered().is_empty() => Ok(None),
            Place::Head
            | Place::Body(_)
            | Place::ChunkSize
            | Place::Chunk(_)
            | Place::ChunkEnd
            | Place::Trailers => Err(Violation::Cut),
        }
    }

    fn take(&mut self) -> Response {
        self.place = Place::Head;
        let body = self.body.split().freeze();
        let mut response = mem::take(&mut self.response);
        if response.body.is_empty() {
            response.body = body;
        }
        response
    }

    /// Takes some octets. Whether the response is whole now.
    fn step(&mut self, data: &mut Bytes) -> Result<bool, Violation> {
        match self.place {
            Place::Head => self.head(data),
            Place::Body(left) => {
                if self.body.is_empty() && data.len() >= left {
                    // All of it lies here, so that nothing needs to be copied.
                    self.response.body = data.split_to(left);
                    return Ok(true);
                }
                let left = self.copy(left, data);
                self.place = Place::Body(left);
                Ok(left == 0)
            }
            Place::UntilEnd => {
                self.judge_size(data.len())?;
                self.copy(usize::MAX, data);
                Ok(false)
            }
            Place::ChunkSize => self.chunk_size(data),
            Place::Chunk(left) => {
                let left = self.copy(left, data);
                self.place = if left == 0 { Place::ChunkEnd } else { Place::Chunk(left) };
                Ok(false)
            }
            Place::ChunkEnd => self.chunk_end(data),
            Place::Trailers => self.trailers(data),
        }
    }

    fn head(&mut self, data: &mut Bytes) -> Result<bool, Violation> {
        let asked = *self.asked.front().ok_or(Violation::Unasked)?;
        let size_max = self.limits.response_head_size_max;
        // Before a line is awaited that may never end; within the limit, which is judged next.
        let gathered = self.lines.gathered();
        let unseen = BEGIN_LEN.min(size_max).saturating_sub(gathered.len());
        if unseen > 0 {
            let begin = [gathered, &data[..data.len().min(unseen)]].concat();
            if !head::may_begin(&begin) {
                return Err(Violation::Head(HeadError::Version));
            }
        }
        let block = self.lines.block(data, size_max).map_err(|TooLong| self.head_too_large())?;
        let Some(block) = block else { return Ok(false) };
        let (response, framing) = head::parse(&block, asked != Asked::Head, &self.limits)?;
        let framing = match (asked, response.status) {
            (Asked::Connect, 200..=299) => Framing::Sized(0),
            (Asked::Handshake, 101) => framing,
            (_, 101) => return Err(Violation::Handshake(HandshakeError::Unasked)),
            _ => framing,
        };
        if !matches!(response.status, 100 | 102..=199) {
            self.asked.pop_front();
        }
        self.response = response;
        self.place = match framing {
            Framing::Sized(size) => {
                self.judge_size(size)?;
                Place::Body(size)
            }
            Framing::Chunked => Place::ChunkSize,
            Framing::UntilEnd => Place::UntilEnd,
        };
        Ok(self.place == Place::Body(0))
    }

    fn chunk_size(&mut self, data: &mut Bytes) -> Result<bool, Violation> {
        let line = self.lines.line(data, CHUNK_LINE_MAX).map_err(|TooLong| Violation::Chunk)?;
        let Some(line) = line else { return Ok(false) };
        let size = chunk::size(&line).ok_or(Violation::Chunk)?;
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        self.judge_size(size)?;
        self.place = if size == 0 { Place::Trailers } else { Place::Chunk(size) };
        Ok(false)
    }

    fn chunk_end(&mut self, data: &mut Bytes) -> Result<bool, Violation> {
        let line = self.lines.line(data, LINE_END.len()).map_err(|TooLong| Violation::Chunk)?;
        match line {
            Some(line) if line != LINE_END => Err(Violation::Chunk),
            Some(_) => {
                self.place = Place::ChunkSize;
                Ok(false)
            }
            None => Ok(false),
        }
    }

    fn trailers(&mut self, data: &mut Bytes) -> Result<bool, Violation> {
        let size_max = self.limits.response_head_size_max;
        let block = self.lines.block(data, size_max).map_err(|TooLong| self.head_too_large())?;
        let Some(block) = block else { return Ok(false) };
        self.response.trailers = head::parse_trailers(&block, &self.limits)?;
        Ok(true)
    }

    /// Copies at most `left` octets into the body. How many are left.
    fn copy(&mut self, left: usize, data: &mut Bytes) -> usize {
        let piece = data.split_to(left.min(data.len()));
        self.body.extend_from_slice(&piece);
        left - piece.len()
    }

    /// Whether so many octets may follow those of the body that are there.
    fn judge_size(&self, more: usize) -> Result<(), Violation> {
        let size_max = self.limits.response_body_size_max;
        if more > size_max.saturating_sub(self.body.len()) {
            return Err(Violation::BodyTooLarge { size_max });
        }
        Ok(())
    }

    const fn head_too_large(&self) -> Violation {
        Violation::HeadTooLarge { size_max: self.limits.response_head_size_max }
    }
}

const LINE_END: &[u8] = b"\r\n";

/// Extensions are of use to nobody, so they need not be long.
const CHUNK_LINE_MAX: usize = 4096;

/// Enough to see that something is no response.
const BEGIN_LEN: usize = 8;

#[cfg(test)]
mod tests;
