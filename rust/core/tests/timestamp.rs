//! Guarantees of the timestamps: the right instant, or the reason why there is none.

use datasync_core::RejectCode;
use datasync_core::timestamp::{Policy, PolicyText, Reading, Unit, Value};
use proptest::prelude::*;
use serde::Deserialize;

const TABLE: &str = include_str!("../../../tests/data/timestamps.toml");
const NOW_US: i64 = 1_767_225_600_000_000;
const DAY_US: i64 = 86_400_000_000;

#[derive(Deserialize)]
struct Table {
    now: String,
    group: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    name: String,
    cases: Vec<Case>,
}

/// One input: its JSON, or a start, a repeated middle, how often, and an end.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    json: Option<String>,
    json_repeat: Option<(String, String, usize, String)>,
    #[serde(default)]
    policy: toml::Table,
    is: Option<String>,
    unit: Option<String>,
    #[serde(default)]
    flags: Vec<String>,
    refused: Option<String>,
}

impl Case {
    fn json(&self) -> String {
        match (&self.json, &self.json_repeat) {
            (Some(json), None) => json.clone(),
            (None, Some((start, middle, count, end))) => format!("{start}{}{end}", middle.repeat(*count)),
            _ => panic!("a case has one input"),
        }
    }

    fn policy(&self) -> Result<Policy, String> {
        let json = serde_json::to_vec(&self.policy).expect("JSON");
        PolicyText::parse(&json).map_err(|error| error.to_string())
    }

    /// What a reader should say, as words.
    fn expected(&self) -> String {
        match (&self.is, &self.refused) {
            (Some(is), None) if is == "null" => "null".to_owned(),
            (Some(is), None) => {
                let mut flags = self.flags.clone();
                flags.sort();
                format!("{is} {} {flags:?}", self.unit.as_deref().unwrap_or("text"))
            }
            (None, Some(code)) => code.clone(),
            _ => panic!("{}: a case has one answer", self.json()),
        }
    }
}

fn read(policy: &Policy, json: &str) -> Result<Option<Reading>, RejectCode> {
    match json.as_bytes()[0] {
        b'"' => {
            let text: String = serde_json::from_str(json).expect("a string");
            policy.read(Value::Text(text.as_bytes()), NOW_US)
        }
        b't' | b'f' => policy.read(Value::Boolean, NOW_US),
        b'{' => policy.read(Value::Object(json.as_bytes()), NOW_US),
        b'[' => policy.read(Value::Array(json.as_bytes()), NOW_US),
        _ => policy.read(Value::Number(json.as_bytes()), NOW_US),
    }
}

fn said(found: Result<Option<Reading>, RejectCode>) -> String {
    match found {
        Err(code) => code.as_str().to_owned(),
        Ok(None) => "null".to_owned(),
        Ok(Some(reading)) => {
            let mut flags: Vec<_> = reading.flags.names().collect();
            flags.sort_unstable();
            format!("{} {} {flags:?}", iso(reading.micros), reading.unit.name())
        }
    }
}

/// An instant as the table writes it: no fraction, or six digits of one.
fn iso(micros: i64) -> String {
    let (seconds, fraction) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    let clock = seconds.rem_euclid(86_400);
    let fraction = if fraction == 0 { String::new() } else { format!(".{fraction:06}") };
    let date = civil(seconds.div_euclid(86_400));
    format!("{date}T{:02}:{:02}:{:02}{fraction}Z", clock / 3600, clock / 60 % 60, clock % 60)
}

