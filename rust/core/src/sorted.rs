//! The rows of several pages in the order of their keys: the order in which an index is filled from left to right, and in
//! which all writers lock.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::ops::Range;

use crate::failpoints;
use crate::rows::{Order, Rows};

/// Which rows of some pages, made with one plan, and in which order.
///
/// Keys compare bytewise, numbers by size. Rows with equal keys keep their order; without a key column all do. The pages
/// are given to each call again and must be the same ones.
#[derive(Debug, Default, Clone)]
pub struct Sorted {
    tickets: Vec<Ticket>,
    repeated: usize,
}

/// The record that a row comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The number of the page.
    pub page: usize,
    /// The place of the record among the page's records.
    pub index: usize,
    /// Byte of the page at which it starts.
    pub offset: usize,
}

impl Sorted {
    /// Sort all rows of `pages`.
    #[must_use]
    pub fn new(pages: &[&Rows]) -> Self {
        let mut tickets = Vec::with_capacity(pages.iter().map(|page| page.places.len()).sum());
        // No page has 2^32 rows: each takes at least two bytes of a body, and places of 32 bytes.
        for (page, number) in pages.iter().zip(0..) {
            let places = page.places.iter().zip(0..);
            tickets.extend(places.map(|(place, row)| Ticket::new(page.prefix(place), number, row)));
        }
        if pages.iter().all(|page| page.order == Order::None) {
            return Self { tickets, repeated: 0 };
        }
        let mut repeated = 0;
        // Nearly all keys differ in their first bytes: the rest is looked at only where those are equal.
        tickets.sort_unstable();
        for alike in tickets.chunk_by_mut(|a, b| a.prefix() == b.prefix()).filter(|alike| alike.len() > 1) {
            alike.sort_by(|a, b| a.key(pages).cmp(b.key(pages)));
            repeated += alike.windows(2).filter(|pair| pair[0].key(pages) == pair[1].key(pages)).count();
        }
        Self { tickets, repeated }
    }

    /// The number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tickets.len()
    }

    /// There is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tickets.is_empty()
    }

    /// The number of rows whose key an earlier row has.
    #[must_use]
    pub const fn repeated(&self) -> usize {
        self.repeated
    }

    /// The tuples of the rows in `range`. A COPY stream has [`HEADER`](crate::HEADER) before the first row, and
    /// [`TRAILER`](crate::TRAILER) after the last.
    #[must_use]
    pub fn tuples(&self, pages: &[&Rows], range: Range<usize>) -> Vec<u8> {
        let tickets = self.tickets.get(range).unwrap_or_default();
        let mut tuples = Vec::with_capacity(tickets.iter().map(|ticket| ticket.tuple(pages).len()).sum());
        failpoints::pass("mid_copy_stream");
        for ticket in tickets {
            tuples.extend_from_slice(ticket.tuple(pages));
        }
        tuples
    }

    /// The keys, as they stand in their fields.
    #[must_use]
    pub fn keys<'a>(&'a self, pages: &'a [&'a Rows]) -> impl ExactSizeIterator<Item = &'a [u8]> {
        self.tickets.iter().map(|ticket| ticket.key(pages))
    }

    /// Where the row numbered `row` comes from, and its tuple, with a record that is a field as it came.
    #[must_use]
    pub fn row(&self, pages: &[&Rows], row: usize) -> Option<(Origin, Vec<u8>)> {
        let ticket = self.tickets.get(row)?;
        let place = pages[ticket.page()].places[ticket.row()];
        Some((
            Origin { page: ticket.page(), index: place.index, offset: place.offset },
            pages[ticket.page()].original(ticket.row()),
        ))
    }

    /// Of rows with equal keys only the first, or only the last.
    #[must_use]
    pub fn unique(&self, pages: &[&Rows], last: bool) -> Self {
        if self.repeated == 0 {
            return self.clone();
        }
        let alike = self.tickets.chunk_by(|a, b| a.prefix() == b.prefix() && a.key(pages) == b.key(pages));
        let tickets = alike.filter_map(|alike| if last { alike.last() } else { alike.first() }).copied().collect();
        Self { tickets, repeated: 0 }
    }

    /// The rows whose keys are among `wanted`.
    #[must_use]
    pub fn only(&self, pages: &[&Rows], wanted: &HashSet<&[u8]>) -> Self {
        let mut rest = Self::default();
        for ticket in &self.tickets {
            let key = ticket.key(pages);
            if wanted.contains(key) {
                rest.repeated += usize::from(rest.tickets.last().is_some_and(|last| last.key(pages) == key));
                rest.tickets.push(*ticket);
            }
        }
        rest
    }

    /// Whether a key is in both; rows without a key have none.
    #[must_use]
    pub fn meets(&self, pages: &[&Rows], other: &Self, others: &[&Rows]) -> bool {
        if pages.iter().any(|page| page.order == Order::None) {
            return false;
        }
        let (mut mine, mut theirs) = (self.tickets.iter().peekable(), other.tickets.iter().peekable());
        while let (Some(a), Some(b)) = (mine.peek(), theirs.peek()) {
            match a.prefix().cmp(&b.prefix()).then_with(|| a.key(pages).cmp(b.key(others))) {
                Ordering::Less => mine.next(),
                Ordering::Greater => theirs.next(),
                Ordering::Equal => return true,
            };
        }
        false
    }
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

    fn key<'a>(self, pages: &[&'a Rows]) -> &'a [u8] {
        pages[self.page()].key(self.row())
    }

    fn tuple<'a>(self, pages: &[&'a Rows]) -> &'a [u8] {
        pages[self.page()].tuple(self.row())
    }
}
