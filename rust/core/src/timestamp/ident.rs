//! Identifiers that begin with the time of their making.

use super::SECOND_US;
use super::policy::{Form, Policy};
use super::reading::{Flags, Reading, Unit};
use crate::kind;
use crate::number::Number;
use crate::reject::RejectCode::{self, TimestampInvalid};

const MILLI_US: i64 = 1000;
/// Milliseconds at which the counts of two makers of snowflakes begin.
const TWITTER_MS: i64 = 1_288_834_974_657;
const DISCORD_MS: i64 = 1_420_070_400_000;
const SNOWFLAKE_SHIFT: u32 = 22;

const ULID_LENGTH: usize = 26;
const ULID_TIME: usize = 10;
const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The time in the identifier `text`, in the policy's form.
pub(super) fn instant(text: &[u8], policy: &Policy) -> Result<Option<Reading>, RejectCode> {
    let micros = match policy.form {
        Form::ObjectId => object_id(text),
        Form::Ulid => ulid(text),
        Form::UuidV7 => uuid_v7(text),
        Form::Snowflake => snowflake(text, TWITTER_MS),
        Form::Discord => snowflake(text, DISCORD_MS),
        _ => None,
    };
    policy.settle(micros.ok_or(TimestampInvalid)?, Unit::Other, Flags::NONE)
}

/// Of `MongoDB`: seconds in the first 4 of 12 bytes.
fn object_id(text: &[u8]) -> Option<i64> {
    if text.len() != 24 || !text.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let seconds = u32::from_str_radix(str::from_utf8(&text[..8]).ok()?, 16).ok()?;
    Some(i64::from(seconds) * SECOND_US)
}

/// Milliseconds in the first 48 of 128 bits (github.com/ulid/spec).
fn ulid(text: &[u8]) -> Option<i64> {
    let value = |byte: &u8| CROCKFORD.iter().position(|known| *known == byte.to_ascii_uppercase());
    if text.len() != ULID_LENGTH || !text.iter().all(|byte| value(byte).is_some()) || text[0] > b'7' {
        return None;
    }
    let digits = text[..ULID_TIME].iter().filter_map(value);
    let millis = digits.fold(0, |millis, digit| millis << 5 | i64::try_from(digit).unwrap_or(0));
    Some(millis * MILLI_US)
}

/// RFC 9562, section 5.7: milliseconds in the first 48 bits.
fn uuid_v7(text: &[u8]) -> Option<i64> {
    let bytes = kind::uuid(text).ok()?;
    if bytes[6] >> 4 != 7 || bytes[8] >> 6 != 0b10 {
        return None;
    }
    let millis = bytes[..6].iter().fold(0, |millis, byte| millis << 8 | i64::from(*byte));
    Some(millis * MILLI_US)
}

fn snowflake(text: &[u8], start: i64) -> Option<i64> {
    let id = kind::whole(&Number::parse(text)?).ok().filter(|id| *id > 0)?;
    Some(((id >> SNOWFLAKE_SHIFT) + start) * MILLI_US)
}
