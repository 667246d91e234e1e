//! Guarantees of the timestamps: the right instant, or the reason why there is none.

use datasync_core::RejectCode::{self, TimestampInvalid, TimestampNoZone, TimestampOutOfRange};
use datasync_core::timestamp::{from_number, from_text};
use proptest::prelude::*;

const NOW_US: i64 = 1_769_600_000_000_000;
/// 2024-01-15T10:30:00Z.
const C: i64 = 1_705_314_600_000_000;

fn read(text: &str) -> Result<i64, RejectCode> {
    from_text(text.as_bytes(), NOW_US)
}

#[test]
fn text_is_read_right() {
    for (text, micros) in [
        ("2024-01-15T10:30:00Z", C),
        ("2024-01-15t10:30:00z", C),
        ("2024-01-15 10:30Z", C),
        ("2024-01-15T10:30:00.1Z", C + 100_000),
        ("2024-01-15T10:30:00,123Z", C + 123_000),
        ("2024-01-15T10:30:00.123456789Z", C + 123_456),
        ("2024-01-15T10:30:59.999999999999999999999999999999Z", C + 59_999_999),
        ("1969-12-31T23:59:59.9999999Z", -1),
        ("2024-01-15T16:00:00+05:30", C),
        ("2024-01-15T16:00:00+0530", C),
        ("2024-01-15T15:30:00+05", C),
        ("2024-01-15T10:30:00-00:00", C),
        ("2024-01-16T00:30:00+14:00", C),
        ("2024-01-14T22:30:00-12:00", C),
        ("2024-01-15T24:00:00Z", C + 48_600_000_000),
        ("2024-01-15T24:00Z", C + 48_600_000_000),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000_000),
        ("2016-06-30T23:59:60Z", 1_467_331_200_000_000),
        ("2017-01-01T05:29:60+05:30", 1_483_228_800_000_000),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000_000),
        ("2000-02-29T00:00:00Z", 951_782_400_000_000),
        ("0001-01-01T00:00:00Z", -62_135_596_800_000_000),
        ("9999-12-31T23:59:59.9999999Z", 253_402_300_799_999_999),
    ] {
        assert_eq!(read(text), Ok(micros), "{text}");
    }
}

#[test]
fn text_that_is_not_known_is_refused() {
    for text in [
        "",
        " ",
        "now",
        "null",
        "2024-01",
        "2024-01-15",
        "10:30:00",
        "2024-01-15T10Z",
        "2024-01-15T10:30.5Z",
        "2024-01-15T10:30:00.Z",
        "2024-01-15T10:30:00.1234567890123456789012345678901Z",
        " 2024-01-15T10:30:00Z",
        "2024-01-15T10:30:00Z ",
        "2024-01-15T10:30:00Z\n",
        "2024-01-15T10:30:00 Z",
        "2024-01-15_10:30:00Z",
        "2024-02-30T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2024-13-01T00:00:00Z",
        "2024-00-01T00:00:00Z",
        "2024-01-00T00:00:00Z",
        "2024-04-31T00:00:00Z",
        "2024-01-15T25:00:00Z",
        "2024-01-15T10:60:00Z",
        "2024-01-15T10:30:61Z",
        "2024-01-15T24:00:01Z",
        "2024-01-15T24:01:00Z",
        "2024-01-15T24:00:00.0000001Z",
        "2016-06-15T12:00:60Z",
        "2016-12-31T23:59:60+01:00",
        "2016-12-30T23:59:60Z",
        "2024-01-15T10:30:00+5",
        "2024-01-15T10:30:00+530",
        "2024-01-15T10:30:00+24:00",
        "2024-01-15T10:30:00+05:60",
        "2024-01-15T10:30:00+16:00",
        "2024-01-15T10:30:00+14:01",
        "2024-01-15T10:30:00+05:30:15",
        "2024-01-15T10:30:00+01:00[Europe/Paris]",
        "2024-01-15T10:30:00\u{2212}01:00",
        "2024-1-5T3:4:5Z",
        "20240115T103000Z",
        "2024-01-15T103000Z",
        "2024-W03-1T10:30:00Z",
        "+012024-01-15T10:30:00Z",
        "10000-01-01T00:00:00Z",
        "0000-00-00 00:00:00",
        "2024-01-15T10:30:00; DROP",
        "2024-01-15T10:30:00\0Z",
        "Mon, 15 Jan 2024 10:30:00 GMT",
        "1/2/2024",
        "infinity",
        "NaN",
        "Infinity",
        "0x65",
        "1705314600.",
        "+1705314600",
        "01705314600",
        "1705314600 ",
        "1_705_314_600",
        "\u{0662}\u{0660}\u{0662}\u{0664}",
        "true",
    ] {
        assert_eq!(read(text), Err(TimestampInvalid), "{text:?}");
    }
    assert_eq!(read(&"1".repeat(65)), Err(TimestampInvalid));
    assert_eq!(read(&"9".repeat(1_000_000)), Err(TimestampInvalid));
}

