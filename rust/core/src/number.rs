//! The grammar of JSON numbers, and the range of PostgreSQL's `numeric`.

use crate::reject::RejectCode;

/// Digits that `numeric` takes before the point, and after it.
const MAX_BEFORE: i64 = 131_072;
const MAX_AFTER: i64 = 16_383;

/// PostgreSQL refuses exponents of this size, those of zero among them (`set_var_from_str` in numeric.c).
const MAX_EXPONENT: i64 = (1 << 30) - 1;

/// Exponents are cut off here. It is far beyond every bound, and sums of it don't overflow.
const EXPONENT_CAP: i64 = 1 << 40;

/// A number taken apart: `int.frac` times ten to the `exponent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Number<'a> {
    pub(crate) negative: bool,
    pub(crate) int: &'a [u8],
    pub(crate) frac: &'a [u8],
    pub(crate) exponent: i64,
}

impl<'a> Number<'a> {
    /// Take `token` apart; `None` if it isn't a JSON number.
    pub(crate) fn parse(token: &'a [u8]) -> Option<Self> {
        let (negative, rest) = match token {
            [b'-', rest @ ..] => (true, rest),
            _ => (false, token),
        };
        let (int, rest) = digits(rest)?;
        if int.len() > 1 && int[0] == b'0' {
            return None;
        }
        let (frac, rest) = match rest {
            [b'.', rest @ ..] => digits(rest)?,
            _ => (&rest[..0], rest),
        };
        let exponent = match rest {
            [] => 0,
            [b'e' | b'E', rest @ ..] => exponent(rest)?,
            _ => return None,
        };
        Some(Self { negative, int, frac, exponent })
    }

    /// Zeros before the first other digit of `int` and `frac`; `None` if there is no other digit.
    pub(crate) fn leading_zeros(&self) -> Option<usize> {
        self.int.iter().chain(self.frac).position(|&digit| digit != b'0')
    }

    /// Whether `numeric` takes it. Of zero only the digits after the point count.
    pub(crate) fn fits_numeric(&self) -> bool {
        let before = self.leading_zeros().map_or(0, |zeros| length(self.int) + self.exponent - as_i64(zeros));
        let after = length(self.frac) - self.exponent;
        before <= MAX_BEFORE && after <= MAX_AFTER && self.exponent.abs() < MAX_EXPONENT
    }
}

/// What is wrong with a bare word that should be a number.
pub(crate) fn check(token: &[u8]) -> Option<RejectCode> {
    match Number::parse(token) {
        None => Some(RejectCode::BadNumber),
        Some(number) if number.fits_numeric() => None,
        Some(_) => Some(RejectCode::NumberOutOfRange),
    }
}

/// At least one digit, and the rest.
fn digits(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

fn exponent(text: &[u8]) -> Option<i64> {
    let (negative, rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let (digits, rest) = digits(rest)?;
    if !rest.is_empty() {
        return None;
    }
    let size = digits.iter().fold(0, |size, digit| (size * 10 + i64::from(digit - b'0')).min(EXPONENT_CAP));
    Some(if negative { -size } else { size })
}

fn length(digits: &[u8]) -> i64 {
    as_i64(digits.len())
}

fn as_i64(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::reject::RejectCode::{BadNumber, NumberOutOfRange};

    #[test]
    fn takes_what_json_takes() {
        for good in ["0", "-0", "1", "10", "1.0", "0.10", "1e5", "1E+5", "-1.5e-3", "0e0", "18446744073709551616"] {
            assert_eq!(check(good.as_bytes()), None, "{good}");
        }
        for bad in [
            "", "-", "+1", "01", "-01", "1.", ".5", "1e", "1e+", "1.e1", "NaN", "Infinity", "0x1", "1_0", "1e5x",
            "--1", "1-",
        ] {
            assert_eq!(check(bad.as_bytes()), Some(BadNumber), "{bad}");
        }
    }

    #[test]
    fn refuses_exactly_what_numeric_refuses() {
        let zeros = |count: usize| "0".repeat(count);
        let good = [
            "1e131071".to_owned(),
            "0.1e131072".to_owned(),
            "99e131070".to_owned(),
            "1e-16383".to_owned(),
            "10e-16383".to_owned(),
            "0e131072".to_owned(),
            "0e1073741822".to_owned(),
            format!("1{}", zeros(131_071)),
            format!("1.{}", zeros(16_383)),
        ];
        for good in good {
            assert_eq!(check(good.as_bytes()), None, "{}", &good[..good.len().min(20)]);
        }
        let bad = [
            "1e131072".to_owned(),
            "0e1073741823".to_owned(),
            "10e131071".to_owned(),
            "1e-16384".to_owned(),
            "1.0e-16383".to_owned(),
            "1e99999999999999999999".to_owned(),
            "1e-99999999999999999999".to_owned(),
            format!("1{}", zeros(131_072)),
            format!("1.{}", zeros(16_384)),
        ];
        for bad in bad {
            assert_eq!(check(bad.as_bytes()), Some(NumberOutOfRange), "{}", &bad[..bad.len().min(20)]);
        }
    }
}
