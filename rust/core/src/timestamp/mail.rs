//! Dates of mail (RFC 5322) and of HTTP (RFC 9110, section 5.6.7).

use super::cursor::Cursor;
use super::local::{Clock, Local, Written};
use super::policy::{Form, Policy};
use super::reading::Flags;
use super::zone::{self, Given, Offset, Suffix};
use super::{DAY_US, calendar, names};
use crate::reject::RejectCode::{self, TimestampBadOffset, TimestampInvalid, TimestampUnknownZone, TimestampWeekday};

/// The most words that a date has.
const WORDS: usize = 6;

/// The zones that RFC 5322 defines, in hours from UTC. Others have the same letters and mean something else.
const ZONES: [(&[u8], i64); 12] = [
    (b"GMT", 0),
    (b"UT", 0),
    (b"UTC", 0),
    (b"Z", 0),
    (b"EST", -5),
    (b"EDT", -4),
    (b"CST", -6),
    (b"CDT", -5),
    (b"MST", -7),
    (b"MDT", -6),
    (b"PST", -8),
    (b"PDT", -7),
];

/// Take `text` apart. `now` says which century two digits of a year mean.
pub(super) fn written(text: &[u8], policy: &Policy, now: i64) -> Result<Written, RejectCode> {
    let mut words: [&[u8]; WORDS] = [b""; WORDS];
    let count = split(text, &mut words).ok_or(TimestampInvalid)?;
    let words = &words[..count];
    let (weekday, words) = match words {
        [first, rest @ ..] if first.ends_with(b",") => {
            (Some(names::weekday(&first[..first.len() - 1]).ok_or(TimestampInvalid)?), rest)
        }
        [weekday, month, day, clock, year] if weekday[0].is_ascii_alphabetic() => {
            return asctime([weekday, month, day, clock, year], policy);
        }
        _ => (None, words),
    };
    let (day, clock, zone) = match words {
        [date, clock, zone @ ..] if date.contains(&b'-') && weekday.is_some() => (dashed(date, now), clock, zone),
        [day, month, year, clock, zone @ ..] => (spaced(day, month, year), clock, zone),
        _ => return Err(TimestampInvalid),
    };
    let suffix = match zone {
        [] => Suffix::default(),
        [zone] => Suffix { offset: offset(zone)?, zone: None },
        _ => return Err(TimestampInvalid),
    };
    finish(weekday, day.ok_or(TimestampInvalid)?, clock, suffix, policy)
}

/// `Mon Jan 15 10:30:00 2024`: of HTTP it is GMT, of others nobody knows.
fn asctime(words: [&[u8]; 5], policy: &Policy) -> Result<Written, RejectCode> {
    let [weekday, month, day, clock, year] = words;
    let weekday = names::weekday(weekday).ok_or(TimestampInvalid)?;
    let day = spaced(day, month, year).ok_or(TimestampInvalid)?;
    let offset = if policy.form == Form::Http { Given::Utc } else { Given::Nothing };
    finish(Some(weekday), day, clock, Suffix { offset, zone: None }, policy)
}

/// A date that is written as one, though it may not exist.
type Day = Option<i64>;

fn finish(weekday: Option<i64>, day: Day, text: &[u8], suffix: Suffix, policy: &Policy) -> Result<Written, RejectCode> {
    let mut flags = Flags::NONE;
    let clock = clock(text, &mut flags).ok_or(TimestampInvalid)?;
    let local = Local::new(day, clock, flags, policy)?;
    if weekday.is_some() && weekday != day.map(calendar::weekday) {
        return Err(TimestampWeekday);
    }
    Ok(Written::Clock(local, suffix))
}

/// The words between runs of spaces, and how many. A comment at the end is no word.
fn split<'a>(text: &'a [u8], words: &mut [&'a [u8]; WORDS]) -> Option<usize> {
    let text = match text {
        [before @ .., b')'] => {
            let start = before.iter().rposition(|byte| *byte == b'(')?;
            before[..start].strip_suffix(b" ")?
        }
        _ => text,
    };
    if text.ends_with(b" ") {
        return None;
    }
    let mut count = 0;
    for word in text.split(|byte| *byte == b' ').filter(|word| !word.is_empty()) {
        *words.get_mut(count)? = word;
        count += 1;
    }
    Some(count)
}

/// `15`, `Jan` and `2024`.
#[allow(clippy::option_option, reason = "no date is not the same as a date that doesn't exist")]
fn spaced(day: &[u8], month: &[u8], year: &[u8]) -> Option<Day> {
    let mut cursor = Cursor(year);
    let year = cursor.number(4).filter(|_| cursor.is_empty())?;
    let day = super::cursor::value(day).filter(|_| matches!(day.len(), 1 | 2))?;
    Some(calendar::date(year, names::month(month)?, day))
}

/// `15-Jan-24`.
#[allow(clippy::option_option, reason = "no date is not the same as a date that doesn't exist")]
fn dashed(date: &[u8], now: i64) -> Option<Day> {
    let mut cursor = Cursor(date);
    let day = cursor.exactly(2)?;
    let month = if cursor.take(b'-') { names::month(cursor.letters())? } else { return None };
    let year = if cursor.take(b'-') { cursor.exactly(2)? } else { return None };
    // No more than 50 years after now, and otherwise the last one that has passed.
    let latest = calendar::year(now.div_euclid(DAY_US)) + 50;
    let year = latest - (latest - year).rem_euclid(100);
    cursor.is_empty().then(|| calendar::date(year, month, day))
}

/// `HH:MM` or `HH:MM:SS`.
fn clock(text: &[u8], flags: &mut Flags) -> Option<Clock<'static>> {
    let mut cursor = Cursor(text);
    let hour = cursor.exactly(2)?;
    let minute = if cursor.take(b':') { cursor.exactly(2)? } else { return None };
    let seconds = cursor.take(b':');
    let second = if seconds { cursor.exactly(2)? } else { 0 };
    flags.set_if(Flags::REDUCED_PRECISION, !seconds);
    cursor.is_empty().then_some(Clock { hour, minute, second, fraction: b"" })
}

fn offset(text: &[u8]) -> Result<Given, RejectCode> {
    if let [b'+' | b'-', digits @ ..] = text {
        return if digits.len() == 4 { zone::offset(text).map(Given::Offset) } else { Err(TimestampBadOffset) };
    }
    let zone = ZONES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    match zone {
        Some((_, 0)) => Ok(Given::Utc),
        Some((_, hours)) => Ok(Given::Offset(Offset { seconds: hours * 3600, unknown: false, has_seconds: false })),
        None if text.iter().all(u8::is_ascii_alphabetic) => Err(TimestampUnknownZone),
        None => Err(TimestampInvalid),
    }
}
