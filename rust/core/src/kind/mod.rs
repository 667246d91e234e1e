//! Values of single types: JSON numbers and text into PostgreSQL's binary form.

mod base64;
mod date;
mod double;
mod numeric;
mod uuid;
mod whole;

pub(crate) use base64::base64;
pub(crate) use date::date;
pub(crate) use double::{double, special_double};
pub(crate) use numeric::numeric;
pub(crate) use uuid::uuid;
pub use uuid::uuid_text;
pub(crate) use whole::whole;
