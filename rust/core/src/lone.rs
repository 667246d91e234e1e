//! One value on its own: a record of the record lane, a line of NDJSON, a constant.

use crate::error::Broken;
use crate::members::Member;
use crate::page::check_utf8;
use crate::reject::{Flaw, RejectCode};
use crate::scan::Scan;
use crate::trie::Trie;
use crate::walk::{Pass, Span, Walker};

/// What is wrong with a record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Verdict {
    pub(crate) flaw: Option<Flaw>,
    /// Whether the text ends within the record.
    pub(crate) early: bool,
}

/// Walks records one by one, each of which must be exactly one value, whitespace around it apart.
#[derive(Debug)]
pub(crate) struct Lone<'p> {
    trie: &'p Trie,
    walker: Walker,
    /// Of the last record: the places of the trie's nodes in the body.
    pub(crate) spans: Vec<Span>,
}

impl<'p> Lone<'p> {
    pub(crate) fn new(trie: &'p Trie, max_depth: usize) -> Self {
        Self { trie, walker: Walker::new(max_depth), spans: vec![Span::default(); trie.len()] }
    }

    /// Say whether the members of objects are `wanted`.
    pub(crate) fn noting(self, wanted: bool) -> Self {
        Self { walker: self.walker.noting(wanted), ..self }
    }

    /// Of the last record, if they are wanted.
    pub(crate) fn members(&self) -> &[Member] {
        self.walker.members.all()
    }

    /// Walk the record from `start` to the end of `body`.
    pub(crate) fn record(&mut self, body: &[u8], start: usize, valid_utf8: bool) -> Verdict {
        let mut scan = Scan::new(body, start);
        scan.in_record = true;
        scan.whitespace();
        if scan.pos < body.len() && scan.peek() != b'{' {
            scan.note(scan.pos, RejectCode::NotAnObject);
        }
        let early = self.value(&mut scan);
        if !valid_utf8 {
            check_utf8(&mut scan, start, &body[start..]);
        }
        Verdict { flaw: scan.flaw, early }
    }

    /// Step over the only value. True if the text ends within it.
    fn value(&mut self, scan: &mut Scan<'_>) -> bool {
        if let Err(Broken { offset, early, .. }) = self.walker.value(scan, self.trie, &mut self.spans, &mut Pass) {
            scan.note(offset, RejectCode::Syntax);
            return early;
        }
        scan.whitespace();
        if scan.pos < scan.body.len() {
            scan.note(scan.pos, RejectCode::Syntax);
        }
        false
    }
}

/// What is wrong with `json`, which is UTF-8, as a value of any type.
pub(crate) fn flaw(json: &[u8]) -> Option<RejectCode> {
    let (nothing, _) = Trie::new(&[]);
    let mut scan = Scan::new(json, 0);
    scan.in_record = true;
    Lone::new(&nothing, usize::MAX).value(&mut scan);
    scan.flaw.map(|flaw| flaw.code)
}
