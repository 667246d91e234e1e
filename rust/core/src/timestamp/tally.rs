//! How many values were written in which way.

use super::reading::{Flags, Reading, Unit};

/// Counts readings by unit and by flag.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Tally {
    units: [usize; Unit::ALL.len()],
    flags: [usize; Flags::NAMES.len()],
}

impl Tally {
    #[inline]
    pub fn add(&mut self, reading: &Reading) {
        self.units[reading.unit as usize] += 1;
        if !reading.flags.is_empty() {
            for index in reading.flags.indexes() {
                self.flags[index] += 1;
            }
        }
    }

    /// The stable names of what was seen, and how often.
    pub fn entries(&self) -> impl Iterator<Item = (&'static str, usize)> {
        let units = Unit::ALL.iter().map(|unit| unit.name()).zip(self.units);
        units.chain(Flags::NAMES.into_iter().zip(self.flags)).filter(|(_, count)| *count > 0)
    }
}
