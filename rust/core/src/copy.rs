//! Rows as tuples of PostgreSQL's binary COPY format.

use crate::record::Row;
use crate::timestamp::UNIX_TO_POSTGRES_US;
use crate::unescape::unescape;

/// Signature, flags and length of the header extension: what comes before the first tuple.
pub const HEADER: &[u8; 19] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// What comes after the last tuple.
pub const TRAILER: &[u8; 2] = b"\xff\xff";

const NULL: [u8; 4] = (-1_i32).to_be_bytes();
const JSONB_VERSION: u8 = 1;

/// Tuples, one after the other.
#[derive(Debug)]
pub(crate) struct Tuples {
    bytes: Vec<u8>,
    /// Where the last tuple starts.
    start: usize,
    field_count: [u8; 2],
}

impl Tuples {
    pub(crate) fn new(capacity: usize, field_count: [u8; 2]) -> Self {
        Self { bytes: Vec::with_capacity(capacity), start: 0, field_count }
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
    }

    #[inline]
    pub(crate) fn begin(&mut self) {
        self.start = self.bytes.len();
        self.bytes.extend_from_slice(&self.field_count);
    }

    /// Take back the last tuple.
    #[cold]
    pub(crate) fn abandon(&mut self) {
        self.bytes.truncate(self.start);
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    #[cold]
    fn escaped_text(&mut self, raw: &[u8]) {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&NULL);
        unescape(raw, &mut self.bytes);
        let written = length(self.bytes.len() - at - NULL.len());
        self.bytes[at..at + NULL.len()].copy_from_slice(&written);
    }
}

impl<'a> Row<'a> for Tuples {
    #[inline]
    fn null(&mut self) {
        self.bytes.extend_from_slice(&NULL);
    }

    #[inline]
    fn text(&mut self, raw: &'a [u8], escaped: bool) {
        if escaped {
            return self.escaped_text(raw);
        }
        self.bytes.extend_from_slice(&length(raw.len()));
        self.bytes.extend_from_slice(raw);
    }

    #[inline]
    fn timestamptz(&mut self, micros: i64) {
        let mut field = [0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0];
        field[4..].copy_from_slice(&(micros - UNIX_TO_POSTGRES_US).to_be_bytes());
        self.bytes.extend_from_slice(&field);
    }

    #[inline]
    fn jsonb(&mut self, raw: &'a [u8]) {
        let [a, b, c, d] = length(raw.len() + 1);
        self.bytes.extend_from_slice(&[a, b, c, d, JSONB_VERSION]);
        self.bytes.extend_from_slice(raw);
    }
}

/// The length of a field as it stands before the field. Records that it can't hold are refused before.
#[inline]
fn length(bytes: usize) -> [u8; 4] {
    i32::try_from(bytes).unwrap_or(i32::MAX).to_be_bytes()
}
