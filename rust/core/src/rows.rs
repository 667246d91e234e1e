//! The rows of a page as COPY tuples.

use crate::ordered::Ordered;
use crate::walk::members_of;

/// COPY tuples, one after the other, and where each starts.
#[derive(Debug, Default)]
pub struct Rows {
    pub(crate) bytes: Vec<u8>,
    pub(crate) places: Vec<Place>,
    pub(crate) order: Order,
    /// Of the records that were put into another order: the numbers that their members had before.
    pub(crate) numbers: Vec<u8>,
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

/// Where a tuple, its key's field and that of the whole record start, and the record that it comes from.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Place {
    pub(crate) start: usize,
    pub(crate) key: usize,
    /// 0 where the record is none, or not to be put into order.
    pub(crate) data: usize,
    /// Where the numbers of the record's members start.
    pub(crate) numbers: usize,
    /// Byte of the page at which the record starts.
    pub(crate) offset: usize,
    /// The record's place among the page's records, refused ones included.
    pub(crate) index: usize,
}

impl Rows {
    /// The tuples in the order of the page, without header and trailer.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The tuple numbered `row`.
    pub(crate) fn tuple(&self, row: usize) -> &[u8] {
        let end = self.places.get(row + 1).map_or(self.bytes.len(), |next| next.start);
        &self.bytes[self.places[row].start..end]
    }

    /// The tuple numbered `row` with the record as it came.
    pub(crate) fn original(&self, row: usize) -> Vec<u8> {
        let mut tuple = self.tuple(row).to_vec();
        let place = &self.places[row];
        let end = self.places.get(row + 1).map_or(self.numbers.len(), |next| next.numbers);
        let numbers = &self.numbers[place.numbers..end];
        let place = Place { start: 0, data: place.data.saturating_sub(place.start), ..*place };
        if !numbers.is_empty()
            && let Some(record) = record_mut(&mut tuple, &place)
        {
            let mut before = Vec::with_capacity(record.len());
            Ordered::restore(record, &members_of(record), numbers, &mut before);
            record.copy_from_slice(&before);
        }
        tuple
    }

    /// The record in the tuple at `place`, the last one, if it is a field.
    pub(crate) fn record_mut(&mut self, place: &Place) -> Option<&mut [u8]> {
        record_mut(&mut self.bytes, place)
    }

    /// The key of the row numbered `row`.
    pub(crate) fn key(&self, row: usize) -> &[u8] {
        self.key_at(&self.places[row])
    }

    /// The key of the row at `place`: what follows the length of its field.
    fn key_at(&self, place: &Place) -> &[u8] {
        if self.order == Order::None {
            return &[];
        }
        let Some((length, rest)) = self.bytes[place.key..].split_first_chunk() else { return &[] };
        &rest[..usize::try_from(i32::from_be_bytes(*length)).unwrap_or(0).min(rest.len())]
    }

    /// The first bytes of a key as a number that compares as the key does.
    pub(crate) fn prefix(&self, place: &Place) -> u64 {
        let key = self.key_at(place);
        let mut first = [0; 8];
        let length = key.len().min(first.len());
        first[..length].copy_from_slice(&key[..length]);
        // The sign's bit turned over, negative numbers come first.
        u64::from_be_bytes(first) ^ if self.order == Order::Whole { 1 << 63 } else { 0 }
    }
}

/// The record in `bytes`, if the tuple at `place` has it as a field: behind its length and the version of `jsonb`.
fn record_mut<'a>(bytes: &'a mut [u8], place: &Place) -> Option<&'a mut [u8]> {
    if place.data == 0 {
        return None;
    }
    let (length, value) = bytes[place.data..].split_first_chunk_mut()?;
    let length = usize::try_from(i32::from_be_bytes(*length)).ok()?;
    value.get_mut(1..length)
}
