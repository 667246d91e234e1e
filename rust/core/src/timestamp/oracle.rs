//! `15-JAN-24 10.30.00.5 AM +01:00`, as Oracle's database writes timestamps by default.

use super::cursor::Cursor;
use super::local::{Clock, Local, Written};
use super::policy::Policy;
use super::reading::Flags;
use super::zone::{self, Given, Suffix};
use super::{calendar, names};
use crate::reject::RejectCode::{self, TimestampInvalid, TimestampNotInCalendar};

/// Take `text` apart.
pub(super) fn written(text: &[u8], policy: &Policy) -> Result<Written, RejectCode> {
    let mut cursor = Cursor(text);
    let day = date(&mut cursor).ok_or(TimestampInvalid)?;
    let clock = clock(&mut cursor).ok_or(TimestampInvalid)?;
    let local = Local::new(day, clock?, Flags::NONE, policy)?;
    let offset = match cursor.0 {
        [] => Given::Nothing,
        [b' ', offset @ ..] => Given::Offset(zone::offset(offset)?),
        _ => return Err(TimestampInvalid),
    };
    Ok(Written::Clock(local, Suffix { offset, zone: None }))
}

#[allow(clippy::option_option, reason = "no date is not the same as a date that doesn't exist")]
fn date(cursor: &mut Cursor<'_>) -> Option<Option<i64>> {
    let day = cursor.exactly(2)?;
    let month = if cursor.take(b'-') { names::month(cursor.letters())? } else { return None };
    let year = match (cursor.take(b'-'), cursor.count_digits()) {
        (true, 4) => cursor.number(4)?,
        // The format RR.
        (true, 2) => cursor.number(2).map(|year| if year < 50 { 2000 + year } else { 1900 + year })?,
        _ => return None,
    };
    cursor.take(b' ').then(|| calendar::date(year, month, day))
}

/// Twelve hours, and the half of the day. `None` if it isn't a clock, an error if no clock shows it.
fn clock<'a>(cursor: &mut Cursor<'a>) -> Option<Result<Clock<'a>, RejectCode>> {
    let hour = cursor.exactly(2)?;
    let minute = if cursor.take(b'.') { cursor.exactly(2)? } else { return None };
    let second = if cursor.take(b'.') { cursor.exactly(2)? } else { return None };
    let fraction = if cursor.take(b'.') { Some(cursor.digits()).filter(|digits| !digits.is_empty())? } else { b"" };
    let half = if cursor.take(b' ') { cursor.letters() } else { return None };
    let afternoon = half.eq_ignore_ascii_case(b"pm");
    if !afternoon && !half.eq_ignore_ascii_case(b"am") {
        return None;
    }
    if !(1..=12).contains(&hour) {
        return Some(Err(TimestampNotInCalendar));
    }
    let hour = hour % 12 + if afternoon { 12 } else { 0 };
    Some(Ok(Clock { hour, minute, second, fraction }))
}
