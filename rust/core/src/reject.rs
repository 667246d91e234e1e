//! Why a record is refused, while its page goes on.

/// The reasons. The names are stable: they are stored in the quarantine table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectCode {
    /// The record is not an object.
    NotAnObject,
    /// The grammar is broken. Only of records given one by one: in a page this is the end of the page.
    Syntax,
    /// `\u0000` in a string or key: PostgreSQL has no such character.
    NulCharacter,
    /// Half of a surrogate pair: not a character.
    LoneSurrogate,
    /// Bytes that are not UTF-8.
    InvalidUtf8,
    /// A raw byte below 0x20 in a string or key.
    ControlCharacter,
    /// A backslash followed by something that JSON doesn't know.
    BadEscape,
    /// A bare word that is no number and not `true`, `false` or `null`.
    BadNumber,
    /// A number beyond PostgreSQL's `numeric`: over 131,072 digits before the point or 16,383 after it.
    NumberOutOfRange,
    /// More levels of nesting than the plan allows.
    TooDeep,
    /// Larger than the 256 MiB that a `jsonb` value can take.
    TooLarge,
    /// A required column is absent or null.
    RequiredMissing,
    /// The key column is the empty string.
    EmptyKey,
    /// The key column is longer than the plan allows.
    KeyTooLong,
    /// A value of a type that the column can't hold.
    TypeMismatch,
    /// Not a timestamp in a form that is read.
    TimestampInvalid,
    /// A timestamp without a zone: several instants, so none.
    TimestampNoZone,
    /// An instant outside the years 1 to 9999, or a number that is no plausible instant in exactly one unit.
    TimestampOutOfRange,
}

impl RejectCode {
    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotAnObject => "not_an_object",
            Self::Syntax => "syntax",
            Self::NulCharacter => "nul_character",
            Self::LoneSurrogate => "lone_surrogate",
            Self::InvalidUtf8 => "invalid_utf8",
            Self::ControlCharacter => "control_character",
            Self::BadEscape => "bad_escape",
            Self::BadNumber => "bad_number",
            Self::NumberOutOfRange => "number_out_of_range",
            Self::TooDeep => "too_deep",
            Self::TooLarge => "too_large",
            Self::RequiredMissing => "required_missing",
            Self::EmptyKey => "empty_key",
            Self::KeyTooLong => "key_too_long",
            Self::TypeMismatch => "type_mismatch",
            Self::TimestampInvalid => "timestamp_invalid",
            Self::TimestampNoZone => "timestamp_no_zone",
            Self::TimestampOutOfRange => "timestamp_out_of_range",
        }
    }

    /// What was found, for a sentence that says where.
    pub(crate) const fn describe(self) -> &'static str {
        match self {
            Self::NotAnObject => "not an object",
            Self::Syntax => "broken grammar",
            Self::NulCharacter => "the character \\u0000",
            Self::LoneSurrogate => "half of a surrogate pair",
            Self::InvalidUtf8 => "bytes that are not UTF-8",
            Self::ControlCharacter => "a raw control character in a string",
            Self::BadEscape => "an escape that JSON doesn't know",
            Self::BadNumber => "a bare word that is no JSON number",
            Self::NumberOutOfRange => "a number beyond PostgreSQL's numeric",
            Self::TooDeep => "nesting beyond the limit",
            Self::TooLarge => "more than PostgreSQL's jsonb can take",
            Self::RequiredMissing => "required, but absent or null",
            Self::EmptyKey => "the key is empty",
            Self::KeyTooLong => "the key is longer than the limit",
            Self::TypeMismatch => "a value of another type",
            Self::TimestampInvalid => "not a timestamp in a form that is read",
            Self::TimestampNoZone => "a timestamp without a zone",
            Self::TimestampOutOfRange => "a timestamp out of range",
        }
    }

    /// Whether the text isn't JSON at all. Outside of records nothing else matters, as no column comes from there.
    pub(crate) const fn breaks_grammar(self) -> bool {
        matches!(self, Self::InvalidUtf8 | Self::ControlCharacter | Self::BadEscape | Self::BadNumber)
    }
}

/// A refused record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject<'a> {
    /// Its place among the records, from 0.
    pub index: usize,
    /// Byte of the page at which it starts; 0 for records given one by one.
    pub offset: usize,
    pub code: RejectCode,
    /// What and where, for a person.
    pub detail: String,
    pub raw: &'a [u8],
}

/// Something found while scanning that spoils the record but not the borders between records.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flaw {
    pub(crate) offset: usize,
    pub(crate) code: RejectCode,
}

impl Flaw {
    /// The detail of a reject whose record starts at byte `base`.
    #[cold]
    pub(crate) fn detail(self, base: usize) -> String {
        format!("{} at byte {} of the record", self.code.describe(), self.offset.saturating_sub(base))
    }
}
