//! Timestamps of every common form into microseconds since 1970-01-01 UTC: right, or refused.
//!
//! A column's [`Policy`] says what is read and what is refused. What isn't known is refused, never guessed. No form
//! goes through a float.

mod apache;
pub(crate) mod calendar;
mod counted;
pub(crate) mod cursor;
mod dot_net;
mod epoch;
mod fast;
mod ident;
mod iso;
mod local;
mod mail;
mod named;
mod names;
mod object;
mod oracle;
mod policy;
mod read;
mod reading;
mod scale;
mod sentinel;
mod tally;
mod text;
mod zone;

pub use policy::Policy;
pub use read::Value;
pub use reading::{Flags, Reading, Unit};
pub use tally::Tally;
pub use text::PolicyText;

/// From PostgreSQL's epoch, 2000-01-01, to that of Unix.
pub const UNIX_TO_POSTGRES_US: i64 = 946_684_800_000_000;

/// Longer values are refused unread.
const MAX_BYTES: usize = 64;

const SECOND_US: i64 = 1_000_000;
const DAY_S: i64 = 86_400;
const DAY_US: i64 = DAY_S * SECOND_US;
