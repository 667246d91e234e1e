//! Dates of the proleptic Gregorian calendar as days since 1970-01-01, a Thursday.

pub(crate) const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

pub(crate) const fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The day of a date that exists, of a year not before -1. Years start in March here, so that leap days come last.
#[inline]
pub(crate) const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    // Never below year -1: 400 years make the division round towards the past.
    let era_year = year + 400;
    era_year * 365 + era_year / 4 - era_year / 100 + era_year / 400 + day_of_year - 719_468 - 146_097
}

/// The day of a date; `None` if no calendar has it.
pub(crate) fn date(year: i64, month: i64, day: i64) -> Option<i64> {
    let there = (1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day);
    there.then(|| days(year, month, day))
}

/// The day of `ordinal`, the n-th day of a year from 1.
pub(super) fn ordinal(year: i64, ordinal: i64) -> Option<i64> {
    (1..=365 + i64::from(is_leap(year))).contains(&ordinal).then(|| days(year, 1, 1) + ordinal - 1)
}

/// The day of a week date of ISO 8601: week 1 is that of January 4, weekday 1 is Monday.
pub(super) fn week(year: i64, week: i64, weekday: i64) -> Option<i64> {
    let first_monday = |year| {
        let fourth = days(year, 1, 4);
        fourth - (self::weekday(fourth) - 1)
    };
    let monday = first_monday(year) + (week - 1) * 7;
    ((1..=7).contains(&weekday) && week >= 1 && monday < first_monday(year + 1)).then_some(monday + weekday - 1)
}

/// From 1, Monday, to 7.
pub(super) const fn weekday(day: i64) -> i64 {
    (day + 3).rem_euclid(7) + 1
}

/// The year of a day of the years from 1.
pub(super) const fn year(day: i64) -> i64 {
    // Days since 0000-03-01, in cycles of 400 years (Howard Hinnant, "chrono-compatible low-level date algorithms").
    let day = day + 719_468;
    let of_era = day.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let year = year_of_era + day.div_euclid(146_097) * 400;
    // Day 306 of a year that starts in March is January 1.
    if of_year >= 306 { year + 1 } else { year }
}

#[cfg(test)]
mod tests {
    use super::{date, days_in_month, ordinal, week, weekday, year};

    #[test]
    fn every_day_of_every_year_follows_the_one_before() {
        let mut expected = date(1, 1, 1).expect("a date");
        assert_eq!(expected, -719_162);
        for y in 1..=9999 {
            for month in 1..=12 {
                for day in 1..=days_in_month(y, month) {
                    assert_eq!(date(y, month, day), Some(expected), "{y}-{month}-{day}");
                    assert_eq!(year(expected), y, "{y}-{month}-{day}");
                    expected += 1;
                }
            }
        }
        assert_eq!(expected, 2_932_897);
    }

    #[test]
    fn ordinals_and_weeks_end_with_the_year() {
        assert_eq!(ordinal(2024, 366), date(2024, 12, 31));
        assert_eq!((ordinal(2023, 366), ordinal(2024, 0)), (None, None));
        assert_eq!(week(2024, 3, 1), date(2024, 1, 15));
        assert_eq!(week(2020, 53, 7), date(2021, 1, 3));
        assert_eq!((week(2021, 53, 1), week(2021, 0, 1), week(2021, 1, 8)), (None, None, None));
        assert_eq!((weekday(0), weekday(-1), weekday(4)), (4, 3, 1));
    }
}
