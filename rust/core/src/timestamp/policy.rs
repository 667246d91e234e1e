//! How the timestamps of a column are read.

use serde::Deserialize;

use super::named::Zone;
use super::reading::{Flags, Reading, Unit};
use super::scale::Scaled;
use super::sentinel::Sentinels;
use crate::reject::RejectCode;

/// 0001-01-01T00:00:00Z and the last microsecond of 9999: what Python's `datetime` can hold.
const EARLIEST_US: i64 = -62_135_596_800_000_000;
const LATEST_US: i64 = 253_402_300_799_999_999;

/// The unit of bare numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub(super) enum NumberUnit {
    /// The one in which the number is plausible.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    #[serde(rename = "s")]
    Seconds,
    #[serde(rename = "ms")]
    Millis,
    #[serde(rename = "us")]
    Micros,
    #[serde(rename = "ns")]
    Nanos,
}

/// What values look like. All but `Auto` read nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Form {
    #[default]
    Auto,
    Http,
    Jackson,
    Oracle,
    Filetime,
    DotnetTicks,
    Webkit,
    Cocoa,
    Gps,
    Excel,
    Julian,
    #[serde(rename = "objectid")]
    ObjectId,
    Ulid,
    #[serde(rename = "uuidv7")]
    UuidV7,
    Snowflake,
    Discord,
}

/// A local time that clocks show twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Ambiguous {
    #[default]
    Refuse,
    Earlier,
    Later,
}

/// A second 60.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum LeapSecond {
    /// The second after, as POSIX counts, where UTC may have a leap second. Refused elsewhere.
    #[default]
    NextSecond,
    /// Second 59.
    Clamp,
    /// The second after, anywhere.
    Roll,
    Refuse,
}

/// What is written of a second below microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Fraction {
    /// Cut, towards the past.
    #[default]
    Truncate,
    /// To the nearest, halves towards the future.
    Round,
    /// Cut, but refuse more than nine digits.
    Nanoseconds,
}

/// The compiled policy of a column. See `datasync.TimestampPolicy` for what the fields mean.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
pub struct Policy {
    pub(super) unit: NumberUnit,
    pub(super) form: Form,
    pub(super) assume: Option<Zone>,
    pub(super) ambiguous: Ambiguous,
    /// Whether a date alone is its midnight.
    pub(super) midnight: bool,
    pub(super) earliest: i64,
    pub(super) latest: i64,
    pub(super) leap_second: LeapSecond,
    /// Whether an hour 24 is read.
    pub(super) end_of_day: bool,
    pub(super) fraction: Fraction,
    /// Whether -00:00 is UTC.
    pub(super) unknown_offset: bool,
    pub(super) lenient: bool,
    pub(super) trim: bool,
    pub(super) sentinels: Sentinels,
    /// Whether numbers are of no declared unit or form, and none of a plausible instant is a sentinel.
    pub(super) plain_numbers: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            unit: NumberUnit::default(),
            form: Form::default(),
            assume: None,
            ambiguous: Ambiguous::default(),
            midnight: false,
            earliest: EARLIEST_US,
            latest: LATEST_US,
            leap_second: LeapSecond::default(),
            end_of_day: true,
            fraction: Fraction::default(),
            unknown_offset: true,
            lenient: false,
            trim: false,
            sentinels: Sentinels::default(),
            plain_numbers: true,
        }
    }
}

impl Policy {
    /// The reading of an instant that the value names, unless it is a sentinel or out of range.
    #[expect(clippy::inline_always, reason = "see `fast`")]
    #[inline(always)]
    pub(super) fn settle(&self, micros: i64, unit: Unit, flags: Flags) -> Result<Option<Reading>, RejectCode> {
        if self.sentinels.any() && self.sentinels.is_null_instant(micros)? {
            return Ok(None);
        }
        if (self.earliest..=self.latest).contains(&micros) {
            Ok(Some(Reading { micros, unit, flags }))
        } else {
            Err(RejectCode::TimestampOutOfRange)
        }
    }

    /// A number of microseconds cut or rounded, and whether something was dropped.
    pub(super) fn whole(&self, scaled: Scaled, flags: &mut Flags) -> i64 {
        flags.set_if(Flags::SUB_US_DROPPED, !scaled.exact);
        scaled.floor + i64::from(self.fraction == Fraction::Round && scaled.upper_half)
    }
}
