//! The fast lane: a page becomes COPY tuples.

use crate::copy::Tuples;
use crate::error::PageError;
use crate::failpoints;
use crate::members::Member;
use crate::page::{self, Envelope, Found, Sink};
use crate::plan::Plan;
use crate::record::{self, Reader};
use crate::reject::{Reject, RejectCode};
use crate::rows::Rows;
use crate::stats::{Counter, Stats};
use crate::timestamp::Tally;
use crate::walk::Span;

/// A page as COPY tuples.
#[derive(Debug)]
pub struct Encoded<'a> {
    pub tuples: Rows,
    /// Accepted and refused ones.
    pub records: usize,
    pub rejects: Vec<Reject<'a>>,
    pub envelope: Envelope,
    pub stats: Stats,
    /// How the timestamps of each column were written.
    pub tallies: Vec<Tally>,
}

/// Encode the page `body`. Times are microseconds since 1970-01-01 UTC; `now_us` bounds what a number may mean.
pub fn encode<'a>(plan: &Plan, body: &'a [u8], now_us: i64) -> Result<Encoded<'a>, PageError> {
    // Room for all rows of the usual page, so that nothing is moved: memory that isn't written to costs nothing.
    let rows = body.len() / 128 + 1;
    let capacity = body.len() + body.len().min(rows * record::row_estimate(&plan.columns));
    let mut encoder = Encoder {
        plan,
        body,
        reader: Reader::new(plan, now_us),
        tuples: Tuples::new(capacity, rows, plan),
        records: 0,
        rejects: Vec::new(),
        counter: Counter::new(),
    };
    let envelope = page::walk(plan, &plan.record, body, &mut encoder)?;
    Ok(Encoded {
        tuples: encoder.tuples.into_rows(),
        records: encoder.records,
        rejects: encoder.rejects,
        envelope,
        stats: encoder.counter.finish(),
        tallies: encoder.reader.tallies,
    })
}

struct Encoder<'p, 'a> {
    plan: &'p Plan,
    body: &'a [u8],
    reader: Reader<'p>,
    tuples: Tuples,
    records: usize,
    rejects: Vec<Reject<'a>>,
    counter: Counter<'a>,
}

impl<'a> Sink<'a> for Encoder<'_, 'a> {
    fn takes_members(&self) -> bool {
        self.tuples.takes_members()
    }

    fn restart(&mut self) {
        self.tuples.clear();
        self.records = 0;
        self.rejects.clear();
        self.counter = Counter::new();
        self.reader.tallies.fill(Tally::default());
    }

    #[inline]
    fn record(&mut self, found: &Found<'a>, spans: &[Span], members: &[Member]) {
        if let Some(flaw) = found.flaw {
            self.reject(found, flaw.code, flaw.detail(found.offset));
        } else if found.raw.len() > record::MAX_BYTES {
            self.reject(found, RejectCode::TooLarge, RejectCode::TooLarge.describe().to_owned());
        } else {
            self.tuples.begin(self.records, found.offset);
            match self.reader.read(self.body, spans, &mut self.tuples) {
                Ok(facts) => {
                    self.tuples.keep(members);
                    self.counter.count(facts, self.body);
                }
                Err(refusal) => {
                    self.tuples.abandon();
                    self.reject(found, refusal.code, refusal.detail(self.plan));
                }
            }
        }
        self.records += 1;
        if self.records == 1 {
            failpoints::pass("mid_encode");
        }
    }
}

impl<'a> Encoder<'_, 'a> {
    #[cold]
    fn reject(&mut self, found: &Found<'a>, code: RejectCode, detail: String) {
        self.rejects.push(Reject { index: self.records, offset: found.offset, code, detail, raw: found.raw });
    }
}
