//! Dates without a time.

use crate::reject::RejectCode;
use crate::timestamp::{calendar, cursor};

/// Days from 1970-01-01 to `YYYY-MM-DD`, of the years 1 to 9999.
pub(crate) fn date(text: &[u8]) -> Result<i32, RejectCode> {
    day(text).and_then(|day| i32::try_from(day).ok()).ok_or(RejectCode::DateInvalid)
}

fn day(text: &[u8]) -> Option<i64> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *text else { return None };
    let year = cursor::value(&[y1, y2, y3, y4]).filter(|year| *year > 0)?;
    calendar::date(year, cursor::value(&[m1, m2])?, cursor::value(&[d1, d2])?)
}

#[cfg(test)]
mod tests {
    use super::date;
    use crate::reject::RejectCode::DateInvalid;

    #[test]
    fn a_date_is_right_or_refused() {
        for (text, days) in [
            ("1970-01-01", 0),
            ("1969-12-31", -1),
            ("2000-02-29", 11_016),
            ("0001-01-01", -719_162),
            ("9999-12-31", 2_932_896),
        ] {
            assert_eq!(date(text.as_bytes()), Ok(days), "{text}");
        }
        for text in [
            "",
            "2024-1-15",
            "2024-01-32",
            "2023-02-29",
            "1900-02-29",
            "0000-01-01",
            "20240115",
            "2024-01-15T00:00:00Z",
            "2024/01/15",
            "2024-01-15 ",
            "+2024-01-15",
            "2024-00-10",
            "12024-01-15",
            "\u{0662}024-01-15",
        ] {
            assert_eq!(date(text.as_bytes()), Err(DateInvalid), "{text}");
        }
    }
}
