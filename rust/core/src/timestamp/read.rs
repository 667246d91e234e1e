//! Which form a value has.

use super::local::{self, Written};
use super::policy::{Form, Policy};
use super::reading::{Flags, Reading, Unit};
use super::{MAX_BYTES, apache, counted, dot_net, epoch, fast, ident, iso, mail, object, oracle};
use crate::number::Number;
use crate::reject::RejectCode::{self, TimestampInvalid, TimestampTooLong, TypeMismatch};

/// A JSON value that isn't null.
#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    /// A string, without its quotes and escapes.
    Text(&'a [u8]),
    /// A number as it is written.
    Number(&'a [u8]),
    Boolean,
    /// Objects and arrays as they are written. Their grammar is right.
    Object(&'a [u8]),
    Array(&'a [u8]),
}

impl Policy {
    /// The instant that `value` means; `None` if it stands for NULL. `now`, in microseconds since 1970-01-01 UTC,
    /// bounds what a number in no declared unit may mean.
    #[expect(clippy::inline_always, reason = "see `fast`")]
    #[inline(always)]
    pub fn read(&self, value: Value<'_>, now: i64) -> Result<Option<Reading>, RejectCode> {
        match value {
            Value::Text(text) if self.form == Form::Auto => {
                if let Some(micros) = fast::instant(text) {
                    return self.settle(micros, Unit::Text, Flags::NONE);
                }
            }
            Value::Number(token) if self.plain_numbers => {
                if let Some(reading) = epoch::whole(token, self, now) {
                    return Ok(Some(reading));
                }
            }
            _ => {}
        }
        self.read_any(value, now)
    }

    #[inline(never)]
    fn read_any(&self, value: Value<'_>, now: i64) -> Result<Option<Reading>, RejectCode> {
        match (value, self.form) {
            (Value::Text(text), _) => self.text(text, now),
            (Value::Number(token), form) => {
                if token.len() > MAX_BYTES {
                    return Err(TimestampTooLong);
                }
                let number = Number::parse(token).ok_or(TimestampInvalid)?;
                if form == Form::Auto { epoch::instant(&number, self, now) } else { self.declared(token, now) }
            }
            (Value::Boolean, _) => {
                if self.sentinels.is_null_boolean()? {
                    Ok(None)
                } else {
                    Err(TypeMismatch)
                }
            }
            (Value::Object(object), Form::Auto) => object::instant(object, self, now),
            (Value::Array(array), Form::Jackson) => object::jackson(array, self),
            (Value::Array(_), Form::Auto) => Err(TypeMismatch),
            (Value::Object(_) | Value::Array(_), _) => Err(TimestampInvalid),
        }
    }

    fn text(&self, text: &[u8], now: i64) -> Result<Option<Reading>, RejectCode> {
        let trimmed = if self.trim { text.trim_ascii() } else { text };
        if trimmed.len() > MAX_BYTES {
            return Err(TimestampTooLong);
        }
        if self.sentinels.any() && self.sentinels.is_null_text(trimmed)? {
            return Ok(None);
        }
        let mut reading = self.declared(trimmed, now)?;
        if trimmed.len() < text.len()
            && let Some(reading) = &mut reading
        {
            reading.flags.set(Flags::TRIMMED);
        }
        Ok(reading)
    }

    /// In the policy's form.
    fn declared(&self, text: &[u8], now: i64) -> Result<Option<Reading>, RejectCode> {
        let written = match self.form {
            Form::Auto => return self.detected(text, now),
            Form::Http => mail::written(text, self, now)?,
            Form::Oracle => oracle::written(text, self)?,
            Form::Jackson => return Err(TimestampInvalid),
            Form::ObjectId | Form::Ulid | Form::UuidV7 | Form::Snowflake | Form::Discord => {
                return ident::instant(text, self);
            }
            form => {
                if form == Form::Julian
                    && let Some(day) = counted::julian_day(text, self)
                {
                    return day;
                }
                return counted::instant(&Number::parse(text).ok_or(TimestampInvalid)?, self);
            }
        };
        local::instant(&written, self)
    }

    /// In the form that it has by its looks.
    fn detected(&self, text: &[u8], now: i64) -> Result<Option<Reading>, RejectCode> {
        if let Some(number) = Number::parse(text) {
            return epoch::instant(&number, self, now);
        }
        let written: Written = match text {
            [b'/' | b'\\', ..] => return dot_net::instant(text, self),
            [b'A'..=b'Z' | b'a'..=b'z', ..] | [_, b' ', ..] | [_, _, b' ', ..] => mail::written(text, self, now)?,
            [_, _, b'/', ..] => apache::written(text, self)?,
            _ => iso::written(text, self)?,
        };
        local::instant(&written, self)
    }
}
