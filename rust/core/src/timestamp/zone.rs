//! What follows the clock: an offset, a zone's name, brackets (RFC 9557).

use super::cursor::Cursor;
use super::named::Zone;
use crate::reject::RejectCode::{self, TimestampBadOffset, TimestampInvalid, TimestampUnknownZone};

/// No zone was further from UTC since clocks have zones.
const MAX_OFFSET_S: i64 = 14 * 3600;
/// U+2212 in UTF-8, which ISO 8601 prefers for a minus.
const MINUS: &[u8] = "\u{2212}".as_bytes();

/// A numeric offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Offset {
    /// East of UTC.
    pub(super) seconds: i64,
    /// Whether it is -00:00: UTC, in an unknown zone (RFC 3339, section 4.3).
    pub(super) unknown: bool,
    pub(super) has_seconds: bool,
}

/// What a text says of its zone.
#[derive(Debug, Clone, Default)]
pub(super) struct Suffix {
    pub(super) offset: Given,
    pub(super) zone: Option<Zone>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Given {
    #[default]
    Nothing,
    Utc,
    Offset(Offset),
}

/// All that follows the clock.
pub(super) fn suffix(text: &[u8]) -> Result<Suffix, RejectCode> {
    let (head, brackets) = text.split_at(text.iter().position(|byte| *byte == b'[').unwrap_or(text.len()));
    let mut suffix = match head {
        [] => Suffix::default(),
        [b' ', name @ ..] if name.contains(&b'/') => named(name)?,
        [b' ', rest @ ..] => Suffix { offset: given(rest)?, zone: None },
        _ => Suffix { offset: given(head)?, zone: None },
    };
    if !brackets.is_empty() {
        read_brackets(brackets, &mut suffix)?;
    }
    Ok(suffix)
}

fn named(name: &[u8]) -> Result<Suffix, RejectCode> {
    let like_a_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"/_+-".contains(byte);
    if !name.iter().all(like_a_name) {
        return Err(TimestampInvalid);
    }
    let zone = Zone::named(name).ok_or(TimestampUnknownZone)?;
    Ok(Suffix { offset: Given::Nothing, zone: Some(zone) })
}

fn given(text: &[u8]) -> Result<Given, RejectCode> {
    match text {
        b"Z" | b"z" | b"UTC" | b"GMT" => Ok(Given::Utc),
        [b'+' | b'-', ..] => offset(text).map(Given::Offset),
        _ if text.starts_with(MINUS) => offset(text).map(Given::Offset),
        _ if !text.is_empty() && text.iter().all(u8::is_ascii_alphabetic) => Err(TimestampUnknownZone),
        _ => Err(TimestampInvalid),
    }
}

/// `+HH`, `+HHMM`, `+HH:MM` or `+HH:MM:SS`, with either sign.
pub(super) fn offset(text: &[u8]) -> Result<Offset, RejectCode> {
    let (negative, digits) = match text {
        [b'+', digits @ ..] => (false, digits),
        [b'-', digits @ ..] => (true, digits),
        _ => (true, text.strip_prefix(MINUS).ok_or(TimestampBadOffset)?),
    };
    let mut cursor = Cursor(digits);
    let pair = |cursor: &mut Cursor<'_>| cursor.number(2).ok_or(TimestampBadOffset);
    let hours = pair(&mut cursor)?;
    let colon = cursor.take(b':');
    let minutes = if colon || !cursor.is_empty() { pair(&mut cursor)? } else { 0 };
    let has_seconds = colon && cursor.take(b':');
    let seconds = if has_seconds { pair(&mut cursor)? } else { 0 };
    let total = hours * 3600 + minutes * 60 + seconds;
    if !cursor.is_empty() || minutes > 59 || seconds > 59 || total > MAX_OFFSET_S {
        return Err(TimestampBadOffset);
    }
    let seconds = if negative { -total } else { total };
    Ok(Offset { seconds, unknown: negative && total == 0, has_seconds })
}

/// `[zone]` and `[key=value]`. The zone comes first; what a `!` marks must be understood.
fn read_brackets(text: &[u8], suffix: &mut Suffix) -> Result<(), RejectCode> {
    let mut rest = text;
    let mut first = true;
    while let [b'[', inner @ ..] = rest {
        let end = inner.iter().position(|byte| *byte == b']').ok_or(TimestampInvalid)?;
        let (inside, after) = (&inner[..end], &inner[end + 1..]);
        let (critical, inside) = inside.strip_prefix(b"!").map_or((false, inside), |inside| (true, inside));
        if inside.contains(&b'=') {
            if critical || inside.starts_with(b"=") {
                return Err(TimestampInvalid);
            }
        } else if first && suffix.zone.is_none() {
            suffix.zone = Some(Zone::declared(inside).ok_or(TimestampUnknownZone)?);
        } else {
            return Err(TimestampInvalid);
        }
        rest = after;
        first = false;
    }
    if rest.is_empty() { Ok(()) } else { Err(TimestampInvalid) }
}
