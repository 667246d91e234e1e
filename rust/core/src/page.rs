//! The walk of a page: its envelope, and the records in it.

use std::str;

use crate::error::{Broken, PageCode, PageError};
use crate::members::Member;
use crate::ndjson;
use crate::plan::Plan;
use crate::reject::{Flaw, RejectCode};
use crate::scan::Scan;
use crate::trie::{Node, ROOT, Trie};
use crate::unescape::unescape;
use crate::walk::{Pass, Span, Visit, Walker};

/// A byte order mark.
pub(crate) const BOM: &[u8] = b"\xef\xbb\xbf";

/// What a page says besides its records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Envelope {
    /// A number stands as it is written.
    pub next_cursor: Option<String>,
    pub has_more: Option<bool>,
    pub total: Option<u64>,
}

/// A record as it was found.
pub(crate) struct Found<'a> {
    pub(crate) offset: usize,
    pub(crate) raw: &'a [u8],
    pub(crate) flaw: Option<Flaw>,
}

/// Where the records go.
pub(crate) trait Sink<'a> {
    /// Whether it takes members.
    fn takes_members(&self) -> bool {
        false
    }

    /// Forget all records so far: an equal key replaces the array that they stood in.
    fn restart(&mut self);

    /// The next record. The spans of its columns are places in the page.
    fn record(&mut self, found: &Found<'a>, spans: &[Span], members: &[Member]);
}

/// Walk the page `body` and hand its records, with spans for `columns`, to `sink`.
pub(crate) fn walk<'a>(
    plan: &Plan,
    columns: &Trie,
    body: &'a [u8],
    sink: &mut impl Sink<'a>,
) -> Result<Envelope, PageError> {
    if plan.ndjson {
        return ndjson::walk(plan, columns, body, sink);
    }
    let mut scan = Scan::new(body, if body.starts_with(BOM) { BOM.len() } else { 0 });
    scan.whitespace();
    let root = scan.pos;
    match body.get(root) {
        None => return Err(PageError::new(PageCode::EmptyBody, root, "the page is empty")),
        Some(&opening) if opening == plan.opening => {}
        Some(_) if plan.records == ROOT => return Err(no_records(root)),
        Some(_) => return Err(PageError::new(PageCode::NotAnObject, root, "the page can't hold the records")),
    }
    let mut records = Records {
        node: plan.records,
        columns,
        spans: vec![Span::default(); columns.len()],
        walker: Walker::new(plan.max_depth).noting(sink.takes_members()),
        valid_utf8: simdutf8::basic::from_utf8(body).is_ok(),
        checked: 0,
        sink,
    };
    let mut spans = vec![Span::default(); plan.envelope.len()];
    Walker::new(usize::MAX).value(&mut scan, &plan.envelope, &mut spans, &mut records)?;
    records.check_utf8_outside(&mut scan, body.len());
    scan.whitespace();
    if scan.pos < body.len() {
        return Err(PageError::new(PageCode::Syntax, scan.pos, "something follows the page"));
    }
    if let Some(flaw) = scan.flaw {
        return Err(PageError::new(PageCode::Syntax, flaw.offset, flaw.code.describe()));
    }
    let found = spans[plan.records];
    if !found.of(body).starts_with(b"[") {
        let offset = if found.end == 0 { root } else { found.start };
        return Err(no_records(offset));
    }
    envelope(plan, body, &spans)
}

fn no_records(offset: usize) -> PageError {
    PageError::new(PageCode::RecordsMissing, offset, "there is no array of records")
}

/// Reads the array of records.
struct Records<'p, S> {
    /// Of the array, in the envelope's trie.
    node: Node,
    columns: &'p Trie,
    spans: Vec<Span>,
    walker: Walker,
    /// Whether the page as a whole is UTF-8. If not, each record is looked at.
    valid_utf8: bool,
    /// Up to where the text outside of records has been looked at, if the page isn't UTF-8.
    checked: usize,
    sink: &'p mut S,
}

