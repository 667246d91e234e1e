//! Pages of JSON records into PostgreSQL's binary COPY format, without Python.
//!
//! A page is walked once, byte by byte; no tree is built. [`Plan`] says where the records and columns are, [`encode`]
//! makes COPY tuples of a page, [`split`] and [`extract`] do the same work in two steps for callers that change records
//! in between, and [`inflate`] undoes a content encoding within a limit.

#![forbid(unsafe_code)]

mod column;
mod convert;
mod copy;
mod encode;
mod error;
mod extract;
pub mod failpoints;
mod field;
mod find;
mod gunzip;
mod inflate;
mod kind;
mod lone;
mod members;
mod ndjson;
mod nesting;
mod number;
mod ordered;
mod page;
mod path;
mod peek;
mod plan;
mod record;
mod reject;
mod rest;
mod rows;
mod scan;
mod shape;
mod sorted;
mod split;
mod stats;
mod strings;
pub mod timestamp;
mod trie;
mod unescape;
mod walk;

pub use copy::{HEADER, TRAILER};
pub use encode::{Encoded, encode};
pub use error::{PageCode, PageError, PlanError};
pub use extract::{Extracted, Value, extract};
pub use gunzip::OneMember;
pub use inflate::{SMALL, inflate};
pub use kind::uuid_text;
pub use page::Envelope;
pub use peek::peek;
pub use plan::Plan;
pub use reject::{Reject, RejectCode};
pub use rows::Rows;
pub use sorted::{Origin, Sorted};
pub use split::{Split, split};
pub use stats::Stats;
