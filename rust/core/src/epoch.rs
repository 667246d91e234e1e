//! Instants written as a bare number, in a unit that nobody names.

use std::iter::repeat;

use crate::number::Number;
use crate::reject::RejectCode;

/// 2000-01-01: the earliest instant that a number may mean.
const EARLIEST_US: i64 = 946_684_800_000_000;
/// The last instant of the year 9999, and its length in digits.
const LATEST_US: i64 = 253_402_300_799_999_999;
const MAX_DIGITS: usize = 18;
const DAY_US: i64 = 86_400_000_000;

/// Decimal places from s, ms, us and ns to us.
const UNITS: [i64; 4] = [6, 3, 0, -3];

/// The instant that `number` means in the one unit in which it is plausible, cut to microseconds.
///
/// Plausible is from 2000 to a day after `now`, and no later than the year 9999. That is less than a factor of 1,000, so
/// no number is plausible in two units. The digits are shifted, never turned into a float.
pub(crate) fn micros(number: &Number<'_>, now: i64) -> Result<i64, RejectCode> {
    let latest = now.saturating_add(DAY_US).min(LATEST_US);
    let zeros = number.leading_zeros().filter(|_| !number.negative).ok_or(RejectCode::TimestampOutOfRange)?;
    let digits = || number.int.iter().chain(number.frac).skip(zeros).map(|digit| i64::from(digit - b'0'));
    // Digits before the point, without leading zeros; 0 or less for fractions.
    let whole = as_i64(number.int.len()).saturating_add(number.exponent).saturating_sub(as_i64(zeros));
    let in_unit = |shift: &i64| {
        let count = usize::try_from(whole.saturating_add(*shift)).ok().filter(|count| *count <= MAX_DIGITS)?;
        let value = digits().chain(repeat(0)).take(count).fold(0, |value, digit| value * 10 + digit);
        (EARLIEST_US..=latest).contains(&value).then_some(value)
    };
    UNITS.iter().find_map(in_unit).ok_or(RejectCode::TimestampOutOfRange)
}

fn as_i64(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
