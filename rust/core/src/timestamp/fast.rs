//! The most common text, `YYYY-MM-DDTHH:MM:SS[.ffffff]` and `Z` or `+HH:MM`, eight bytes at a time.
//!
//! A shortcut through `iso`: what isn't plainly right is left to it.

#![expect(
    clippy::inline_always,
    reason = "a call passes its result through memory, and that takes longer than reading it"
)]

use super::{DAY_S, SECOND_US};

/// `YYYY-MM-DDTHH:MM:SS` and at least a zone's letter.
const MIN_BYTES: usize = 20;
const TOP_BITS: u64 = 0x8080_8080_8080_8080;

/// The instant that `text` means; `None` if it isn't plainly one.
#[inline(always)]
pub(super) fn instant(text: &[u8]) -> Option<i64> {
    let (date, rest) = text.split_first_chunk::<8>()?;
    let (clock, rest) = rest.split_first_chunk::<8>()?;
    let (seconds, mut rest) = rest.split_first_chunk::<3>()?;
    if text.len() < MIN_BYTES {
        return None;
    }
    let date = pairs(*date, *b"0000-00-", 0x7f76_767f_7676_7676)?;
    let [d1, d2, separator, h1, h2, colon, m1, m2] = *clock;
    if !matches!(separator, b'T' | b't' | b' ' | b'_') {
        return None;
    }
    let clock = pairs([d1, d2, b'T', h1, h2, colon, m1, m2], *b"00T00:00", 0x7676_7f76_767f_7676)?;
    let [colon, s1, s2] = *seconds;
    let (s1, s2) = (s1.wrapping_sub(b'0'), s2.wrapping_sub(b'0'));
    if colon != b':' || s1 > 5 || s2 > 9 {
        return None;
    }
    let at = |pairs: u64, byte: usize| u32::from(pairs.to_le_bytes()[byte]);
    let (year, month) = (at(date, 0) * 100 + at(date, 2), at(date, 5));
    let (day, hour, minute) = (at(clock, 0), at(clock, 3), at(clock, 6));
    let second = u32::from(s1 * 10 + s2);
    if year == 0 || hour > 23 || minute > 59 {
        return None;
    }
    let day = day_of(year, month, day)?;
    let micros = if let [b'.', ..] = rest { fraction(rest, &mut rest)? } else { 0 };
    let offset = match *rest {
        [b'Z'] | [b'+', b'0', b'0', b':', b'0', b'0'] => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => offset(sign, [h1, h2, m1, m2])?,
        _ => return None,
    };
    let second = i64::from(day) * DAY_S + i64::from(hour * 3600 + minute * 60 + second) - offset;
    Some(second * SECOND_US + micros)
}

/// Days before each month of a year without a leap day, from January at 1, and its length.
const MONTHS: [(u16, u8); 13] = [
    (0, 0),
    (0, 31),
    (31, 28),
    (59, 31),
    (90, 30),
    (120, 31),
    (151, 30),
    (181, 31),
    (212, 31),
    (243, 30),
    (273, 31),
    (304, 30),
    (334, 31),
];
/// From the day before 0001-01-01 to 1970-01-01.
const START: u32 = 719_163;

/// Days since 1970-01-01, as `calendar::date` has them, by tables and in 32 bits.
#[inline(always)]
fn day_of(year: u32, month: u32, day: u32) -> Option<i32> {
    let (before, length) = *MONTHS.get(month as usize)?;
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(25) || year.is_multiple_of(16));
    let leap_day = u32::from(leap && month == 2);
    // A day 0 wraps round to a large number.
    if day.wrapping_sub(1) >= u32::from(length) + leap_day {
        return None;
    }
    let past = year - 1;
    let whole_years = past * 365 + past / 4 - past / 100 + past / 400;
    let day = whole_years + u32::from(before) + u32::from(leap && month > 2) + day;
    Some(day.wrapping_sub(START).cast_signed())
}

/// The value of each two digits next to each other, at the place of the first.
///
/// `pattern` has the separators, and zeros for digits. `limits` has 0x76 for digits, so that adding it to a value over 9
/// sets the top bit of a byte, and 0x7f for separators, which have to be equal.
#[inline(always)]
fn pairs(text: [u8; 8], pattern: [u8; 8], limits: u64) -> Option<u64> {
    let values = u64::from_le_bytes(text) ^ u64::from_le_bytes(pattern);
    // Sums may carry, but only out of bytes whose own top bit is set.
    let wrong = (values.wrapping_add(limits) | values) & TOP_BITS;
    (wrong == 0).then(|| values.wrapping_mul(10).wrapping_add(values >> 8))
}

/// A point and up to six digits as microseconds; `rest` is what follows them.
#[inline(always)]
fn fraction<'a>(text: &'a [u8], rest: &mut &'a [u8]) -> Option<i64> {
    // Six digits and three are the usual ones.
    if let Some([point, d1, d2, d3, d4, d5, d6, _]) = text.first_chunk::<8>()
        && let Some(pairs) = pairs([*point, *d1, *d2, *d3, *d4, *d5, *d6, 0], *b".000000\0", 0x7f76_7676_7676_767f)
        && !text[7].is_ascii_digit()
    {
        *rest = &text[7..];
        let [_, p1, _, p2, _, p3, ..] = pairs.to_le_bytes().map(i64::from);
        return Some(p1 * 10_000 + p2 * 100 + p3);
    }
    if let [b'.', d1 @ b'0'..=b'9', d2 @ b'0'..=b'9', d3 @ b'0'..=b'9', after @ ..] = text
        && !after.first().is_some_and(u8::is_ascii_digit)
    {
        *rest = after;
        let [d1, d2, d3] = [d1, d2, d3].map(|digit| i64::from(digit - b'0'));
        return Some(d1 * 100_000 + d2 * 10_000 + d3 * 1_000);
    }
    let digits = &text[1..];
    let count = digits.iter().position(|byte| !byte.is_ascii_digit()).filter(|count| (1..=6).contains(count))?;
    *rest = &digits[count..];
    let value = digits[..count].iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
    Some(value * [0, 100_000, 10_000, 1_000, 100, 10, 1][count])
}

/// Seconds east of UTC, unless -00:00, which is left to others.
#[inline(always)]
fn offset(sign: u8, digits: [u8; 4]) -> Option<i64> {
    let [h1, h2, m1, m2] = digits.map(|digit| digit.wrapping_sub(b'0'));
    if h1 > 1 || h2 > 9 || m1 > 5 || m2 > 9 {
        return None;
    }
    let total = i64::from(h1 * 10 + h2) * 3600 + i64::from(m1 * 10 + m2) * 60;
    match (sign, total) {
        (_, 50_401..) | (b'-', 0) => None,
        (b'-', _) => Some(-total),
        _ => Some(total),
    }
}

#[cfg(test)]
mod tests {
    use super::day_of;
    use crate::timestamp::calendar;

    #[test]
    fn tables_and_calendar_agree_on_every_date_and_on_what_is_none() {
        for year in 1..=9999 {
            for month in 0..=99 {
                for day in [0, 1, 28, 29, 30, 31, 32, 99] {
                    let expected = calendar::date(year.into(), month.into(), day.into());
                    assert_eq!(day_of(year, month, day).map(i64::from), expected, "{year}-{month}-{day}");
                }
            }
        }
    }
}
