//! English names of months and weekdays, in any case.

const MONTHS: [&[u8]; 12] =
    [b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"];

const WEEKDAYS: [&[u8]; 7] = [b"monday", b"tuesday", b"wednesday", b"thursday", b"friday", b"saturday", b"sunday"];

/// From 1 to 12, of three letters.
pub(super) fn month(name: &[u8]) -> Option<i64> {
    (1..).zip(MONTHS).find(|(_, month)| month.eq_ignore_ascii_case(name)).map(|(number, _)| number)
}

/// From 1, Monday, to 7, of three letters or in full.
pub(super) fn weekday(name: &[u8]) -> Option<i64> {
    let is = |day: &[u8]| day.eq_ignore_ascii_case(name) || day[..3].eq_ignore_ascii_case(name);
    (1..).zip(WEEKDAYS).find(|(_, day)| is(day)).map(|(number, _)| number)
}
