//! The record lane: records one by one become rows of values, by the same checks as on the fast lane.

use crate::field::{Field, Row, Text};
use crate::lone::Lone;
use crate::plan::Plan;
use crate::record::{self, Reader};
use crate::reject::{Flaw, Reject, RejectCode};
use crate::stats::{Counter, Stats};
use crate::timestamp::Tally;

/// A value of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    /// Of `text`, `json` and `jsonb`.
    Text(String),
    /// Microseconds since 1970-01-01 UTC.
    Timestamptz(i64),
    /// Days since 1970-01-01.
    Date(i32),
    /// Of `bigint` and `integer`.
    Whole(i64),
    Double(f64),
    /// A number as it is written.
    Numeric(String),
    Boolean(bool),
    Uuid([u8; 16]),
    Bytea(Vec<u8>),
    TextArray(Vec<Option<String>>),
}

/// The rows of the accepted records.
#[derive(Debug)]
pub struct Extracted<'a> {
    /// Row after row, each as long as the plan has columns.
    pub values: Vec<Value>,
    /// The record that each row comes from.
    pub indexes: Vec<usize>,
    pub rejects: Vec<Reject<'a>>,
    pub stats: Stats,
    /// How the timestamps of each column were written.
    pub tallies: Vec<Tally>,
}

/// Check `records` and take the plan's columns from each. Whitespace around a record is no part of it.
#[must_use]
pub fn extract<'a>(plan: &Plan, records: &[&'a [u8]], now_us: i64) -> Extracted<'a> {
    let mut reader = Reader::new(plan, now_us);
    let mut lone = Lone::new(&plan.record, plan.max_depth);
    let mut counter = Counter::new();
    let mut values = Values(Vec::with_capacity(records.len() * plan.columns.len()));
    let mut indexes = Vec::with_capacity(records.len());
    let mut rejects = Vec::new();
    for (index, &raw) in records.iter().enumerate() {
        let before = values.0.len();
        let refused = match flaw(&mut lone, raw) {
            Some(flaw) => Some((flaw.code, flaw.detail(0))),
            None => match reader.read(raw, &lone.spans, &mut values) {
                Ok(facts) => {
                    counter.count(facts, raw);
                    indexes.push(index);
                    None
                }
                Err(refusal) => Some((refusal.code, refusal.detail(plan))),
            },
        };
        if let Some((code, detail)) = refused {
            values.0.truncate(before);
            rejects.push(Reject { index, offset: 0, code, detail, raw });
        }
    }
    Extracted { values: values.0, indexes, rejects, stats: counter.finish(), tallies: reader.tallies }
}

fn flaw(lone: &mut Lone<'_>, raw: &[u8]) -> Option<Flaw> {
    if raw.len() > record::MAX_BYTES {
        return Some(Flaw { offset: 0, code: RejectCode::TooLarge });
    }
    lone.record(raw, 0, simdutf8::basic::from_utf8(raw).is_ok()).flaw
}

struct Values(Vec<Value>);

impl Row for Values {
    fn field(&mut self, field: Field<'_>) {
        // The scan has made sure that all of it is UTF-8.
        let text = |raw: &[u8]| String::from_utf8_lossy(raw).into_owned();
        self.0.push(match field {
            Field::Null => Value::Null,
            Field::Text(text) => Value::Text(text.to_text()),
            Field::Json(raw) | Field::Jsonb(raw) => Value::Text(text(raw)),
            Field::Timestamptz(micros) => Value::Timestamptz(micros),
            Field::Date(days) => Value::Date(days),
            Field::Bigint(number) => Value::Whole(number),
            Field::Integer(number) => Value::Whole(number.into()),
            Field::Double(number) => Value::Double(number),
            Field::Numeric { token, .. } => Value::Numeric(text(token)),
            Field::Boolean(yes) => Value::Boolean(yes),
            Field::Uuid(uuid) => Value::Uuid(uuid),
            Field::Bytea(bytes) => Value::Bytea(bytes.to_vec()),
            Field::TextArray(texts) => Value::TextArray(texts.iter().map(|text| text.map(Text::to_text)).collect()),
        });
    }
}
