//! Floats of 64 bits.

use crate::reject::RejectCode;

/// The nearest float. PostgreSQL, too, refuses numbers that would become infinity, or zero without being it.
pub(crate) fn double(token: &[u8]) -> Result<f64, RejectCode> {
    let value: f64 = str::from_utf8(token).ok().and_then(|text| text.parse().ok()).ok_or(RejectCode::BadNumber)?;
    let mantissa = token.iter().take_while(|byte| !b"eE".contains(byte));
    if value.is_infinite() || value == 0.0 && mantissa.clone().any(|byte| matches!(byte, b'1'..=b'9')) {
        return Err(RejectCode::NumberOutOfRange);
    }
    Ok(value)
}

/// What JSON has no number for.
pub(crate) fn special_double(text: &[u8]) -> Option<f64> {
    match text {
        b"NaN" => Some(f64::NAN),
        b"Infinity" => Some(f64::INFINITY),
        b"-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{double, special_double};
    use crate::reject::RejectCode::NumberOutOfRange;

    #[test]
    fn the_ends_of_the_range_are_kept_and_what_is_beyond_is_refused() {
        for (text, value) in [
            ("0", 0.0),
            ("0e999", 0.0),
            ("0.1", 0.1),
            ("1.7976931348623157e308", f64::MAX),
            ("5e-324", 5e-324),
            ("2.2250738585072014e-308", f64::MIN_POSITIVE),
            ("9007199254740993", 9_007_199_254_740_992.0),
        ] {
            assert_eq!(double(text.as_bytes()).map(f64::to_bits), Ok(value.to_bits()), "{text}");
        }
        assert_eq!(double(b"-0").map(f64::to_bits), Ok((-0.0_f64).to_bits()));
        for text in ["1e309", "-1e309", "1e-400", "-0.0001e-400", "1e99999999999999999999"] {
            assert_eq!(double(text.as_bytes()), Err(NumberOutOfRange), "{text}");
        }
        assert!(special_double(b"NaN").is_some_and(f64::is_nan));
        assert_eq!((special_double(b"-Infinity"), special_double(b"nan")), (Some(f64::NEG_INFINITY), None));
    }
}
