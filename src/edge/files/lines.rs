//! Lines of a stream in bounded memory.

use std::io::{self, BufRead, Read};

/// Size of the read buffers.
pub(super) const BUFFER_BYTES: usize = 64 << 10;

/// Longest part of a line that is held at once.
const PART_BYTES: u64 = 64 << 10;

/// Reads lines; one that is longer than 64 KB comes in parts.
pub(super) struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
    at_start: bool,
}

/// One line with its end, or a part of one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) bytes: &'a [u8],
    /// Whether these bytes begin the line.
    pub(super) is_start: bool,
}

impl Line<'_> {
    /// Whether nothing but the line's end stands on it.
    pub(super) fn is_blank(&self) -> bool {
        self.is_start && matches!(self.bytes, b"\n" | b"\r\n")
    }
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, buffer: Vec::new(), at_start: true }
    }

    /// The next line, or none at the end. The same stream always parts in the same places.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.buffer.clear();
        let read = (&mut self.reader).take(PART_BYTES).read_until(b'\n', &mut self.buffer)?;
        if read == 0 {
            return Ok(None);
        }
        let is_start = self.at_start;
        self.at_start = self.buffer.ends_with(b"\n");
        Ok(Some(Line { bytes: &self.buffer, is_start }))
    }
}
