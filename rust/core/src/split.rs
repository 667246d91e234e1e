//! A page as raw records, unchecked but for their borders.

use crate::error::PageError;
use crate::members::Member;
use crate::page::{self, Envelope, Found, Sink};
use crate::plan::Plan;
use crate::trie::Trie;
use crate::walk::Span;

/// The records of a page, as they are written.
#[derive(Debug)]
pub struct Split<'a> {
    pub records: Vec<&'a [u8]>,
    /// Byte of the page at which each starts.
    pub offsets: Vec<usize>,
    pub envelope: Envelope,
}

/// Split the page `body`. The records keep their places: a flawed one is there too.
pub fn split<'a>(plan: &Plan, body: &'a [u8]) -> Result<Split<'a>, PageError> {
    let (nothing, _) = Trie::new(&[]);
    let mut splitter = Splitter { records: Vec::new(), offsets: Vec::new() };
    let envelope = page::walk(plan, &nothing, body, &mut splitter)?;
    Ok(Split { records: splitter.records, offsets: splitter.offsets, envelope })
}

struct Splitter<'a> {
    records: Vec<&'a [u8]>,
    offsets: Vec<usize>,
}

impl<'a> Sink<'a> for Splitter<'a> {
    fn restart(&mut self) {
        self.records.clear();
        self.offsets.clear();
    }

    fn record(&mut self, found: &Found<'a>, _spans: &[Span], _members: &[Member]) {
        self.records.push(found.raw);
        self.offsets.push(found.offset);
    }
}
