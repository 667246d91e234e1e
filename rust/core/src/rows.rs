//! The rows of a page as COPY tuples, and those of several pages as one stream in the order of their keys.

use crate::copy::{HEADER, TRAILER};
use crate::failpoints;

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

    /// The key of the row numbered `row`.
    fn key(&self, row: usize) -> &[u8] {
        self.key_at(&self.places[row])
    }

    /// The key of the row at `place`: what follows the length of its field.
    fn key_at(&self, place: &Place) -> &[u8] {
        let at = place.key;
        let Some((length, rest)) = self.bytes[at..].split_first_chunk() else { return &[] };
        &rest[..usize::try_from(i32::from_be_bytes(*length)).unwrap_or(0).min(rest.len())]
    }

    /// The first bytes of a key as a number that compares as the key does.
    fn prefix(&self, place: &Place) -> u64 {
        let key = self.key_at(place);
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
    failpoints::pass("mid_copy_stream");
    if pages.iter().all(|page| page.order == Order::None) {
        for page in pages {
            stream.extend_from_slice(&page.bytes);
        }
    } else {
        for row in sorted(pages) {
            stream.extend_from_slice(pages[row.page()].tuple(row.row()));
        }
    }
    stream.extend_from_slice(TRAILER);
    stream
}

/// A row: the prefix of its key, then its page, then its place there. In this order they compare, as one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Ticket(u128);

#[expect(clippy::cast_possible_truncation, reason = "parts of a number are taken out")]
impl Ticket {
    fn new(prefix: u64, page: u32, row: u32) -> Self {
        Self(u128::from(prefix) << 64 | u128::from(page) << 32 | u128::from(row))
    }

    const fn prefix(self) -> u64 {
        (self.0 >> 64) as u64
    }

    const fn page(self) -> usize {
        (self.0 >> 32) as u32 as usize
    }

    const fn row(self) -> usize {
        self.0 as u32 as usize
    }
}

/// The rows of all pages in the order of their keys.
fn sorted(pages: &[&Rows]) -> Vec<Ticket> {
    let mut rows = Vec::with_capacity(pages.iter().map(|page| page.places.len()).sum());
    // No page has 2^32 rows: each takes at least two bytes of a body, and places of 16 bytes.
    for (page, number) in pages.iter().zip(0..) {
        let places = page.places.iter().zip(0..);
        rows.extend(places.map(|(place, row)| Ticket::new(page.prefix(place), number, row)));
    }
    // Nearly all keys differ in their first bytes: the rest is looked at only where those are equal.
    rows.sort_unstable();
    for alike in rows.chunk_by_mut(|a, b| a.prefix() == b.prefix()).filter(|alike| alike.len() > 1) {
        alike.sort_by(|a, b| pages[a.page()].key(a.row()).cmp(pages[b.page()].key(b.row())));
    }
    rows
}