/// The date `days` after 1970-01-01, counted out year by year and month by month.
fn civil(days: i64) -> String {
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let (mut year, mut days) = (1, days + 719_162);
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

#[test]
fn every_row_of_the_table_has_its_answer() {
    let table: Table = toml::from_str(TABLE).expect("the table");
    assert_eq!(table.now, iso(NOW_US));
    let mut count = 0;
    let mut wrong = Vec::new();
    for group in &table.group {
        for case in &group.cases {
            count += 1;
            let json = case.json();
            let found = case.policy().map_or_else(|error| error, |policy| said(read(&policy, &json)));
            if found != case.expected() {
                let json: String = json.chars().take(80).collect();
                wrong.push(format!("{}: {json} {:?}: {found}, not {}", group.name, case.policy, case.expected()));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 300, "{count}");
}

#[test]
fn a_policy_that_makes_no_sense_is_refused() {
    for json in [
        r#"{"unit":"m"}"#,
        r#"{"units":"s"}"#,
        r#"{"assume_tz":"EST"}"#,
        r#"{"assume_tz":"Europe/Nowhere"}"#,
        r#"{"assume_tz":"+25:00"}"#,
        r#"{"date_only":"midnight"}"#,
        r#"{"form":"jackson"}"#,
        r#"{"form":"excel"}"#,
        r#"{"earliest":"2000-01-01"}"#,
        r#"{"latest":"soon"}"#,
        r#"{"earliest":"2000-01-01T00:00:00Z","latest":"1999-01-01T00:00:00Z"}"#,
        r#"{"sentinels":{"empty":"maybe"}}"#,
        "0",
    ] {
        assert!(PolicyText::parse(json.as_bytes()).is_err(), "{json}");
    }
}

#[test]
fn a_clock_far_off_makes_nothing_ambiguous_and_nothing_overflow() {
    let at = |json: &str, now| {
        Policy::default().read(Value::Number(json.as_bytes()), now).map(|found| found.map(|found| found.micros))
    };
    let c = 1_705_314_600_000_000;
    assert_eq!(at("1705314600", 0), Err(RejectCode::TimestampUnitUnclear));
    assert_eq!(at("1705314600", i64::MIN), Err(RejectCode::TimestampUnitUnclear));
    // In seconds it would be the year 56,009.
    assert_eq!(at("1705314600000", i64::MAX), Ok(Some(c)));
    assert_eq!(at("253402300799", i64::MAX), Ok(Some(253_402_300_799_000_000)));
    assert_eq!(at("253402300800", i64::MAX), Err(RejectCode::TimestampUnitUnclear));
}

/// Policies that read much.
fn policies() -> Vec<Policy> {
    [
        r"{}",
        r#"{"assume_tz":"Europe/Paris","date_only":"midnight","trim":true,"lenient":true,"leap_second":"roll"}"#,
        r#"{"unit":"s","fraction":"round","ambiguous":"later","assume_tz":"America/New_York","leap_second":"clamp"}"#,
        r#"{"unit":"ns","sentinels":{"empty":"null","unix_epoch":"null","year_9999":"quarantine"}}"#,
        r#"{"form":"julian"}"#,
        r#"{"form":"excel","assume_tz":"+14:00"}"#,
        r#"{"form":"jackson","assume_tz":"UTC"}"#,
        r#"{"form":"http"}"#,
        r#"{"form":"oracle","assume_tz":"UTC"}"#,
        r#"{"form":"gps","latest":"2030-01-01T00:00:00Z"}"#,
        r#"{"form":"ulid"}"#,
        r#"{"form":"snowflake"}"#,
    ]
    .iter()
    .map(|json| PolicyText::parse(json.as_bytes()).expect("a right policy"))
    .collect()
}

proptest! {
    #[test]
    fn whatever_the_value_it_is_read_within_the_range_or_refused(
        text in prop_oneof![
            "\\PC{0,70}",
            "[-+]?[0-9]{1,20}(\\.[0-9]{1,20})?([eE][-+]?[0-9]{1,20})?",
            "[0-9]{4}-?(W?[0-9]{1,3})-?[0-9]{0,2}[Tt _]?[0-9:]{0,8}([.,][0-9]{0,40})?( ?[-+Zz][0-9:]{0,8})?(\\[!?[A-Za-z/=]{0,20}\\])?",
            "([A-Z][a-z]{2}, )?[0-9]{1,2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}(:[0-9]{2})? ?([A-Z]{1,4}|[-+][0-9]{4})?",
            "\\\\?/Date\\([-+0-9]{0,25}\\)\\\\?/",
        ],
        now in any::<i64>(),
    ) {
        for policy in policies() {
            for value in [Value::Text(text.as_bytes()), Value::Number(text.as_bytes())] {
                if let Ok(Some(reading)) = policy.read(value, now) {
                    prop_assert!((-62_135_596_800_000_000..=253_402_300_799_999_999).contains(&reading.micros));
                }
            }
        }
    }

    #[test]
    fn every_instant_survives_every_way_of_writing_it(
        micros in 946_684_800_000_000..NOW_US,
        minutes in -840..=840_i64,
        separator in "[Tt _]",
    ) {
        let policy = Policy::default();
        let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
        for (text, unit) in [
            (format!("{seconds}.{fraction:06}9"), Unit::Seconds),
            (format!("{}.{:03}", micros / 1000, micros % 1000), Unit::Millis),
            (format!("{micros}"), Unit::Micros),
            (format!("{micros}999"), Unit::Nanos),
            (format!("{micros}e-6"), Unit::Seconds),
        ] {
            for value in [Value::Text(text.as_bytes()), Value::Number(text.as_bytes())] {
                let found = policy.read(value, NOW_US).map(|found| found.map(|found| (found.micros, found.unit)));
                prop_assert_eq!(found, Ok(Some((micros, unit))), "{}", &text);
            }
        }
        let local = seconds + minutes * 60;
        let (day, clock) = (local.div_euclid(86_400), local.rem_euclid(86_400));
        let date = civil(day);
        let ordinal = day - (0..366).find(|at| civil(day - at).ends_with("-01-01")).map_or(0, |at| day - at) + 1;
        let (sign, offset) = (if minutes < 0 { '-' } else { '+' }, minutes.abs());
        let (h, m, s) = (clock / 3600, clock / 60 % 60, clock % 60);
        let (oh, om) = (offset / 60, offset % 60);
        let year = &date[..4];
        for text in [
            format!("{date}{separator}{h:02}:{m:02}:{s:02}.{fraction:06}{sign}{oh:02}:{om:02}"),
            format!("{date}{separator}{h:02}:{m:02}:{s:02},{fraction:06}7 {sign}{oh:02}{om:02}"),
            format!("{}T{h:02}{m:02}{s:02}.{fraction:06}{sign}{oh:02}{om:02}", date.replace('-', "")),
            format!("{year}-{ordinal:03}T{h:02}:{m:02}:{s:02}.{fraction:06}{sign}{oh:02}:{om:02}"),
        ] {
            let found = policy.read(Value::Text(text.as_bytes()), NOW_US).map(|found| found.map(|found| found.micros));
            prop_assert_eq!(found, Ok(Some(micros)), "{}", &text);
        }
    }

    #[test]
    fn a_number_means_the_same_in_every_writing_of_it(units in -4_000_000_000_i64..8_000_000_000, places in 0..30_usize) {
        let policy = PolicyText::parse(br#"{"unit":"s"}"#).expect("a right policy");
        let micros = |text: &str| policy.read(Value::Number(text.as_bytes()), 0).map(|found| found.map(|found| found.micros));
        let expected = Ok(Some(units * 1_000_000));
        let zeros = "0".repeat(places);
        prop_assert_eq!(micros(&format!("{units}.{zeros}0")), expected);
        prop_assert_eq!(micros(&format!("{units}{zeros}e-{places}")), expected);
        // The least bit more or less: the same microsecond, or the one before.
        prop_assert_eq!(micros(&format!("{units}.{zeros}000000001")), Ok(Some(units * 1_000_000 - i64::from(units < 0))));
    }

    #[test]
    fn days_are_read_as_exactly_as_seconds(micros in 0..60_000 * DAY_US, extra in 0..1_000_u32) {
        // 86,400 s have no finite number of decimal places as a part of a day, but 1/86,400,000,000 cut at 25 has a known floor.
        let policy = PolicyText::parse(br#"{"form":"julian"}"#).expect("a right policy");
        let places = 25_u32;
        let scale = 10_i128.pow(places);
        let fraction = i128::from(micros % DAY_US) * scale / i128::from(DAY_US) + i128::from(extra);
        let text = format!("{}.{fraction:025}", micros / DAY_US + 2_440_588);
        let expected = i64::try_from(fraction * i128::from(DAY_US) / scale).expect("a day") + micros / DAY_US * DAY_US + DAY_US / 2;
        let found = policy.read(Value::Number(text.as_bytes()), 0).map(|found| found.map(|found| found.micros));
        prop_assert_eq!(found, Ok(Some(expected)), "{}", &text);
    }
}
