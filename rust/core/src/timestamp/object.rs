//! Instants written as objects and arrays.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::local::{self, Clock, Local};
use super::policy::Policy;
use super::read::Value;
use super::reading::{Flags, Reading, Unit};
use super::{MAX_BYTES, SECOND_US, calendar, epoch};
use crate::number::Number;
use crate::reject::RejectCode::{
    self, TimestampInvalid, TimestampNotInCalendar, TimestampOutOfRange, TimestampTooLong, TypeMismatch,
};

/// All objects that are read, in one: an attempt that fails would allocate its error.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Object<'a> {
    /// Extended JSON of `MongoDB`.
    #[serde(rename = "$date", borrow, default, deserialize_with = "there")]
    date: Option<&'a RawValue>,
    /// Protocol Buffers and Firestore.
    #[serde(alias = "_seconds", borrow, default, deserialize_with = "there")]
    seconds: Option<&'a RawValue>,
    #[serde(alias = "nanoseconds", alias = "_nanoseconds", borrow)]
    nanos: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Long<'a> {
    #[serde(rename = "$numberLong", borrow)]
    long: Cow<'a, str>,
}

/// A `null` that is there is no absence.
fn there<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// The instant that `object`, whose grammar is right, means.
pub(super) fn instant(object: &[u8], policy: &Policy, now: i64) -> Result<Option<Reading>, RejectCode> {
    let (seconds, nanos) = match serde_json::from_slice(object).map_err(|_| TypeMismatch)? {
        Object { date: Some(date), seconds: None, nanos: None } => return mongo(date.get(), policy, now),
        Object { date: None, seconds: Some(seconds), nanos } => (seconds, nanos),
        Object { .. } => return Err(TypeMismatch),
    };
    let seconds = whole(seconds.get())?;
    let nanos = nanos.map_or(Ok(0), |nanos| whole(nanos.get()))?;
    if !(0..SECOND_US * 1000).contains(&nanos) {
        return Err(TimestampInvalid);
    }
    let mut flags = Flags::NONE;
    let scaled =
        super::scale::Scaled { floor: nanos / 1000, exact: nanos % 1000 == 0, upper_half: nanos % 1000 >= 500 };
    let micros = policy.whole(scaled, &mut flags);
    let micros = seconds.checked_mul(SECOND_US).and_then(|start| start.checked_add(micros));
    policy.settle(micros.ok_or(TimestampOutOfRange)?, Unit::Other, flags)
}

fn mongo(date: &str, policy: &Policy, now: i64) -> Result<Option<Reading>, RejectCode> {
    if date.starts_with('"') {
        let text: Cow<'_, str> = serde_json::from_str(date).map_err(|_| TypeMismatch)?;
        return policy.read(Value::Text(text.as_bytes()), now);
    }
    let long: Option<Long<'_>> = if date.starts_with('{') { serde_json::from_str(date).ok() } else { None };
    let digits = long.as_ref().map_or(date, |long| &long.long).as_bytes();
    if digits.len() > MAX_BYTES {
        return Err(TimestampTooLong);
    }
    epoch::millis(&Number::parse(digits).ok_or(TypeMismatch)?, policy, Unit::Other)
}

/// A whole number, or a string of one.
fn whole(json: &str) -> Result<i64, RejectCode> {
    let digits = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(json);
    let number = Number::parse(digits.as_bytes()).filter(|number| number.frac.is_empty() && number.exponent == 0);
    number.ok_or(TimestampInvalid)?;
    digits.parse().map_err(|_| TimestampOutOfRange)
}

/// The instant that `array`, of the year first and nanoseconds last, means in the policy's zone.
pub(super) fn jackson(array: &[u8], policy: &Policy) -> Result<Option<Reading>, RejectCode> {
    let parts: Vec<u32> = serde_json::from_slice(array).map_err(|_| TimestampInvalid)?;
    let mut numbers = [0; 7];
    if !(5..=7).contains(&parts.len()) {
        return Err(TimestampInvalid);
    }
    for (number, part) in numbers.iter_mut().zip(&parts) {
        *number = i64::from(*part);
    }
    let [year, month, day, hour, minute, second, nanos] = numbers;
    if nanos >= SECOND_US * 1000 || year > 9999 {
        return Err(TimestampNotInCalendar);
    }
    let mut flags = Flags::NONE;
    flags.set_if(Flags::REDUCED_PRECISION, parts.len() == 5);
    let digits = format!("{nanos:09}");
    let clock = Clock { hour, minute, second, fraction: digits.as_bytes() };
    let local = Local::new(calendar::date(year, month, day), clock, flags, policy)?;
    local::assumed(&local, policy)
}
