//! Declared counts from other starts and in other steps than those of Unix.

use super::policy::{Form, Policy};
use super::reading::{Flags, Reading, Unit};
use super::scale::{Scale, scale};
use super::{DAY_S, DAY_US, SECOND_US, calendar, local};
use crate::number::Number;
use crate::reject::RejectCode::{self, TimestampInvalid, TimestampOutOfRange};

const SECONDS: Scale = Scale { shift: 6, factor: 1 };
const MICROS: Scale = Scale { shift: 0, factor: 1 };
/// Steps of 100 ns.
const TICKS: Scale = Scale { shift: -1, factor: 1 };
const DAYS: Scale = Scale { shift: 8, factor: 864 };

const START_OF_GPS: i64 = calendar::days(1980, 1, 6) * DAY_US;
/// Day 60 of the spreadsheet's calendar is 1900-02-29, which never was: before it all numbers are in doubt.
const FIRST_SAFE_SERIAL_US: i64 = 61 * DAY_US;
/// Julian days start at noon: 2440587.5 is 1970-01-01T00:00Z.
const JULIAN_1970_US: i64 = 2_440_587 * DAY_US + DAY_US / 2;
/// The day that starts at the midnight in Julian day 2440588.
const JULIAN_DAY_1970: i64 = 2_440_588;

/// The days before which UTC had a leap second since GPS began (IERS, Bulletin C).
const LEAPS: [(i64, i64); 18] = [
    (1981, 7),
    (1982, 7),
    (1983, 7),
    (1985, 7),
    (1988, 1),
    (1990, 1),
    (1991, 1),
    (1992, 7),
    (1993, 7),
    (1994, 7),
    (1996, 1),
    (1997, 7),
    (1999, 1),
    (2006, 1),
    (2009, 1),
    (2012, 7),
    (2015, 7),
    (2017, 1),
];

/// The instant that `number`, in the policy's form, means.
pub(super) fn instant(number: &Number<'_>, policy: &Policy) -> Result<Option<Reading>, RejectCode> {
    let (unit, start) = match policy.form {
        Form::Filetime => (TICKS, calendar::days(1601, 1, 1) * DAY_US),
        Form::DotnetTicks => (TICKS, calendar::days(1, 1, 1) * DAY_US),
        Form::Webkit => (MICROS, calendar::days(1601, 1, 1) * DAY_US),
        Form::Cocoa => (SECONDS, calendar::days(2001, 1, 1) * DAY_US),
        Form::Gps => (SECONDS, START_OF_GPS),
        Form::Excel => (DAYS, calendar::days(1899, 12, 30) * DAY_US),
        Form::Julian => (DAYS, -JULIAN_1970_US),
        _ => return Err(TimestampInvalid),
    };
    let scaled = scale(number, unit).ok_or(TimestampOutOfRange)?;
    let mut flags = Flags::NONE;
    let count = policy.whole(scaled, &mut flags);
    let micros = count.checked_add(start).ok_or(TimestampOutOfRange)?;
    match policy.form {
        Form::Excel if count < FIRST_SAFE_SERIAL_US => Err(TimestampOutOfRange),
        Form::Excel => serial(micros, flags, policy),
        Form::Gps => policy.settle(utc_of_gps(micros).ok_or(TimestampOutOfRange)?, Unit::Other, flags),
        _ => policy.settle(micros, Unit::Other, flags),
    }
}

/// A clock of the policy's zone that is `micros` past 1970-01-01.
fn serial(micros: i64, mut flags: Flags, policy: &Policy) -> Result<Option<Reading>, RejectCode> {
    let zone = policy.assume.as_ref().ok_or(RejectCode::TimestampNoZone)?;
    let second = micros.div_euclid(SECOND_US);
    if second / DAY_S > calendar::days(9999, 12, 31) {
        return Err(TimestampOutOfRange);
    }
    flags.set(Flags::ZONE_ASSUMED);
    let offset = zone.offset_of(second, policy.ambiguous)?;
    policy.settle(micros - offset * SECOND_US, Unit::Other, flags)
}

/// GPS has no leap seconds: `micros` are since 1970 in UTC without those since 1980. `None` before GPS began.
fn utc_of_gps(micros: i64) -> Option<i64> {
    let mut utc = micros;
    for (year, month) in LEAPS {
        // In the leap second itself the old count still holds, which makes it the second after.
        if utc - SECOND_US < calendar::days(year, month, 1) * DAY_US {
            break;
        }
        utc -= SECOND_US;
    }
    (micros >= START_OF_GPS).then_some(utc)
}

/// A Julian day, `J` and digits, as PostgreSQL writes it: a day, without a clock.
pub(super) fn julian_day(text: &[u8], policy: &Policy) -> Option<Result<Option<Reading>, RejectCode>> {
    let [b'J' | b'j', digits @ ..] = text else { return None };
    let day = super::cursor::value(digits).filter(|_| (1..=7).contains(&digits.len()))?;
    Some(local::instant(&local::Written::Day(day - JULIAN_DAY_1970), policy))
}
