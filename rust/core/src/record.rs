//! The columns of one record, checked in the order of the plan.

use crate::plan::{Column, Kind, Plan};
use crate::reject::RejectCode;
use crate::timestamp;
use crate::unescape::unescape;
use crate::walk::Span;

/// What PostgreSQL's `jsonb` can take: lengths in it have 28 bits.
pub(crate) const MAX_BYTES: usize = (1 << 28) - 1;

/// Takes the fields of a row, in order.
pub(crate) trait Row<'a> {
    fn null(&mut self);
    /// The inside of a JSON string.
    fn text(&mut self, raw: &'a [u8], escaped: bool);
    /// Microseconds since 1970-01-01 UTC.
    fn timestamptz(&mut self, micros: i64);
    fn jsonb(&mut self, raw: &'a [u8]);
}

/// What the counts of a page need to know of an accepted record.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Facts {
    /// The inside of the key's string; an empty one stands for none, as empty keys are refused.
    pub(crate) key: Span,
    /// Of the first `timestamptz` column.
    pub(crate) timestamp: Option<i64>,
}

/// Why a record is refused, and the column at fault.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refusal {
    pub(crate) code: RejectCode,
    column: usize,
}

impl Refusal {
    /// For a person.
    #[cold]
    pub(crate) fn detail(self, plan: &Plan) -> String {
        format!("column `{}`: {}", plan.columns[self.column].name, self.code.describe())
    }
}

/// Reads the columns of records that the scan found no flaw in.
#[derive(Debug)]
pub(crate) struct Reader<'p> {
    plan: &'p Plan,
    now: i64,
    /// An unescaped string.
    scratch: Vec<u8>,
}

impl<'p> Reader<'p> {
    pub(crate) const fn new(plan: &'p Plan, now: i64) -> Self {
        Self { plan, now, scratch: Vec::new() }
    }

    /// Hand the columns at `spans` of `body` to `row`. After a refusal a part of them has been handed over.
    #[inline]
    pub(crate) fn read<'a>(
        &mut self,
        body: &'a [u8],
        spans: &[Span],
        row: &mut impl Row<'a>,
    ) -> Result<Facts, Refusal> {
        let plan = self.plan;
        let mut facts = Facts::default();
        for (index, column) in plan.columns.iter().enumerate() {
            let span = spans[column.node];
            let raw = span.of(body);
            let refuse = |code| Refusal { code, column: index };
            if matches!(raw, b"" | b"null") {
                if column.required {
                    return Err(refuse(RejectCode::RequiredMissing));
                }
                row.null();
                continue;
            }
            match (column.kind, raw) {
                (Kind::Jsonb, _) => row.jsonb(raw),
                (Kind::Text, [b'"', text @ .., b'"']) => {
                    if column.key {
                        self.check_key(text, span.escaped).map_err(refuse)?;
                        facts.key = Span { start: span.start + 1, end: span.end - 1, escaped: span.escaped };
                    }
                    row.text(text, span.escaped);
                }
                (Kind::Timestamptz, _) => {
                    let micros = self.timestamp(raw, span.escaped).map_err(refuse)?;
                    if plan.timestamp == Some(index) {
                        facts.timestamp = Some(micros);
                    }
                    row.timestamptz(micros);
                }
                (Kind::Text, _) => return Err(refuse(RejectCode::TypeMismatch)),
            }
        }
        Ok(facts)
    }

    fn check_key(&mut self, raw: &[u8], escaped: bool) -> Result<(), RejectCode> {
        let length = if escaped { self.unescaped(raw).len() } else { raw.len() };
        match length {
            0 => Err(RejectCode::EmptyKey),
            _ if length > self.plan.max_key_bytes => Err(RejectCode::KeyTooLong),
            _ => Ok(()),
        }
    }

    fn timestamp(&mut self, raw: &[u8], escaped: bool) -> Result<i64, RejectCode> {
        let now = self.now;
        match raw {
            [b'"', text @ .., b'"'] if escaped => timestamp::from_text(self.unescaped(text), now),
            [b'"', text @ .., b'"'] => timestamp::from_text(text, now),
            [b'-' | b'0'..=b'9', ..] => timestamp::from_number(raw, now),
            _ => Err(RejectCode::TypeMismatch),
        }
    }

    fn unescaped(&mut self, raw: &[u8]) -> &[u8] {
        self.scratch.clear();
        unescape(raw, &mut self.scratch);
        &self.scratch
    }
}

/// The inside of a JSON string as text.
///
/// The scan has made sure that it is UTF-8 and holds no half of a pair, so nothing is ever replaced here.
pub(crate) fn text(raw: &[u8], escaped: bool) -> String {
    if !escaped {
        return String::from_utf8_lossy(raw).into_owned();
    }
    let mut text = Vec::with_capacity(raw.len());
    unescape(raw, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// A guess at the bytes that a row takes besides the columns that are copied whole.
pub(crate) fn row_estimate(columns: &[Column]) -> usize {
    columns.iter().map(|column| if column.kind == Kind::Text { 44 } else { 12 }).sum::<usize>() + 2
}
