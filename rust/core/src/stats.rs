//! What is counted over the accepted records of a page.

use crate::record::{self, Facts};

/// Over the accepted records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    pub rows: usize,
    /// Of the last one; `None` if its key is null or there is no key column.
    pub last_key: Option<String>,
    /// Of the first `timestamptz` column, as all below: microseconds since 1970-01-01 UTC.
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
        let last = Facts { key: crate::walk::Span { start: 0, end: 0, escaped: false }, timestamp: None };
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
        let key = self.last.key;
        let timed = self.min <= self.max;
        Stats {
            rows: self.rows,
            last_key: (key.end > 0).then(|| record::text(key.of(self.last_body), key.escaped)),
            min_timestamp_us: timed.then_some(self.min),
            max_timestamp_us: timed.then_some(self.max),
            last_timestamp_us: self.last.timestamp,
        }
    }
}
