//! `numeric`, digit by digit, in the form of PostgreSQL's `numeric_send`.

use crate::number::Number;
use crate::reject::RejectCode::{self, NumberOutOfRange};

/// Decimal digits in one of PostgreSQL's.
const GROUP: i64 = 4;
const NEGATIVE: u16 = 0x4000;

/// Append `number` to `out`: count of digits to base 10,000, weight of the first, sign, digits after the point, digits.
///
/// As in `numeric_in`, the text decides how many digits follow the point: `1.50` has two, `1e3` none.
pub(crate) fn numeric(number: &Number<'_>, out: &mut Vec<u8>) -> Result<(), RejectCode> {
    if !number.fits_numeric() {
        return Err(NumberOutOfRange);
    }
    let length = |digits: &[u8]| i64::try_from(digits.len()).map_err(|_| NumberOutOfRange);
    let after = (length(number.frac)? - number.exponent).max(0);
    let after = u16::try_from(after).map_err(|_| NumberOutOfRange)?;
    let Some(zeros) = number.leading_zeros() else {
        header(out, 0, 0, 0, after);
        return Ok(());
    };
    let mut digits = number.int.iter().chain(number.frac).skip(zeros).copied();
    let before = length(number.int)? - i64::try_from(zeros).map_err(|_| NumberOutOfRange)? + number.exponent;
    let weight = (before - 1).div_euclid(GROUP);
    // The first group has as many digits as stand before the next multiple of four.
    let first = before - weight * GROUP;
    let start = out.len();
    header(out, 0, i16::try_from(weight).map_err(|_| NumberOutOfRange)?, 0, after);
    // The widest number has 36,864 groups: PostgreSQL counts them without a sign.
    let (mut end, mut count) = (out.len(), 0_u16);
    let mut size = first;
    let mut groups = 0_u16;
    while let Some(group) = next_group(&mut digits, size) {
        out.extend_from_slice(&group.to_be_bytes());
        groups += 1;
        if group != 0 {
            (end, count) = (out.len(), groups);
        }
        size = GROUP;
    }
    out.truncate(end);
    out[start..start + 2].copy_from_slice(&count.to_be_bytes());
    let sign = if number.negative { NEGATIVE } else { 0 };
    out[start + 4..start + 6].copy_from_slice(&sign.to_be_bytes());
    Ok(())
}

fn header(out: &mut Vec<u8>, count: u16, weight: i16, sign: u16, after: u16) {
    for field in [count.to_be_bytes(), weight.to_be_bytes(), sign.to_be_bytes(), after.to_be_bytes()] {
        out.extend_from_slice(&field);
    }
}

/// The next `size` digits as one to base 10,000, filled with zeros at the end; `None` if there are none.
fn next_group(digits: &mut impl Iterator<Item = u8>, size: i64) -> Option<u16> {
    let first = digits.next()?;
    Some((1..size).fold(u16::from(first - b'0'), |group, _| {
        group * 10 + digits.next().map_or(0, |digit| u16::from(digit - b'0'))
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::numeric;
    use crate::number::Number;

    fn binary(text: &str) -> Vec<u8> {
        let mut out = vec![7];
        numeric(&Number::parse(text.as_bytes()).expect("a number"), &mut out).expect("in range");
        out.split_off(1)
    }

    fn hex(text: &str) -> String {
        binary(text).iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
    }

    /// Sign, digits without zeros at either end, and where the point is, before the first of them.
    fn plain(text: &str) -> (bool, String, i64) {
        let number = Number::parse(text.as_bytes()).expect("a number");
        let digits = String::from_utf8([number.int, number.frac].concat()).expect("ASCII");
        let zeros = digits.len() - digits.trim_start_matches('0').len();
        let point =
            i64::try_from(number.int.len()).expect("short") + number.exponent - i64::try_from(zeros).expect("short");
        let digits = digits.trim_matches('0').to_owned();
        if digits.is_empty() { (false, digits, 0) } else { (number.negative, digits, point) }
    }

    /// The same of what was written.
    fn decoded(binary: &[u8]) -> (bool, String, i64) {
        let fields: Vec<u16> = binary.chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
        assert_eq!(usize::from(fields[0]), fields.len() - 4);
        let weight = i64::from(fields[1].cast_signed());
        let digits = fields[4..].iter().fold(String::new(), |digits, group| format!("{digits}{group:04}"));
        let zeros = digits.len() - digits.trim_start_matches('0').len();
        let point = (weight + 1) * 4 - i64::try_from(zeros).expect("short");
        let digits = digits.trim_matches('0').to_owned();
        if digits.is_empty() { (false, digits, 0) } else { (fields[2] == 0x4000, digits, point) }
    }

    #[test]
    fn bytes_are_those_of_numeric_send() {
        // select encode(numeric_send('1.50'), 'hex'), PostgreSQL 15.
        for (text, expected) in [
            ("0", "0000000000000000"),
            ("-0", "0000000000000000"),
            ("0.000", "0000000000000003"),
            ("1", "00010000000000000001"),
            ("-1.50", "000200004000000200011388"),
            ("123456789.0001", "0004000200000004000109291a850001"),
            ("0.00001", "0001fffe0000000503e8"),
            ("9999.9999", "0002000000000004270f270f"),
            ("100000000", "00010002000000000001"),
            ("1e10", "00010002000000000064"),
            ("1e-10", "0001fffd0000000a0064"),
            ("12345678901234567890.5", "000600040000000104d2162e23340d801ed21388"),
            ("1e131071", "00017fff0000000003e8"),
            ("1e-16383", "0001f00000003fff000a"),
            ("1.5e-3", "0001ffff00000004000f"),
            ("0.1000", "0001ffff0000000403e8"),
        ] {
            assert_eq!(hex(text), expected, "{text}");
        }
    }

    #[test]
    fn the_widest_number_fits() {
        let text = format!("{}.{}", "9".repeat(131_072), "9".repeat(16_383));
        let binary = binary(&text);
        assert_eq!((&binary[..2], binary.len()), (&[0x90, 0][..], 8 + 2 * 36_864));
    }

    proptest! {
        #[test]
        fn no_digit_is_lost(int in "0|[1-9][0-9]{0,30}", frac in "(\\.[0-9]{1,30})?", e in -40..40_i32, minus in any::<bool>()) {
            let text = format!("{}{int}{frac}e{e}", if minus { "-" } else { "" });
            let binary = binary(&text);
            prop_assert_eq!(decoded(&binary), plain(&text));
            let places = i64::try_from(frac.len().saturating_sub(1))? - i64::from(e);
            prop_assert_eq!(i64::from(u16::from_be_bytes([binary[6], binary[7]])), places.max(0));
            // The first and last digits to base 10,000 are never zero.
            prop_assert!(binary.len() == 8 || binary[8..10] != [0, 0] && !binary.ends_with(&[0, 0]));
        }
    }
}
