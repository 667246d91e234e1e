//! ISO 8601, with what RFC 3339, RFC 9557 and SQL make of it.

use super::calendar;
use super::cursor::Cursor;
use super::local::{Clock, Local, Written};
use super::policy::Policy;
use super::reading::Flags;
use super::zone::suffix;
use crate::reject::RejectCode::{self, TimestampInvalid, TimestampNotInCalendar, TimestampOutOfRange};

/// Whether parts are set apart, by `-` or `:`. An hour alone is neither.
type Extended = Option<bool>;

/// Take `text` apart.
pub(super) fn written(text: &[u8], policy: &Policy) -> Result<Written, RejectCode> {
    let mut cursor = Cursor(text);
    expanded_year(cursor)?;
    let (extended_date, day) = date(&mut cursor).ok_or(TimestampInvalid)?;
    if cursor.is_empty() {
        return day.map(Written::Day).ok_or(TimestampNotInCalendar);
    }
    cursor.take_any(b"Tt _").ok_or(TimestampInvalid)?;
    let mut flags = Flags::NONE;
    let (extended_clock, clock) = clock(&mut cursor, &mut flags).ok_or(TimestampInvalid)?;
    if extended_clock.is_some_and(|extended| extended != extended_date) {
        if !policy.lenient {
            return Err(TimestampInvalid);
        }
        flags.set(Flags::LENIENT);
    }
    let local = Local::new(day, clock, flags, policy)?;
    Ok(Written::Clock(local, suffix(cursor.0)?))
}

/// Refuse years of five or six digits, or with a sign.
fn expanded_year(mut cursor: Cursor<'_>) -> Result<(), RejectCode> {
    let sign = cursor.take_any(b"+-");
    let year = cursor.digits();
    match (sign, year.len()) {
        (_, 5 | 6) if cursor.take(b'-') => {
            let nothing = sign == Some(b'-') && year.iter().all(|digit| *digit == b'0');
            Err(if nothing { TimestampNotInCalendar } else { TimestampOutOfRange })
        }
        _ => Ok(()),
    }
}

/// The form, and the day if it exists: `None` if the text isn't a date.
#[allow(clippy::option_option, reason = "no date is not the same as a date that doesn't exist")]
fn date(cursor: &mut Cursor<'_>) -> Option<(bool, Option<i64>)> {
    match cursor.count_digits() {
        4 => {
            let year = cursor.number(4)?;
            let extended = cursor.take(b'-');
            if cursor.take(b'W') { week(cursor, year, extended) } else { month_or_ordinal(cursor, year, extended) }
        }
        7 => {
            let (year, day) = (cursor.number(4)?, cursor.number(3)?);
            Some((false, calendar::ordinal(year, day)))
        }
        8 => {
            let (year, month, day) = (cursor.number(4)?, cursor.number(2)?, cursor.number(2)?);
            Some((false, calendar::date(year, month, day)))
        }
        _ => None,
    }
}

fn week(cursor: &mut Cursor<'_>, year: i64, extended: bool) -> Option<(bool, Option<i64>)> {
    let week = cursor.number(2)?;
    if extended && !cursor.take(b'-') {
        return None;
    }
    Some((extended, calendar::week(year, week, cursor.exactly(1)?)))
}

fn month_or_ordinal(cursor: &mut Cursor<'_>, year: i64, extended: bool) -> Option<(bool, Option<i64>)> {
    match cursor.count_digits() {
        3 if extended => Some((true, calendar::ordinal(year, cursor.number(3)?))),
        2 if extended => {
            let month = cursor.number(2)?;
            let day = if cursor.take(b'-') { cursor.exactly(2)? } else { return None };
            Some((true, calendar::date(year, month, day)))
        }
        _ => None,
    }
}

fn clock<'a>(cursor: &mut Cursor<'a>, flags: &mut Flags) -> Option<(Extended, Clock<'a>)> {
    let mut clock = Clock::default();
    let count = cursor.count_digits();
    clock.hour = cursor.number(2)?;
    let mut extended = None;
    let mut seconds = false;
    match count {
        2 if cursor.take(b':') => {
            extended = Some(true);
            clock.minute = cursor.exactly(2)?;
            if cursor.take(b':') {
                clock.second = cursor.exactly(2)?;
                seconds = true;
            }
        }
        2 => {}
        4 | 6 => {
            extended = Some(false);
            clock.minute = cursor.number(2)?;
            if count == 6 {
                clock.second = cursor.number(2)?;
                seconds = true;
            }
        }
        _ => return None,
    }
    flags.set_if(Flags::REDUCED_PRECISION, !seconds);
    if cursor.take_any(b".,").is_some() {
        clock.fraction = cursor.digits();
        // A fraction of an hour or minute is legal, and read by nobody else.
        if clock.fraction.is_empty() || !seconds {
            return None;
        }
    }
    Some((extended, clock))
}
