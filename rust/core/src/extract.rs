//! The record lane: records one by one become rows of values, by the same checks as on the fast lane.

use crate::error::Broken;
use crate::page::check_utf8;
use crate::plan::Plan;
use crate::record::{self, Reader, Row};
use crate::reject::{Flaw, Reject, RejectCode};
use crate::scan::Scan;
use crate::stats::{Counter, Stats};
use crate::walk::{Pass, Span, Walker};

/// A value of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field<'a> {
    Null,
    /// The inside of a JSON string.
    Text {
        raw: &'a [u8],
        escaped: bool,
    },
    /// Microseconds since 1970-01-01 UTC.
    Timestamptz(i64),
    Jsonb(&'a [u8]),
}

impl Field<'_> {
    /// The characters of a `Text` or `Jsonb`.
    #[must_use]
    pub fn to_text(&self) -> Option<String> {
        match *self {
            Self::Text { raw, escaped } => Some(record::text(raw, escaped)),
            Self::Jsonb(raw) => Some(record::text(raw, false)),
            Self::Null | Self::Timestamptz(_) => None,
        }
    }
}

/// The rows of the accepted records.
#[derive(Debug)]
pub struct Extracted<'a> {
    /// Row after row, each as long as the plan has columns.
    pub fields: Vec<Field<'a>>,
    /// The record that each row comes from.
    pub indexes: Vec<usize>,
    pub rejects: Vec<Reject<'a>>,
    pub stats: Stats,
}

/// Check `records` and take the plan's columns from each. Whitespace around a record is no part of it.
#[must_use]
pub fn extract<'a>(plan: &Plan, records: &[&'a [u8]], now_us: i64) -> Extracted<'a> {
    let mut reader = Reader::new(plan, now_us);
    let mut walker = Walker::new(plan.max_depth);
    let mut spans = vec![Span::default(); plan.record.len()];
    let mut counter = Counter::new();
    let mut fields = Fields(Vec::with_capacity(records.len() * plan.columns.len()));
    let mut indexes = Vec::with_capacity(records.len());
    let mut rejects = Vec::new();
    for (index, &raw) in records.iter().enumerate() {
        let before = fields.0.len();
        let refused = match scan(plan, &mut walker, &mut spans, raw) {
            Some(flaw) => Some((flaw.code, flaw.detail(0))),
            None => match reader.read(raw, &spans, &mut fields) {
                Ok(facts) => {
                    counter.count(facts, raw);
                    indexes.push(index);
                    None
                }
                Err(refusal) => Some((refusal.code, refusal.detail(plan))),
            },
        };
        if let Some((code, detail)) = refused {
            fields.0.truncate(before);
            rejects.push(Reject { index, offset: 0, code, detail, raw });
        }
    }
    Extracted { fields: fields.0, indexes, rejects, stats: counter.finish() }
}

/// Set the spans of the record `raw`, or give its first flaw.
fn scan(plan: &Plan, walker: &mut Walker, spans: &mut [Span], raw: &[u8]) -> Option<Flaw> {
    if raw.len() > record::MAX_BYTES {
        return Some(Flaw { offset: 0, code: RejectCode::TooLarge });
    }
    let mut scan = Scan::new(raw, 0);
    scan.in_record = true;
    scan.whitespace();
    if scan.pos < raw.len() && scan.peek() != b'{' {
        scan.note(scan.pos, RejectCode::NotAnObject);
    }
    if let Err(Broken { offset, .. }) = walker.value(&mut scan, &plan.record, spans, &mut Pass) {
        scan.note(offset, RejectCode::Syntax);
    } else {
        scan.whitespace();
        if scan.pos < raw.len() {
            scan.note(scan.pos, RejectCode::Syntax);
        }
    }
    if simdutf8::basic::from_utf8(raw).is_err() {
        check_utf8(&mut scan, 0, raw);
    }
    scan.flaw
}

struct Fields<'a>(Vec<Field<'a>>);

impl<'a> Row<'a> for Fields<'a> {
    fn null(&mut self) {
        self.0.push(Field::Null);
    }

    fn text(&mut self, raw: &'a [u8], escaped: bool) {
        self.0.push(Field::Text { raw, escaped });
    }

    fn timestamptz(&mut self, micros: i64) {
        self.0.push(Field::Timestamptz(micros));
    }

    fn jsonb(&mut self, raw: &'a [u8]) {
        self.0.push(Field::Jsonb(raw));
    }
}
