//! Whole numbers of 64 bits.

use std::iter::repeat_n;

use crate::number::Number;
use crate::reject::RejectCode::{self, NumberNotWhole, NumberOutOfRange};

/// Digits that 64 bits have at most.
const MAX_DIGITS: usize = 19;

/// The whole number that `number` is, however it is written: `5.0` and `1e3` are some, `5.5` isn't.
pub(crate) fn whole(number: &Number<'_>) -> Result<i64, RejectCode> {
    if number.frac.is_empty() && number.exponent == 0 && number.int.len() < MAX_DIGITS {
        let size = number.int.iter().fold(0, |size, digit| size * 10 + i64::from(digit - b'0'));
        return Ok(if number.negative { -size } else { size });
    }
    scaled(number)
}

/// With a point or exponent, or of 19 digits and more.
fn scaled(number: &Number<'_>) -> Result<i64, RejectCode> {
    let Some(zeros) = number.leading_zeros() else { return Ok(0) };
    let digits = || number.int.iter().chain(number.frac).skip(zeros).map(|digit| i64::from(digit - b'0'));
    // Digits before the point, without leading zeros; negative if zeros follow the point.
    let before = length(number.int.len())? - length(zeros)? + number.exponent;
    let count = usize::try_from(before.max(0)).unwrap_or(usize::MAX);
    if digits().skip(count).any(|digit| digit != 0) {
        return Err(NumberNotWhole);
    }
    if count > MAX_DIGITS {
        return Err(NumberOutOfRange);
    }
    // Counted down from zero: the least number has no positive twin.
    let minus = digits()
        .chain(repeat_n(0, MAX_DIGITS))
        .take(count)
        .try_fold(0_i64, |value, digit| value.checked_mul(10)?.checked_sub(digit));
    let value = if number.negative { minus } else { minus.and_then(i64::checked_neg) };
    value.ok_or(NumberOutOfRange)
}

fn length(count: usize) -> Result<i64, RejectCode> {
    i64::try_from(count).map_err(|_| NumberOutOfRange)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{scaled, whole};
    use crate::number::Number;
    use crate::reject::RejectCode::{self, NumberNotWhole, NumberOutOfRange};

    fn parse(text: &str) -> Number<'_> {
        Number::parse(text.as_bytes()).expect("a number")
    }

    fn read(text: &str) -> Result<i64, RejectCode> {
        whole(&parse(text))
    }

    #[test]
    fn whole_is_a_matter_of_value_not_of_writing() {
        for (text, value) in [
            ("0", 0),
            ("-0", 0),
            ("0.000", 0),
            ("0e999", 0),
            ("-0e-99999999999999999999", 0),
            ("5.0", 5),
            ("1e3", 1000),
            ("10e-1", 1),
            ("-12.50e1", -125),
            ("0.005e3", 5),
            ("0.05e20", 5_000_000_000_000_000_000),
            ("999999999999999999", 999_999_999_999_999_999),
            ("1e18", 1_000_000_000_000_000_000),
            ("9223372036854775807", i64::MAX),
            ("-9223372036854775808", i64::MIN),
            ("-9223372036854775808.000", i64::MIN),
            ("922337203685477580.7e1", i64::MAX),
        ] {
            assert_eq!(read(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn the_rest_is_refused() {
        for text in ["5.5", "1e-1", "0.1", "1e-99999999999999999999", "12345678901234567890.5", "1.05e1"] {
            assert_eq!(read(text), Err(NumberNotWhole), "{text}");
        }
        for text in ["9223372036854775808", "-9223372036854775809", "1e19", "0.1e20", "1e99999999999999999999"] {
            assert_eq!(read(text), Err(NumberOutOfRange), "{text}");
        }
    }

    #[test]
    fn a_long_token_is_read_to_its_end() {
        let zeros = "0".repeat(100_000);
        assert_eq!(read(&format!("7.{zeros}")), Ok(7));
        assert_eq!(read(&format!("7{zeros}e-100000")), Ok(7));
        assert_eq!(read(&format!("0.{zeros}7e100001")), Ok(7));
        assert_eq!(read(&format!("7.{zeros}1")), Err(NumberNotWhole));
        assert_eq!(read(&format!("7{zeros}")), Err(NumberOutOfRange));
    }

    /// `mantissa` times ten to the `exponent`, worked out in 128 bits; the exponent is small.
    fn arithmetic(mantissa: i128, exponent: i32) -> Result<i64, RejectCode> {
        let power = 10_i128.pow(exponent.unsigned_abs());
        if exponent < 0 && mantissa % power != 0 {
            return Err(NumberNotWhole);
        }
        let value = if exponent < 0 { mantissa / power } else { mantissa * power };
        i64::try_from(value).map_err(|_| NumberOutOfRange)
    }

    proptest! {
        #[test]
        fn agrees_with_128_bits(int in 0..=20_000_000_000_i128, frac in "(00|5|[0-9]{0,4})", zeros in 0..6_i32, e in -14..14_i32, minus: bool) {
            let zeros = "0".repeat(usize::try_from(zeros)?);
            let sign = if minus { "-" } else { "" };
            let point = if frac.is_empty() { "" } else { "." };
            let digits: i128 = format!("{sign}{int}{zeros}{frac}").parse()?;
            let text = format!("{sign}{int}{zeros}{point}{frac}e{e}");
            prop_assert_eq!(read(&text), arithmetic(digits, e - i32::try_from(frac.len())?), "{}", text);
        }

        #[test]
        fn the_short_way_is_the_long_one(value: i64) {
            let text = value.to_string();
            prop_assert_eq!((read(&text), scaled(&parse(&text))), (Ok(value), Ok(value)));
        }

        #[test]
        fn the_border_is_exact(near in 0..40_i128, low: bool) {
            let value = i128::from(if low { i64::MIN } else { i64::MAX }) + near - 20;
            prop_assert_eq!(read(&value.to_string()), arithmetic(value, 0));
            prop_assert_eq!(read(&format!("{value}00e-2")), arithmetic(value, 0));
        }
    }
}
