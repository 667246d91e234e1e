//! What can be wrong with a page as a whole, and with a plan. What is wrong with one record is in `reject`.

use std::borrow::Cow;
use std::fmt;

/// Why no record of a page can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageCode {
    /// Nothing but whitespace.
    EmptyBody,
    /// The grammar is broken, or the text ends early, so that the borders of the records can't be trusted.
    Syntax,
    /// The root can't hold the records: it is no object, or no array if the path begins with an element of one.
    NotAnObject,
    /// There is no array at the path of the records.
    RecordsMissing,
    /// A cursor, `has_more` or total of a type that it can't have.
    EnvelopeType,
    /// Inflated, the body would be larger than allowed.
    InflateLimit,
    /// Inflated, the body would be larger than its compressed size explains.
    InflateRatio,
    /// The compressed body is damaged, or something follows it.
    InflateCorrupt,
    /// The compressed body ends early.
    InflateTruncated,
    /// A content encoding other than `gzip` and `deflate`.
    InflateUnknownEncoding,
}

impl PageCode {
    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EmptyBody => "empty_body",
            Self::Syntax => "syntax",
            Self::NotAnObject => "not_an_object",
            Self::RecordsMissing => "records_missing",
            Self::EnvelopeType => "envelope_type",
            Self::InflateLimit => "inflate_limit",
            Self::InflateRatio => "inflate_ratio",
            Self::InflateCorrupt => "inflate_corrupt",
            Self::InflateTruncated => "inflate_truncated",
            Self::InflateUnknownEncoding => "inflate_unknown_encoding",
        }
    }
}

/// A page can't be used: why, and at which byte of the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageError {
    pub code: PageCode,
    pub offset: usize,
    pub what: Cow<'static, str>,
}

impl PageError {
    #[cold]
    pub(crate) fn new(code: PageCode, offset: usize, what: impl Into<Cow<'static, str>>) -> Self {
        Self { code, offset, what: what.into() }
    }
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {} ({})", self.what, self.offset, self.code.as_str())
    }
}

impl std::error::Error for PageError {}

/// A plan can't be followed; the text says why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanError(pub(crate) String);

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PlanError {}

/// The grammar is broken: in a page the end of it, in a lone record a reject.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Broken {
    pub(crate) offset: usize,
    pub(crate) what: &'static str,
    /// Whether the text just ends.
    pub(crate) early: bool,
}

impl From<Broken> for PageError {
    fn from(broken: Broken) -> Self {
        Self::new(PageCode::Syntax, broken.offset, broken.what)
    }
}