#[test]
fn text_without_a_zone_is_several_instants() {
    for text in ["2024-01-15T10:30", "2024-01-15 10:30:00", "2024-01-15T10:30:00.5", "2024-01-15T24:00:00"] {
        assert_eq!(read(text), Err(TimestampNoZone), "{text}");
    }
    assert_eq!(read("2024-02-30T10:30:00"), Err(TimestampInvalid));
}

#[test]
fn years_beyond_1_to_9999_are_out_of_range_after_the_shift_too() {
    for text in [
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+00:01",
        "0000-12-31T23:30:00-01:00",
        "9999-12-31T23:59:59-00:01",
        "9999-12-31T24:00:00Z",
        "9999-12-31T23:59:60Z",
    ] {
        assert_eq!(read(text), Err(TimestampOutOfRange), "{text}");
    }
}

#[test]
fn numbers_are_read_to_the_digit_in_the_one_plausible_unit() {
    for (text, micros) in [
        ("1705314600", C),
        ("1705314600000", C),
        ("1705314600000000", C),
        ("1705314600000000000", C),
        ("1705314600000000999", C),
        ("1705314600.5", C + 500_000),
        ("1705314600.1234569", C + 123_456),
        ("1705314600123.4", C + 123_400),
        ("1.7053146e9", C),
        ("1.7053146E+12", C),
        ("17053146000e-1", C),
        ("0.00017053146e13", C),
        ("946684800", 946_684_800_000_000),
        ("1769686400", NOW_US + 86_400_000_000),
    ] {
        assert_eq!(read(text), Ok(micros), "{text}");
        assert_eq!(from_number(text.as_bytes(), NOW_US), Ok(micros), "{text}");
    }
    for text in [
        "0",
        "-0",
        "-1",
        "1",
        "-1705314600",
        "946684799.999999",
        "1769686401",
        "1769686400.000001",
        "20000000001",
        "99999999999",
        "20240115",
        "20240115103000",
        "170531",
        "2024",
        "1e400",
        "1e-400",
        "1705314600e10",
        "0.5",
        "133497882000000000",
        "638409114000000000",
        "13349788200000000",
        "727007400",
        "45306.4375",
        "1e9223372036854775807",
        "1e-99999999999999999999",
    ] {
        assert_eq!(read(text), Err(TimestampOutOfRange), "{text}");
        assert_eq!(from_number(text.as_bytes(), NOW_US), Err(TimestampOutOfRange), "{text}");
    }
}

#[test]
fn a_clock_far_off_makes_nothing_ambiguous_and_nothing_overflow() {
    assert_eq!(from_text(b"1705314600", 0), Err(TimestampOutOfRange));
    assert_eq!(from_text(b"1705314600", i64::MIN), Err(TimestampOutOfRange));
    // In seconds it would be the year 56,009.
    assert_eq!(from_text(b"1705314600000", i64::MAX), Ok(C));
    assert_eq!(from_text(b"253402300799", i64::MAX), Ok(253_402_300_799_000_000));
    assert_eq!(from_text(b"253402300800", i64::MAX), Err(TimestampOutOfRange));
}

proptest! {
    #[test]
    fn whatever_the_text_it_is_read_or_refused(text in "\\PC{0,70}", now in any::<i64>()) {
        let _ = from_text(text.as_bytes(), now);
    }

    #[test]
    fn every_instant_survives_every_way_of_writing_it(micros in 946_684_800_000_000..NOW_US, minutes in -840..=840_i64) {
        let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
        for text in [
            format!("{seconds}.{fraction:06}9"),
            format!("{}.{:03}", micros / 1000, micros % 1000),
            format!("{micros}"),
            format!("{micros}999"),
            format!("{micros}e-6"),
        ] {
            prop_assert_eq!(from_text(text.as_bytes(), NOW_US), Ok(micros), "{}", text);
        }
        let local = seconds + minutes * 60;
        let (date, clock) = (civil(local.div_euclid(86_400)), local.rem_euclid(86_400));
        let sign = if minutes < 0 { '-' } else { '+' };
        let text = format!(
            "{date}T{:02}:{:02}:{:02}.{fraction:06}7{sign}{:02}:{:02}",
            clock / 3600, clock / 60 % 60, clock % 60, minutes.abs() / 60, minutes.abs() % 60
        );
        prop_assert_eq!(from_text(text.as_bytes(), NOW_US), Ok(micros), "{}", text);
    }
}

/// The date `days` after 1970-01-01, counted out year by year and month by month.
fn civil(mut days: i64) -> String {
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let mut year = 1970;
    while days >= 365 + i64::from(leap(year)) {
        days -= 365 + i64::from(leap(year));
        year += 1;
    }
    let february = 28 + i64::from(leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!("{year:04}-{month:02}-{:02}", days + 1)
}
