//! A date and a clock into an instant.

use super::policy::{Fraction, LeapSecond, Policy};
use super::reading::{Flags, Reading, Unit};
use super::zone::{Given, Suffix};
use super::{DAY_S, SECOND_US, calendar};
use crate::reject::RejectCode::{
    self, TimestampEndOfDay, TimestampFraction, TimestampLeapSecond, TimestampNoZone, TimestampNotInCalendar,
    TimestampOutOfRange, TimestampZoneMismatch,
};

/// More digits of a second than anyone writes.
const MAX_FRACTION: usize = 30;
const NANOSECONDS: usize = 9;

/// A date and a clock that exist, in some zone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Local {
    /// Since 1970-01-01.
    day: i64,
    /// Since midnight. A second 60 counts as 59.
    second: i64,
    micros: i64,
    leap: bool,
    pub(super) flags: Flags,
}

/// A clock as it is written.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Clock<'a> {
    pub(super) hour: i64,
    pub(super) minute: i64,
    pub(super) second: i64,
    /// Digits of the second's fraction.
    pub(super) fraction: &'a [u8],
}

/// A text taken apart.
#[derive(Debug, Clone)]
pub(super) enum Written {
    /// A day, and no clock.
    Day(i64),
    Clock(Local, Suffix),
}

impl Local {
    /// `day` is `None` if there is no such date.
    pub(super) fn new(day: Option<i64>, clock: Clock<'_>, flags: Flags, policy: &Policy) -> Result<Self, RejectCode> {
        let Clock { hour, minute, second, fraction } = clock;
        let day = day.filter(|_| hour <= 24 && minute <= 59 && second <= 60).ok_or(TimestampNotInCalendar)?;
        if day < calendar::days(1, 1, 1) {
            return Err(TimestampOutOfRange);
        }
        let after_24 = minute > 0 || second > 0 || fraction.iter().any(|digit| *digit != b'0');
        if hour == 24 && (after_24 || !policy.end_of_day) {
            return Err(TimestampEndOfDay);
        }
        let leap = second == 60;
        let second = hour * 3600 + minute * 60 + second - i64::from(leap);
        let mut local = Self { day, second, micros: 0, leap, flags };
        local.set_fraction(fraction, policy.fraction)?;
        Ok(local)
    }

    fn set_fraction(&mut self, digits: &[u8], policy: Fraction) -> Result<(), RejectCode> {
        let most = if policy == Fraction::Nanoseconds { NANOSECONDS } else { MAX_FRACTION };
        if digits.len() > most {
            return Err(TimestampFraction);
        }
        let (micros, below) = digits.split_at(digits.len().min(6));
        let digit = |place| micros.get(place).map_or(0, |digit| i64::from(digit - b'0'));
        self.micros = (0..6).fold(0, |micros, place| micros * 10 + digit(place));
        self.flags.set_if(Flags::SUB_US_DROPPED, below.iter().any(|digit| *digit != b'0'));
        if policy == Fraction::Round && matches!(below, [b'5'..=b'9', ..]) {
            self.micros += 1;
        }
        Ok(())
    }

    /// The instant at which clocks of UTC would show it.
    pub(super) const fn micros_as_utc(&self) -> i64 {
        (self.day * DAY_S + self.second) * SECOND_US + self.micros
    }

    const fn local_second(&self) -> i64 {
        self.day * DAY_S + self.second
    }

    /// In a zone whose clocks are `offset` seconds ahead of UTC.
    fn at(&self, offset: i64, policy: &Policy) -> Result<Option<Reading>, RejectCode> {
        let mut flags = self.flags;
        let mut second = self.local_second() - offset;
        if self.leap {
            flags.set(Flags::LEAP_SECOND);
            second += match policy.leap_second {
                LeapSecond::Clamp => 0,
                LeapSecond::Roll => 1,
                LeapSecond::NextSecond if starts_half_year(second + 1) => 1,
                LeapSecond::NextSecond | LeapSecond::Refuse => return Err(TimestampLeapSecond),
            };
        }
        policy.settle(second * SECOND_US + self.micros, Unit::Text, flags)
    }
}

/// Whether `second` is the first of January or July in UTC: leap seconds come before those.
fn starts_half_year(second: i64) -> bool {
    let day = second.div_euclid(DAY_S);
    let year = calendar::year(day);
    second.rem_euclid(DAY_S) == 0 && (day == calendar::days(year, 1, 1) || day == calendar::days(year, 7, 1))
}

/// The instant that `written` means; `None` if it stands for NULL.
pub(super) fn instant(written: &Written, policy: &Policy) -> Result<Option<Reading>, RejectCode> {
    match written {
        Written::Day(day) => midnight(*day, policy),
        Written::Clock(local, suffix) => in_zone(local, suffix, policy),
    }
}

fn midnight(day: i64, policy: &Policy) -> Result<Option<Reading>, RejectCode> {
    if day < calendar::days(1, 1, 1) {
        return Err(TimestampOutOfRange);
    }
    if policy.sentinels.is_null_day(day)? {
        return Ok(None);
    }
    if !policy.midnight {
        return Err(RejectCode::TimestampDateOnly);
    }
    assumed(&Local::new(Some(day), Clock::default(), Flags::REDUCED_PRECISION, policy)?, policy)
}

fn in_zone(local: &Local, suffix: &Suffix, policy: &Policy) -> Result<Option<Reading>, RejectCode> {
    match (suffix.offset, &suffix.zone) {
        // With a zone's name, Z says no more than where UTC is (RFC 9557, section 2.2).
        (Given::Utc, _) => local.at(0, policy),
        (Given::Offset(offset), zone) => {
            if offset.unknown && !policy.unknown_offset {
                return Err(TimestampNoZone);
            }
            let mut local = *local;
            local.flags.set_if(Flags::ZONE_UNKNOWN, offset.unknown);
            local.flags.set_if(Flags::OFFSET_SECONDS, offset.has_seconds);
            if let Some(zone) = zone
                && !offset.unknown
                && zone.offset_at(local.local_second() - offset.seconds)? != offset.seconds
            {
                return Err(TimestampZoneMismatch);
            }
            local.at(offset.seconds, policy)
        }
        (Given::Nothing, Some(zone)) => {
            let mut local = *local;
            local.flags.set(Flags::ZONE_RULE);
            local.at(zone.offset_of(local.local_second(), policy.ambiguous)?, policy)
        }
        (Given::Nothing, None) => assumed(local, policy),
    }
}

/// In the zone of the policy.
pub(super) fn assumed(local: &Local, policy: &Policy) -> Result<Option<Reading>, RejectCode> {
    if policy.sentinels.any() && policy.sentinels.is_null_local(local)? {
        return Ok(None);
    }
    let zone = policy.assume.as_ref().ok_or(TimestampNoZone)?;
    let mut local = *local;
    local.flags.set(Flags::ZONE_ASSUMED);
    local.at(zone.offset_of(local.local_second(), policy.ambiguous)?, policy)
}
