//! The most common text, `YYYY-MM-DDTHH:MM:SS[.ffffff]` and `Z` or `+HH:MM`, eight bytes at a time.
//!
//! A shortcut through `iso`: what isn't plainly right is left to it.

#![expect(
    clippy::inline_always,
    reason = "a call passes its result through memory, and that takes longer than reading it"
)]

use super::{DAY_S, SECOND_US, calendar};

const TOP_BITS: u64 = 0x8080_8080_8080_8080;

/// The instant that `text` means; `None` if it isn't plainly one.
#[inline(always)]
pub(super) fn instant(text: &[u8]) -> Option<i64> {
    let (date, rest) = text.split_first_chunk::<8>()?;
    let (clock, rest) = rest.split_first_chunk::<8>()?;
    // At least a letter for the zone follows.
    let &[colon, s1, s2, _] = rest.first_chunk::<4>()?;
    let [d1, d2, separator, h1, h2, middle, m1, m2] = *clock;
    let (date, wrong_date) = pairs(*date, *b"0000-00-", 0x7f76_767f_7676_7676);
    let (clock, wrong_clock) = pairs([d1, d2, b'T', h1, h2, middle, m1, m2], *b"00T00:00", 0x7676_7f76_767f_7676);
    let (second, wrong_second) = pairs([colon, s1, s2, 0, 0, 0, 0, 0], *b":00\0\0\0\0\0", 0x7f7f_7f7f_7f76_767f);
    if wrong_date | wrong_clock | wrong_second != 0 || !matches!(separator, b'T' | b't' | b' ' | b'_') {
        return None;
    }
    let at = |pairs: u64, byte: usize| u32::from(pairs.to_le_bytes()[byte]);
    let (year, month) = (at(date, 0) * 100 + at(date, 2), at(date, 5));
    let (day, hour, minute, second) = (at(clock, 0), at(clock, 3), at(clock, 6), at(second, 1));
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let day = day_of(year, month, day)?;
    let mut rest = &rest[3..];
    let micros = if let [b'.', ..] = rest { fraction(rest, &mut rest)? } else { 0 };
    let offset = match *rest {
        [b'Z'] | [b'+', b'0', b'0', b':', b'0', b'0'] => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => offset(sign, [h1, h2, m1, m2])?,
        _ => return None,
    };
    let second = i64::from(day) * DAY_S + i64::from(hour * 3600 + minute * 60 + second) - offset;
    Some(second * SECOND_US + micros)
}

/// Days before each month of a year, from January at 1; the second row is that of leap years. The end is in the last.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "all are small"
)]
const MONTHS: [[u16; 14]; 2] = {
    let mut table = [[0; 14]; 2];
    let mut month = 1;
    while month < 13 {
        // 2023 and 2024, a leap year.
        table[0][month + 1] = table[0][month] + calendar::days_in_month(2023, month as i64) as u16;
        table[1][month + 1] = table[1][month] + calendar::days_in_month(2024, month as i64) as u16;
        month += 1;
    }
    table
};

/// For each year twice the days from 1970-01-01 to its start, and one more for leap years.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "all are small")]
static YEARS: [i32; 10_000] = {
    let mut table = [0; 10_000];
    let mut year = 1;
    while year < 10_000 {
        let days = calendar::days(year, 1, 1) as i32;
        table[year as usize] = days * 2 + calendar::is_leap(year) as i32;
        year += 1;
    }
    table
};

/// Days since 1970-01-01, as `calendar::date` has them.
#[inline(always)]
fn day_of(year: u32, month: u32, day: u32) -> Option<i32> {
    let start = *YEARS.get(year as usize)?;
    let months = &MONTHS[usize::from(start & 1 == 1)];
    let &[before, next] = months.get(month as usize..)?.first_chunk()?;
    // A day 0, and all of a month 0 or 13, wrap round to a large number or find no room.
    if year == 0 || day.wrapping_sub(1) >= u32::from(next.wrapping_sub(before)) || month == 0 {
        return None;
    }
    Some((start >> 1) + i32::from(before) + day.cast_signed() - 1)
}

/// The value of each two digits next to each other, at the place of the first, and not 0 if the text isn't right.
///
/// `pattern` has the separators, and zeros for digits. `limits` has 0x76 for digits, so that adding it to a value over 9
/// sets the top bit of a byte, and 0x7f for separators, which have to be equal.
#[inline(always)]
fn pairs(text: [u8; 8], pattern: [u8; 8], limits: u64) -> (u64, u64) {
    let values = u64::from_le_bytes(text) ^ u64::from_le_bytes(pattern);
    // Sums may carry, but only out of bytes whose own top bit is set.
    let wrong = (values.wrapping_add(limits) | values) & TOP_BITS;
    (values.wrapping_mul(10).wrapping_add(values >> 8), wrong)
}

/// A point and up to six digits as microseconds; `rest` is what follows them.
#[inline(always)]
fn fraction<'a>(text: &'a [u8], rest: &mut &'a [u8]) -> Option<i64> {
    // Six digits and three are the usual ones.
    if let Some([point, d1, d2, d3, d4, d5, d6, _]) = text.first_chunk::<8>()
        && let (pairs, 0) = pairs([*point, *d1, *d2, *d3, *d4, *d5, *d6, 0], *b".000000\0", 0x7f76_7676_7676_767f)
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
        for year in 0..=10_001 {
            for month in 0..=99 {
                for day in [0, 1, 28, 29, 30, 31, 32, 99] {
                    let known = (1..=9999).contains(&year);
                    let expected = calendar::date(year.into(), month.into(), day.into()).filter(|_| known);
                    assert_eq!(day_of(year, month, day).map(i64::from), expected, "{year}-{month}-{day}");
                }
            }
        }
    }
}