impl<'a, S: Sink<'a>> Visit<'a> for Records<'_, S> {
    fn value(&mut self, scan: &mut Scan<'a>, node: Node) -> Result<bool, Broken> {
        if node != self.node {
            return Ok(false);
        }
        self.sink.restart();
        if scan.peek() != b'[' {
            return Ok(false);
        }
        self.check_utf8_outside(scan, scan.pos);
        scan.pos += 1;
        let outside = scan.flaw.take();
        scan.in_record = true;
        self.array(scan)?;
        scan.in_record = false;
        scan.flaw = outside;
        self.checked = scan.pos;
        Ok(true)
    }
}

impl<'a, S: Sink<'a>> Records<'_, S> {
    fn array(&mut self, scan: &mut Scan<'a>) -> Result<(), Broken> {
        scan.whitespace();
        if scan.peek() == b']' {
            scan.pos += 1;
            return Ok(());
        }
        loop {
            self.record(scan)?;
            scan.whitespace();
            match scan.peek() {
                b',' => {
                    scan.pos += 1;
                    scan.whitespace();
                }
                b']' => {
                    scan.pos += 1;
                    return Ok(());
                }
                _ => return Err(scan.broken("`,` or `]` is missing")),
            }
        }
    }

    #[inline]
    fn record(&mut self, scan: &mut Scan<'a>) -> Result<(), Broken> {
        let start = scan.pos;
        if scan.peek() != b'{' {
            scan.note(start, RejectCode::NotAnObject);
        }
        self.walker.value(scan, self.columns, &mut self.spans, &mut Pass)?;
        let raw = &scan.body[start..scan.pos];
        if !self.valid_utf8 {
            check_utf8(scan, start, raw);
        }
        let found = Found { offset: start, raw, flaw: scan.flaw.take() };
        self.sink.record(&found, &self.spans, self.walker.members.all());
        Ok(())
    }

    fn check_utf8_outside(&self, scan: &mut Scan<'a>, end: usize) {
        if !self.valid_utf8 {
            let start = self.checked.min(end);
            check_utf8(scan, start, &scan.body[start..end]);
        }
    }
}

/// Note the first byte of `raw`, which starts at `start`, that isn't UTF-8.
pub(crate) fn check_utf8(scan: &mut Scan<'_>, start: usize, raw: &[u8]) {
    if let Err(error) = str::from_utf8(raw) {
        scan.note(start + error.valid_up_to(), RejectCode::InvalidUtf8);
    }
}

fn envelope(plan: &Plan, body: &[u8], spans: &[Span]) -> Result<Envelope, PageError> {
    let value = |node: Option<Node>| {
        let span = node.map(|node| spans[node]).unwrap_or_default();
        (span, span.of(body))
    };
    let wrong = |span: Span, what| Err(PageError::new(PageCode::EnvelopeType, span.start, what));
    let next_cursor = match value(plan.next_cursor) {
        (_, b"" | b"null") => None,
        (_, raw @ [b'-' | b'0'..=b'9', ..]) => Some(String::from_utf8_lossy(raw).into_owned()),
        (span, [b'"', raw @ .., b'"']) => match text(raw) {
            Some(text) => Some(text),
            None => return wrong(span, "the next cursor holds half of a surrogate pair"),
        },
        (span, _) => return wrong(span, "the next cursor is neither a string nor a number"),
    };
    let has_more = match value(plan.has_more) {
        (_, b"" | b"null") => None,
        (_, b"true") => Some(true),
        (_, b"false") => Some(false),
        (span, _) => return wrong(span, "the word on whether more follows is not true or false"),
    };
    let total = match value(plan.total) {
        (_, b"" | b"null") => None,
        (span, raw) => match count(raw) {
            Some(total) => Some(total),
            None => return wrong(span, "the total is not a count"),
        },
    };
    Ok(Envelope { next_cursor, has_more, total })
}

fn text(raw: &[u8]) -> Option<String> {
    let mut text = Vec::with_capacity(raw.len());
    if !unescape(raw, &mut text) {
        return None;
    }
    String::from_utf8(text).ok()
}

/// A whole number, zero or more, that PostgreSQL's `bigint` holds. The scan has refused leading zeros.
fn count(raw: &[u8]) -> Option<u64> {
    let digits = raw.iter().all(u8::is_ascii_digit);
    if digits { u64::try_from(str::from_utf8(raw).ok()?.parse::<i64>().ok()?).ok() } else { None }
}
