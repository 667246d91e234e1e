//! Time zones by name, from the IANA database that is compiled in.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{SignedDuration, Timestamp, tz};

use super::policy::Ambiguous;
use super::zone;
use crate::reject::RejectCode;

/// A zone with its rules.
#[derive(Debug, Clone)]
pub(super) enum Zone {
    /// Seconds east of UTC, always.
    Fixed(i64),
    Named(TimeZone),
}

impl Zone {
    /// The zone that a policy declares: `UTC`, `Area/City` or `+HH:MM`.
    pub(super) fn declared(name: &[u8]) -> Option<Self> {
        Self::named(name).or_else(|| zone::offset(name).ok().map(|offset| Self::Fixed(offset.seconds)))
    }

    /// The zone of that name. Abbreviations are none: several zones share them.
    pub(super) fn named(name: &[u8]) -> Option<Self> {
        match name {
            b"UTC" | b"GMT" => Some(Self::Fixed(0)),
            _ if name.contains(&b'/') => {
                let name = str::from_utf8(name).ok()?;
                tz::db().get(name).ok().map(Self::Named)
            }
            _ => None,
        }
    }

    /// Seconds east of UTC at the instant `utc`, in seconds since 1970.
    pub(super) fn offset_at(&self, utc: i64) -> Result<i64, RejectCode> {
        match self {
            Self::Fixed(seconds) => Ok(*seconds),
            Self::Named(zone) => {
                // The last hours of 9999 are beyond the library's range, but no rule changes in them.
                let utc = utc.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
                let instant = Timestamp::from_second(utc).map_err(|_| RejectCode::TimestampOutOfRange)?;
                Ok(seconds(zone.to_offset(instant)))
            }
        }
    }

    /// Seconds east of UTC when the zone's clocks show `local`, in seconds since 1970-01-01 by the same clocks.
    pub(super) fn offset_of(&self, local: i64, ambiguous: Ambiguous) -> Result<i64, RejectCode> {
        let Self::Named(zone) = self else { return self.offset_at(local) };
        match zone.to_ambiguous_timestamp(civil(local)?).offset() {
            AmbiguousOffset::Unambiguous { offset } => Ok(seconds(offset)),
            AmbiguousOffset::Gap { .. } => Err(RejectCode::TimestampGap),
            AmbiguousOffset::Fold { before, after } => match ambiguous {
                Ambiguous::Refuse => Err(RejectCode::TimestampAmbiguous),
                Ambiguous::Earlier => Ok(seconds(before)),
                Ambiguous::Later => Ok(seconds(after)),
            },
        }
    }
}

fn seconds(offset: Offset) -> i64 {
    i64::from(offset.seconds())
}

/// What clocks show when they are `local` seconds past 1970-01-01.
fn civil(local: i64) -> Result<DateTime, RejectCode> {
    const START: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
    START.checked_add(SignedDuration::from_secs(local)).map_err(|_| RejectCode::TimestampOutOfRange)
}

#[cfg(test)]
mod tests {
    use super::{Ambiguous, Zone};
    use crate::reject::RejectCode;

    #[test]
    fn the_database_is_compiled_in() {
        for name in ["Europe/Paris", "America/New_York", "Asia/Kolkata", "Pacific/Kiritimati"] {
            assert!(matches!(Zone::named(name.as_bytes()), Some(Zone::Named(_))), "{name}");
        }
        for name in ["Europe/Nowhere", "EST", "IST", "CET", "Paris", "", "/", "../etc/passwd"] {
            assert!(Zone::named(name.as_bytes()).is_none(), "{name}");
        }
    }

    #[test]
    fn gaps_have_no_offset_and_folds_have_two() {
        let paris = Zone::named(b"Europe/Paris").expect("a zone");
        // 2024-03-31T02:30:00 and 2024-10-27T02:30:00.
        assert_eq!(paris.offset_of(1_711_852_200, Ambiguous::Later), Err(RejectCode::TimestampGap));
        assert_eq!(paris.offset_of(1_729_996_200, Ambiguous::Refuse), Err(RejectCode::TimestampAmbiguous));
        assert_eq!(paris.offset_of(1_729_996_200, Ambiguous::Earlier), Ok(7200));
        assert_eq!(paris.offset_of(1_729_996_200, Ambiguous::Later), Ok(3600));
    }
}
