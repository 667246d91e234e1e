//! The rows of a page as COPY tuples, and those of several pages as one stream in the order of their keys.

use crate::copy::{HEADER, TRAILER};

/// COPY tuples, one after the other, and where each starts.
#[derive(Debug, Default)]
pub struct Rows {
    pub(crate) bytes: Vec<u8>,
    pub(crate) places: Vec<Place>,
    pub(crate) order: Order,
}

/// How the keys of rows compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Order {
    /// There is no key.
    #[default]
    None,
    /// Byte by byte.
    Bytes,
    /// As whole numbers.
    Whole,
}

/// Where a tuple starts, and its key's field.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) start: usize,
    pub(crate) key: usize,
}

impl Rows {
    /// The tuples in the order of the page, without header and trailer.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The tuple numbered `row`.
    fn tuple(&self, row: usize) -> &[u8] {
        let end = self.places.get(row + 1).map_or(self.bytes.len(), |next| next.start);
        &self.bytes[self.places[row].start..end]
    }

    /// The key of the row numbered `row`: what follows the length of its field.
    fn key(&self, row: usize) -> &[u8] {
        let at = self.places[row].key;
        let Some((length, rest)) = self.bytes[at..].split_first_chunk() else { return &[] };
        &rest[..usize::try_from(i32::from_be_bytes(*length)).unwrap_or(0).min(rest.len())]
    }

    /// The first bytes of a key as a number that compares as the key does.
    fn prefix(&self, row: usize) -> u64 {
        let key = self.key(row);
        let mut first = [0; 8];
        let length = key.len().min(first.len());
        first[..length].copy_from_slice(&key[..length]);
        // The sign's bit turned over, negative numbers come first.
        u64::from_be_bytes(first) ^ if self.order == Order::Whole { 1 << 63 } else { 0 }
    }
}

/// The rows of `pages`, made with one plan, as one binary COPY stream.
///
/// Rows are in the bytewise order of their keys (of numbers: in their order), so that an index is filled from left to
/// right, and all writers lock in one order. Rows with equal keys keep theirs; without a key column all do.
#[must_use]
pub fn copy_stream(pages: &[&Rows]) -> Vec<u8> {
    let length = pages.iter().map(|page| page.bytes.len()).sum::<usize>();
    let mut stream = Vec::with_capacity(HEADER.len() + length + TRAILER.len());
    stream.extend_from_slice(HEADER);
    if pages.iter().all(|page| page.order == Order::None) {
        for page in pages {
            stream.extend_from_slice(&page.bytes);
        }
    } else {
        for (_, page, row) in sorted(pages) {
            stream.extend_from_slice(pages[page].tuple(row));
        }
    }
    stream.extend_from_slice(TRAILER);
    stream
}

/// Prefix, page and row of each row, in order.
fn sorted(pages: &[&Rows]) -> Vec<(u64, usize, usize)> {
    let mut rows = Vec::with_capacity(pages.iter().map(|page| page.places.len()).sum());
    for (page, of) in pages.iter().enumerate() {
        rows.extend((0..of.places.len()).map(|row| (of.prefix(row), page, row)));
    }
    rows.sort_unstable_by(|a, b| {
        a.0.cmp(&b.0)
            .then_with(|| pages[a.1].key(a.2).cmp(pages[b.1].key(b.2)))
            .then_with(|| (a.1, a.2).cmp(&(b.1, b.2)))
    });
    rows
}
