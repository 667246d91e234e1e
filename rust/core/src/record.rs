//! The columns of one record, checked in the order of the plan.

use crate::column::{Column, Kind, Mismatch, Source};
use crate::convert::Converter;
use crate::field::{Field, Row, Text};
use crate::lone;
use crate::plan::Plan;
use crate::reject::RejectCode;
use crate::rest::Rest;
use crate::timestamp::Tally;
use crate::trie::ROOT;
use crate::unescape::unescape;
use crate::walk::Span;

/// What PostgreSQL's `jsonb` can take: lengths in it have 28 bits.
pub(crate) const MAX_BYTES: usize = (1 << 28) - 1;

/// The key of a row.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Key {
    #[default]
    None,
    /// Where the inside of its string stands in the body.
    Text(Span),
    Whole(i64),
    Uuid([u8; 16]),
}

/// What the counts of a page need to know of an accepted record.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Facts {
    pub(crate) key: Key,
    /// Of the plan's timestamp column.
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
    /// How the timestamps of each column were written.
    pub(crate) tallies: Vec<Tally>,
    converter: Converter,
    rest: Rest,
    /// An unescaped key, or a rest.
    scratch: Vec<u8>,
}

impl<'p> Reader<'p> {
    /// `now` is when the page came: it is the ingest time, and bounds what a number may mean.
    pub(crate) fn new(plan: &'p Plan, now: i64) -> Self {
        Self {
            plan,
            now,
            tallies: vec![Tally::default(); plan.columns.len()],
            converter: Converter::default(),
            rest: Rest::default(),
            scratch: Vec::new(),
        }
    }

    /// Hand the columns at `spans` of `body` to `row`. After a refusal a part of them has been handed over.
    #[inline]
    pub(crate) fn read(&mut self, body: &[u8], spans: &[Span], row: &mut impl Row) -> Result<Facts, Refusal> {
        let plan = self.plan;
        let mut facts = Facts::default();
        for (index, column) in plan.columns.iter().enumerate() {
            let refuse = |code| Refusal { code, column: index };
            let written = match &column.source {
                Source::Record(node) => {
                    self.value(index, column, body, spans[*node], row, &mut facts).map_err(refuse)?
                }
                source => self.made(source, column, body, spans[ROOT], row).map_err(refuse)?,
            };
            if !written {
                if column.required {
                    return Err(refuse(RejectCode::RequiredMissing));
                }
                row.field(Field::Null);
            }
        }
        Ok(facts)
    }

    /// Convert the constant `json` for nobody. The error says what is wrong with it.
    pub(crate) fn try_constant(&mut self, column: &Column, json: &[u8]) -> Result<(), RejectCode> {
        if let Some(code) = lone::flaw(json) {
            return Err(code);
        }
        let there = self.value(0, column, json, whole(json), &mut Nobody, &mut Facts::default())?;
        if there || !column.required { Ok(()) } else { Err(RejectCode::RequiredMissing) }
    }

    /// Hand over a value that doesn't stand in the record, whose place is `record`.
    fn made(
        &mut self,
        source: &Source,
        column: &Column,
        body: &[u8],
        record: Span,
        row: &mut impl Row,
    ) -> Result<bool, RejectCode> {
        match source {
            Source::Constant(json) => self.value(0, column, json, whole(json), row, &mut Facts::default()),
            Source::IngestTime => {
                row.field(Field::Timestamptz(self.now));
                Ok(true)
            }
            Source::Rest | Source::Record(_) => {
                self.rest.write(body, record, &self.plan.taken, &mut self.scratch);
                let rest = &self.scratch;
                row.field(if column.kind == Kind::Json { Field::Json(rest) } else { Field::Jsonb(rest) });
                Ok(true)
            }
        }
    }

    /// Hand over the value at `span` of `body`; false if there is none, or none that counts.
    #[inline]
    fn value(
        &mut self,
        index: usize,
        column: &Column,
        body: &[u8],
        span: Span,
        row: &mut impl Row,
        facts: &mut Facts,
    ) -> Result<bool, RejectCode> {
        let raw = span.of(body);
        if matches!(raw, b"" | b"null") {
            return Ok(false);
        }
        let converted = match (column.kind, raw) {
            (Kind::Jsonb, _) => Ok(Field::Jsonb(raw)),
            (Kind::Text, [b'"', text @ .., b'"']) => Ok(Field::Text(Text { raw: text, escaped: span.escaped })),
            (Kind::Timestamptz, _) => match self.converter.timestamp(column, raw, span.escaped, self.now) {
                Ok(Some(reading)) => {
                    self.tallies[index].add(&reading);
                    if self.plan.timestamp == Some(index) {
                        facts.timestamp = Some(reading.micros);
                    }
                    Ok(Field::Timestamptz(reading.micros))
                }
                Ok(None) => return Ok(false),
                Err(code) => Err(code),
            },
            _ => self.converter.convert(column, body, span),
        };
        let field = match converted {
            Ok(field) => field,
            Err(_) if column.mismatch == Mismatch::Null => return Ok(false),
            Err(code) => return Err(code),
        };
        row.field(field);
        if column.key {
            facts.key = key(field, span, self.plan.max_key_bytes, &mut self.scratch)?;
        }
        Ok(true)
    }
}

/// The key that `field`, read from `span`, is.
fn key(field: Field<'_>, span: Span, max_bytes: usize, scratch: &mut Vec<u8>) -> Result<Key, RejectCode> {
    match field {
        Field::Text(text) => {
            let mut length = text.raw.len();
            if text.escaped {
                scratch.clear();
                unescape(text.raw, scratch);
                length = scratch.len();
            }
            match length {
                0 => Err(RejectCode::EmptyKey),
                _ if length > max_bytes => Err(RejectCode::KeyTooLong),
                // Shorter than its span: the quotes.
                _ => {
                    let quote = (span.end - span.start - text.raw.len()) / 2;
                    Ok(Key::Text(Span { start: span.start + quote, end: span.end - quote, escaped: text.escaped }))
                }
            }
        }
        Field::Bigint(number) => Ok(Key::Whole(number)),
        Field::Integer(number) => Ok(Key::Whole(number.into())),
        Field::Uuid(uuid) => Ok(Key::Uuid(uuid)),
        _ => Ok(Key::None),
    }
}

/// The place of a constant in its own text.
fn whole(json: &[u8]) -> Span {
    Span { start: 0, end: json.len(), escaped: json.contains(&b'\\') }
}

/// Takes fields and forgets them.
struct Nobody;

impl Row for Nobody {
    fn field(&mut self, _field: Field<'_>) {}
}

/// A guess at the bytes that a row takes besides the columns that are copied whole.
pub(crate) fn row_estimate(columns: &[Column]) -> usize {
    columns.iter().map(|column| if column.kind == Kind::Text { 44 } else { 12 }).sum::<usize>() + 2
}
