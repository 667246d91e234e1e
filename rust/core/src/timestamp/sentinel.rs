//! Values that some sources write instead of NULL.

use serde::Deserialize;

use super::local::Local;
use super::{DAY_US, SECOND_US, calendar};
use crate::reject::RejectCode;

/// What becomes of a sentinel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Treat {
    /// It is a value like any other.
    #[default]
    Keep,
    Null,
    Quarantine,
}

impl Treat {
    /// Whether a value that is the sentinel is NULL.
    const fn is_null(self) -> Result<bool, RejectCode> {
        match self {
            Self::Keep => Ok(false),
            Self::Null => Ok(true),
            Self::Quarantine => Err(RejectCode::TimestampSentinel),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Sentinels {
    empty: Treat,
    null_text: Treat,
    zero_date: Treat,
    boolean: Treat,
    year_one: Treat,
    year_1900: Treat,
    unix_epoch: Treat,
    year_9999: Treat,
}

/// Midnight of the first days of the years 1, 1900 and 1970, and the last second of 9999.
const YEAR_ONE_US: i64 = calendar::days(1, 1, 1) * DAY_US;
const YEAR_1900_US: i64 = calendar::days(1900, 1, 1) * DAY_US;
const UNIX_EPOCH_US: i64 = 0;
const YEAR_9999_DAY: i64 = calendar::days(9999, 12, 31);
const YEAR_9999_US: i64 = (YEAR_9999_DAY + 1) * DAY_US - SECOND_US;

impl Sentinels {
    /// Whether there is anything to look for.
    #[inline]
    pub(super) fn any(self) -> bool {
        self != Self::default()
    }

    /// Whether `text` is a sentinel that stands for NULL.
    pub(super) fn is_null_text(self, text: &[u8]) -> Result<bool, RejectCode> {
        match text {
            b"" => self.empty,
            [b'0', b'0', b'0', b'0', b'-', b'0', b'0', b'-', b'0', b'0', ..] => self.zero_date,
            _ if text.eq_ignore_ascii_case(b"null") => self.null_text,
            _ => Treat::Keep,
        }
        .is_null()
    }

    /// Whether true and false stand for NULL.
    pub(super) fn is_null_boolean(self) -> Result<bool, RejectCode> {
        self.boolean.is_null()
    }

    /// Whether the number 0 stands for NULL, in whatever unit.
    pub(super) fn is_null_zero(self) -> Result<bool, RejectCode> {
        self.unix_epoch.is_null()
    }

    /// Whether the instant stands for NULL.
    pub(super) fn is_null_instant(self, micros: i64) -> Result<bool, RejectCode> {
        match micros {
            YEAR_ONE_US => self.year_one,
            YEAR_1900_US => self.year_1900,
            UNIX_EPOCH_US => self.unix_epoch,
            YEAR_9999_US.. if micros < YEAR_9999_US + SECOND_US => self.year_9999,
            _ => Treat::Keep,
        }
        .is_null()
    }

    /// Whether a date alone stands for NULL.
    pub(super) fn is_null_day(self, day: i64) -> Result<bool, RejectCode> {
        let micros = if day == YEAR_9999_DAY { YEAR_9999_US } else { day * DAY_US };
        self.is_null_instant(micros)
    }

    /// Whether a date and a clock, without a zone, stand for NULL.
    pub(super) fn is_null_local(self, local: &Local) -> Result<bool, RejectCode> {
        self.is_null_instant(local.micros_as_utc())
    }
}
