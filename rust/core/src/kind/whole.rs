//! Whole numbers of 64 bits.

use std::iter::repeat;

use crate::number::Number;
use crate::reject::RejectCode::{self, NumberNotWhole, NumberOutOfRange};

/// Digits that 64 bits have at most.
const MAX_DIGITS: usize = 19;

/// The whole number that `number` is, however it is written: `5.0` and `1e3` are some, `5.5` isn't.
pub(crate) fn whole(number: &Number<'_>) -> Result<i64, RejectCode> {
    let Some(zeros) = number.leading_zeros() else { return Ok(0) };
    let digits = || number.int.iter().chain(number.frac).skip(zeros).map(|digit| i64::from(digit - b'0'));
    // Digits before the point, without leading zeros.
    let length = i64::try_from(number.int.len()).map_err(|_| NumberOutOfRange)?;
    let before = length - i64::try_from(zeros).map_err(|_| NumberOutOfRange)? + number.exponent;
    let count = usize::try_from(before).unwrap_or(0);
    if digits().skip(count).any(|digit| digit != 0) {
        return Err(NumberNotWhole);
    }
    if count > MAX_DIGITS {
        return Err(NumberOutOfRange);
    }
    // Counted down from zero: the least number has no positive twin.
    let minus = digits()
        .chain(repeat(0))
        .take(count)
        .try_fold(0_i64, |value, digit| value.checked_mul(10).and_then(|value| value.checked_sub(digit)));
    let value = if number.negative { minus } else { minus.and_then(i64::checked_neg) };
    value.ok_or(NumberOutOfRange)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::whole;
    use crate::number::Number;
    use crate::reject::RejectCode::{self, NumberNotWhole, NumberOutOfRange};

    fn read(text: &str) -> Result<i64, RejectCode> {
        whole(&Number::parse(text.as_bytes()).expect("a number"))
    }

    #[test]
    fn whole_is_a_matter_of_value_not_of_writing() {
        for (text, value) in [
            ("0", 0),
            ("-0", 0),
            ("0.000", 0),
            ("0e99999999999999999999", 0),
            ("5.0", 5),
            ("1e3", 1000),
            ("10e-1", 1),
            ("-12.50e1", -125),
            ("0.005e3", 5),
            ("9223372036854775807", i64::MAX),
            ("-9223372036854775808", i64::MIN),
            ("922337203685477580.7e1", i64::MAX),
        ] {
            assert_eq!(read(text), Ok(value), "{text}");
        }
        for text in ["5.5", "1e-1", "0.1", "1e-99999999999999999999", "12345678901234567890.5"] {
            assert_eq!(read(text), Err(NumberNotWhole), "{text}");
        }
        for text in ["9223372036854775808", "-9223372036854775809", "1e19", "1e99999999999999999999"] {
            assert_eq!(read(text), Err(NumberOutOfRange), "{text}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_arithmetic(value in any::<i64>(), places in 0..20_usize) {
            let zeros = "0".repeat(places);
            prop_assert_eq!(read(&format!("{value}.{zeros}0")), Ok(value));
            prop_assert_eq!(read(&format!("{value}{zeros}e-{places}")), Ok(value));
            let scaled = i128::from(value).checked_mul(10_i128.pow(u32::try_from(places)?));
            let expected = scaled.and_then(|scaled| i64::try_from(scaled).ok()).ok_or(NumberOutOfRange);
            prop_assert_eq!(read(&format!("{value}e{places}")), expected);
        }
    }
}
