//! What a page says besides its records, by a walk that looks at them and keeps none.

use crate::error::PageError;
use crate::members::Member;
use crate::page::{self, Envelope, Found, Sink};
use crate::plan::Plan;
use crate::trie::Trie;
use crate::walk::Span;

/// Walk the page `body` for its envelope alone.
pub fn peek(plan: &Plan, body: &[u8]) -> Result<Envelope, PageError> {
    let (nothing, _) = Trie::new(&[]);
    page::walk(plan, &nothing, body, &mut Nowhere)
}

struct Nowhere;

impl<'a> Sink<'a> for Nowhere {
    fn restart(&mut self) {}

    #[inline]
    fn record(&mut self, _found: &Found<'a>, _spans: &[Span], _members: &[Member]) {}
}
