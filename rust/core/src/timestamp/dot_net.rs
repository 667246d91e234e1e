//! `/Date(1705314600000+0530)/`, as .NET wrote instants into JSON: milliseconds, and an offset for display only.

use super::policy::Policy;
use super::reading::{Reading, Unit};
use super::{epoch, zone};
use crate::number::Number;
use crate::reject::RejectCode::{self, TimestampInvalid};

/// The instant that `text` means.
pub(super) fn instant(text: &[u8], policy: &Policy) -> Result<Option<Reading>, RejectCode> {
    let inside = between(text, b"/Date(", b")/").or_else(|| between(text, b"\\/Date(", b")\\/"));
    let inside = inside.ok_or(TimestampInvalid)?;
    // A sign at the start is that of the number.
    let sign = inside.iter().skip(1).position(|byte| b"+-".contains(byte)).map_or(inside.len(), |at| at + 1);
    let (digits, offset) = inside.split_at(sign);
    if !offset.is_empty() {
        if offset.len() != 5 {
            return Err(RejectCode::TimestampBadOffset);
        }
        zone::offset(offset)?;
    }
    let number = Number::parse(digits).filter(|number| number.frac.is_empty() && number.exponent == 0);
    epoch::millis(&number.ok_or(TimestampInvalid)?, policy, Unit::Other)
}

fn between<'a>(text: &'a [u8], before: &[u8], after: &[u8]) -> Option<&'a [u8]> {
    text.strip_prefix(before)?.strip_suffix(after)
}
