//! Timestamps into microseconds since 1970-01-01 UTC: right, or refused.
//!
//! Text is `YYYY-MM-DD[T|t| ]HH:MM[:SS[.|,fraction]]` and a zone, or a bare number (see `epoch`). What isn't known is
//! refused, never guessed. Fractions are cut to microseconds, towards the past, not rounded.

use crate::epoch;
use crate::number::Number;
use crate::reject::RejectCode;

/// From PostgreSQL's epoch, 2000-01-01, to that of Unix.
pub const UNIX_TO_POSTGRES_US: i64 = 946_684_800_000_000;

/// Longer text is refused unread.
const MAX_BYTES: usize = 64;
const MAX_FRACTION: usize = 30;
const MAX_OFFSET_S: i64 = 14 * 3600;
const DAY_S: i64 = 86_400;

/// The first second of year 1 and the last of year 9999.
const FIRST_S: i64 = -62_135_596_800;
const LAST_S: i64 = 253_402_300_799;

/// The instant that `text`, a string without its quotes and escapes, means.
pub fn from_text(text: &[u8], now_us: i64) -> Result<i64, RejectCode> {
    if text.len() > MAX_BYTES {
        return Err(RejectCode::TimestampInvalid);
    }
    match text {
        [_, _, _, b'0'..=b'9', b'-', ..] => iso(text),
        _ => from_number(text, now_us),
    }
}

/// The instant that `token`, a JSON number, means.
pub fn from_number(token: &[u8], now_us: i64) -> Result<i64, RejectCode> {
    let number = Some(token).filter(|token| token.len() <= MAX_BYTES).and_then(Number::parse);
    epoch::micros(&number.ok_or(RejectCode::TimestampInvalid)?, now_us)
}

fn iso(text: &[u8]) -> Result<i64, RejectCode> {
    let (time, zone) = split(text).ok_or(RejectCode::TimestampInvalid)?;
    time.check()?;
    let offset = match zone {
        b"Z" | b"z" => 0,
        b"" => return Err(RejectCode::TimestampNoZone),
        _ => offset(zone).ok_or(RejectCode::TimestampInvalid)?,
    };
    time.instant(offset)
}

/// What stands on the clock and in the calendar of some zone.
struct Local {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    micros: i64,
    /// Whether some digit of the fraction, cut off or not, is other than zero.
    fraction: bool,
}

/// The time, and the zone behind it.
fn split(text: &[u8]) -> Option<(Local, &[u8])> {
    let (date, rest) = text.split_first_chunk::<16>()?;
    let [y1, y2, y3, y4, b'-', mo1, mo2, b'-', d1, d2, b'T' | b't' | b' ', h1, h2, b':', mi1, mi2] = *date else {
        return None;
    };
    let mut local = Local {
        year: pair(y1, y2)? * 100 + pair(y3, y4)?,
        month: pair(mo1, mo2)?,
        day: pair(d1, d2)?,
        hour: pair(h1, h2)?,
        minute: pair(mi1, mi2)?,
        second: 0,
        micros: 0,
        fraction: false,
    };
    let [b':', s1, s2, rest @ ..] = rest else { return Some((local, rest)) };
    local.second = pair(*s1, *s2)?;
    let [b'.' | b',', rest @ ..] = rest else { return Some((local, rest)) };
    let end = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
    if !(1..=MAX_FRACTION).contains(&end) {
        return None;
    }
    let (digits, zone) = rest.split_at(end);
    local.fraction = digits.iter().any(|&digit| digit != b'0');
    local.micros =
        (0..6).fold(0, |micros, place| micros * 10 + digits.get(place).map_or(0, |digit| i64::from(digit - b'0')));
    Some((local, zone))
}

/// Two digits as a number.
fn pair(tens: u8, ones: u8) -> Option<i64> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| i64::from(tens * 10 + ones))
}

/// Seconds east of UTC: `+HH`, `+HHMM` or `+HH:MM`.
fn offset(zone: &[u8]) -> Option<i64> {
    let (hours, minutes) = match *zone {
        [_, h1, h2] => (pair(h1, h2)?, 0),
        [_, h1, h2, m1, m2] | [_, h1, h2, b':', m1, m2] => (pair(h1, h2)?, pair(m1, m2)?),
        _ => return None,
    };
    let seconds = hours * 3600 + minutes * 60;
    if minutes > 59 || seconds > MAX_OFFSET_S {
        return None;
    }
    match zone[0] {
        b'+' => Some(seconds),
        b'-' => Some(-seconds),
        _ => None,
    }
}

impl Local {
    /// Whether clock and calendar have it. Leap seconds wait for the zone.
    fn check(&self) -> Result<(), RejectCode> {
        let end_of_day = self.hour == 24 && self.minute == 0 && self.second == 0 && !self.fraction;
        let date = (1..=12).contains(&self.month) && (1..=days_in_month(self.year, self.month)).contains(&self.day);
        let time = (self.hour <= 23 || end_of_day) && self.minute <= 59 && self.second <= 60;
        if !(date && time) {
            return Err(RejectCode::TimestampInvalid);
        }
        if self.year == 0 { Err(RejectCode::TimestampOutOfRange) } else { Ok(()) }
    }

    fn instant(&self, offset: i64) -> Result<i64, RejectCode> {
        let clock = self.hour * 3600 + self.minute * 60 + self.second;
        let seconds = days(self.year, self.month, self.day) * DAY_S + clock - offset;
        // A leap second has the number of the second after it, which starts a half of a year.
        if self.second == 60 && !self.starts_half_year(seconds) {
            return Err(RejectCode::TimestampInvalid);
        }
        if (FIRST_S..=LAST_S).contains(&seconds) {
            Ok(seconds * 1_000_000 + self.micros)
        } else {
            Err(RejectCode::TimestampOutOfRange)
        }
    }

    fn starts_half_year(&self, seconds: i64) -> bool {
        // A zone moves the date by a day at most.
        let starts = |year| [days(year, 1, 1), days(year, 7, 1)];
        let starts = [starts(self.year), starts(self.year + 1)];
        starts.as_flattened().iter().any(|start| start * DAY_S == seconds)
    }
}

const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01, in the calendar of Gregory at all times. Years start in March, so that leap days come last.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    // Never below year -1: 400 years make the division round towards the past.
    let era_year = year + 400;
    era_year * 365 + era_year / 4 - era_year / 100 + era_year / 400 + day_of_year - 719_468 - 146_097
}
