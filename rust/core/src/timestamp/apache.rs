//! `15/Jan/2024:10:30:00 +0000`, as the logs of Apache's web server have it.

use super::cursor::Cursor;
use super::local::{Clock, Local, Written};
use super::policy::Policy;
use super::reading::Flags;
use super::zone::{self, Given, Suffix};
use super::{calendar, names};
use crate::reject::RejectCode::{self, TimestampInvalid};

/// Take `text` apart.
pub(super) fn written(text: &[u8], policy: &Policy) -> Result<Written, RejectCode> {
    let mut cursor = Cursor(text);
    let (day, clock) = date_and_clock(&mut cursor).ok_or(TimestampInvalid)?;
    let local = Local::new(day, clock, Flags::NONE, policy)?;
    let offset = match cursor.0 {
        [b'+' | b'-', ..] => Given::Offset(zone::offset(cursor.0)?),
        _ => return Err(TimestampInvalid),
    };
    Ok(Written::Clock(local, Suffix { offset, zone: None }))
}

#[allow(clippy::option_option, reason = "no date is not the same as a date that doesn't exist")]
fn date_and_clock<'a>(cursor: &mut Cursor<'_>) -> Option<(Option<i64>, Clock<'a>)> {
    let pair = |before: Option<u8>, after: u8, cursor: &mut Cursor<'_>| {
        if before.is_some_and(|byte| !cursor.take(byte)) {
            return None;
        }
        cursor.exactly(2).filter(|_| cursor.take(after))
    };
    let day = pair(None, b'/', cursor)?;
    let month = names::month(cursor.letters())?;
    let year = if cursor.take(b'/') { cursor.exactly(4)? } else { return None };
    let hour = pair(Some(b':'), b':', cursor)?;
    let minute = pair(None, b':', cursor)?;
    let second = pair(None, b' ', cursor)?;
    Some((calendar::date(year, month, day), Clock { hour, minute, second, fraction: b"" }))
}
