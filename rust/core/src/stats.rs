//! What is counted over the accepted records of a page.

use crate::field::Text;
use crate::kind;
use crate::record::{Facts, Key};

/// Over the accepted records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    pub rows: usize,
    /// Of the last one; `None` if there is no key column.
    pub last_key: Option<String>,
    /// Of the first `timestamptz` column from the record, as all below: microseconds since 1970-01-01 UTC.
    pub min_timestamp_us: Option<i64>,
    pub max_timestamp_us: Option<i64>,
    /// Of the last accepted record, `None` if it has no timestamp.
    pub last_timestamp_us: Option<i64>,
}

/// The counts while records come in. The last key is made into text only at the end.
#[derive(Debug)]
pub(crate) struct Counter<'a> {
    rows: usize,
    min: i64,
    max: i64,
    last: Facts,
    last_body: &'a [u8],
}

impl<'a> Counter<'a> {
    pub(crate) const fn new() -> Self {
        let last = Facts { key: Key::None, timestamp: None };
        Self { rows: 0, min: i64::MAX, max: i64::MIN, last, last_body: b"" }
    }

    #[inline]
    pub(crate) fn count(&mut self, facts: Facts, body: &'a [u8]) {
        self.rows += 1;
        if let Some(timestamp) = facts.timestamp {
            self.min = self.min.min(timestamp);
            self.max = self.max.max(timestamp);
        }
        self.last = facts;
        self.last_body = body;
    }

    pub(crate) fn finish(self) -> Stats {
        let last_key = match self.last.key {
            Key::None => None,
            Key::Text(span) => Some(Text { raw: span.of(self.last_body), escaped: span.escaped }.to_text()),
            Key::Whole(number) => Some(number.to_string()),
            Key::Uuid(uuid) => Some(kind::uuid_text(&uuid)),
        };
        let timed = self.min <= self.max;
        Stats {
            rows: self.rows,
            last_key,
            min_timestamp_us: timed.then_some(self.min),
            max_timestamp_us: timed.then_some(self.max),
            last_timestamp_us: self.last.timestamp,
        }
    }
}
