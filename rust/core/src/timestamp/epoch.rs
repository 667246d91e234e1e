//! Instants written as a bare number of seconds, or of parts of one, since 1970-01-01 UTC.

use std::ops::RangeInclusive;

use super::policy::{NumberUnit, Policy};
use super::reading::{Flags, Reading, Unit};
use super::scale::{Scale, scale};
use super::{DAY_US, calendar};
use crate::number::Number;
use crate::reject::RejectCode::{self, TimestampOutOfRange, TimestampUnitUnclear};

/// The earliest instant that a number in no declared unit may mean.
const PLAUSIBLE_US: i64 = calendar::days(2000, 1, 1) * DAY_US;

/// Decimal places from a unit to microseconds.
const UNITS: [(Unit, i64); 4] = [(Unit::Seconds, 6), (Unit::Millis, 3), (Unit::Micros, 0), (Unit::Nanos, -3)];

/// The instant that `number` means; `None` if it stands for NULL. `now` bounds what is plausible.
pub(super) fn instant(number: &Number<'_>, policy: &Policy, now: i64) -> Result<Option<Reading>, RejectCode> {
    match policy.unit {
        NumberUnit::Auto => plausible(number, policy, now),
        NumberUnit::Seconds => declared(number, policy, Unit::Seconds, 6),
        NumberUnit::Millis => millis(number, policy, Unit::Millis),
        NumberUnit::Micros => declared(number, policy, Unit::Micros, 0),
        NumberUnit::Nanos => declared(number, policy, Unit::Nanos, -3),
    }
}

/// Of a number of milliseconds, reported as `unit`.
pub(super) fn millis(number: &Number<'_>, policy: &Policy, unit: Unit) -> Result<Option<Reading>, RejectCode> {
    declared(number, policy, unit, 3)
}

fn declared(number: &Number<'_>, policy: &Policy, unit: Unit, shift: i64) -> Result<Option<Reading>, RejectCode> {
    let scaled = scale(number, Scale { shift, factor: 1 }).ok_or(TimestampOutOfRange)?;
    let mut flags = Flags::NONE;
    let micros = policy.whole(scaled, &mut flags);
    policy.settle(micros, unit, flags)
}

/// The instant that a whole number means, in no declared unit; `None` if there is more to look at.
///
/// A shortcut through `instant`.
#[inline]
pub(super) fn whole(token: &[u8], policy: &Policy, now: i64) -> Option<Reading> {
    let number = digits(token)?;
    let range = plausible_range(policy, now);
    let found = |micros: Option<i64>, unit| {
        let micros = micros.filter(|micros| range.contains(micros))?;
        Some(Reading { micros, unit, flags: Flags::NONE })
    };
    found(number.checked_mul(1_000), Unit::Millis)
        .or_else(|| found(number.checked_mul(1_000_000), Unit::Seconds))
        .or_else(|| found(Some(number), Unit::Micros))
}

/// The value of up to 18 digits.
#[inline]
fn digits(token: &[u8]) -> Option<i64> {
    if !matches!(token, [b'1'..=b'9', ..]) || token.len() > 18 {
        return None;
    }
    let mut value = 0;
    for byte in token {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i64::from(digit);
    }
    Some(value)
}

/// From 2000 to a day after `now`, narrowed by the policy's range.
///
/// The latest, in 9999, is less than 1,000 times the earliest, counted from 1970, so that no number is plausible in two
/// units.
fn plausible_range(policy: &Policy, now: i64) -> RangeInclusive<i64> {
    PLAUSIBLE_US.max(policy.earliest)..=now.saturating_add(DAY_US).min(policy.latest)
}

/// In the one unit in which it is plausible.
fn plausible(number: &Number<'_>, policy: &Policy, now: i64) -> Result<Option<Reading>, RejectCode> {
    let range = plausible_range(policy, now);
    for (unit, shift) in UNITS {
        let Some(scaled) = scale(number, Scale { shift, factor: 1 }) else { continue };
        let mut flags = Flags::NONE;
        let micros = policy.whole(scaled, &mut flags);
        if range.contains(&micros) {
            return policy.settle(micros, unit, flags);
        }
    }
    if policy.sentinels.any() && number.leading_zeros().is_none() && policy.sentinels.is_null_zero()? {
        return Ok(None);
    }
    Err(TimestampUnitUnclear)
}
