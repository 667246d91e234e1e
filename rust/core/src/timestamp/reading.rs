//! What was read of one value.

/// How an instant was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Text,
    Seconds,
    Millis,
    Micros,
    Nanos,
    /// A form that names its own unit.
    Other,
}

impl Unit {
    pub(super) const ALL: [Self; 6] = [Self::Text, Self::Seconds, Self::Millis, Self::Micros, Self::Nanos, Self::Other];

    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Seconds => "s",
            Self::Millis => "ms",
            Self::Micros => "us",
            Self::Nanos => "ns",
            Self::Other => "other",
        }
    }
}

/// What is worth knowing of how an instant was read, though it is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(u16);

impl Flags {
    /// Something below a microsecond was cut or rounded.
    pub const SUB_US_DROPPED: Self = Self(1);
    /// Without seconds, or without minutes.
    pub const REDUCED_PRECISION: Self = Self(1 << 1);
    /// The offset has seconds.
    pub const OFFSET_SECONDS: Self = Self(1 << 2);
    /// The offset -00:00: UTC, but the writer's zone is not known.
    pub const ZONE_UNKNOWN: Self = Self(1 << 3);
    /// A named zone, without an offset, decided.
    pub const ZONE_RULE: Self = Self(1 << 4);
    /// The policy's zone decided.
    pub const ZONE_ASSUMED: Self = Self(1 << 5);
    pub const LEAP_SECOND: Self = Self(1 << 6);
    /// White space was taken off.
    pub const TRIMMED: Self = Self(1 << 7);
    /// Basic and extended form of ISO 8601 in one text.
    pub const LENIENT: Self = Self(1 << 8);

    pub(super) const NAMES: [&'static str; 9] = [
        "sub_us_dropped",
        "reduced_precision",
        "offset_seconds",
        "zone_unknown",
        "zone_rule",
        "zone_assumed",
        "leap_second",
        "trimmed",
        "lenient",
    ];

    pub(super) const NONE: Self = Self(0);

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) const fn set(&mut self, other: Self) {
        self.0 |= other.0;
    }

    pub(super) const fn set_if(&mut self, other: Self, condition: bool) {
        if condition {
            self.set(other);
        }
    }

    /// The stable names of those that are set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        self.indexes().map(|index| Self::NAMES[index])
    }

    pub(super) fn indexes(self) -> impl Iterator<Item = usize> {
        (0..Self::NAMES.len()).filter(move |index| self.0 >> index & 1 == 1)
    }
}

/// An instant, and how it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Since 1970-01-01 UTC.
    pub micros: i64,
    pub unit: Unit,
    pub flags: Flags,
}
