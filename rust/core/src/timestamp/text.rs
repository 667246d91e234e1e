//! A policy as a plan writes it.

use serde::Deserialize;

use super::named::Zone;
use super::policy::{Ambiguous, Form, Fraction, LeapSecond, NumberUnit, Policy};
use super::sentinel::Sentinels;
use super::{iso, local};
use crate::error::PlanError;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum DateOnly {
    #[default]
    Refuse,
    Midnight,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum EndOfDay {
    #[default]
    Accept,
    Refuse,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum UnknownOffset {
    #[default]
    Utc,
    Refuse,
}

/// What is left out is the default. The names are those of the configuration.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyText {
    unit: NumberUnit,
    form: Form,
    assume_tz: Option<String>,
    ambiguous: Ambiguous,
    date_only: DateOnly,
    earliest: Option<String>,
    latest: Option<String>,
    leap_second: LeapSecond,
    end_of_day: EndOfDay,
    fraction: Fraction,
    unknown_offset: UnknownOffset,
    lenient: bool,
    trim: bool,
    sentinels: Sentinels,
}

impl PolicyText {
    /// The policy of `json`.
    pub fn parse(json: &[u8]) -> Result<Policy, PlanError> {
        let text: Self =
            serde_json::from_slice(json).map_err(|error| PlanError(format!("a timestamp policy: {error}")))?;
        text.compile()
    }

    /// Refuse what makes no sense, and look zones up.
    pub fn compile(&self) -> Result<Policy, PlanError> {
        let assume = self.assume_tz.as_deref().map(zone).transpose()?;
        let local = matches!(self.form, Form::Jackson | Form::Excel);
        if assume.is_none() && (self.date_only == DateOnly::Midnight || local) {
            let what = if local { "this `form` has no zone" } else { "`date_only = midnight` is midnight somewhere" };
            return Err(PlanError(format!("{what}: `assume_tz` is missing")));
        }
        let defaults = Policy::default();
        let earliest = self.earliest.as_deref().map_or(Ok(defaults.earliest), |text| bound("earliest", text))?;
        let latest = self.latest.as_deref().map_or(Ok(defaults.latest), |text| bound("latest", text))?;
        if earliest > latest {
            return Err(PlanError("`earliest` is after `latest`: nothing would be read".to_owned()));
        }
        Ok(Policy {
            unit: self.unit,
            form: self.form,
            assume,
            ambiguous: self.ambiguous,
            midnight: self.date_only == DateOnly::Midnight,
            earliest,
            latest,
            leap_second: self.leap_second,
            end_of_day: self.end_of_day == EndOfDay::Accept,
            fraction: self.fraction,
            unknown_offset: self.unknown_offset == UnknownOffset::Utc,
            lenient: self.lenient,
            trim: self.trim,
            sentinels: self.sentinels,
            plain_numbers: self.unit == NumberUnit::Auto && self.form == Form::Auto && !self.sentinels.any(),
        })
    }
}

fn zone(name: &str) -> Result<Zone, PlanError> {
    Zone::declared(name.as_bytes()).ok_or_else(|| {
        let name = name.escape_default();
        PlanError(format!("`assume_tz`: `{name}` is no `UTC`, `Area/City` of the IANA database or `+HH:MM`"))
    })
}

fn bound(name: &str, text: &str) -> Result<i64, PlanError> {
    let policy = Policy::default();
    let written = iso::written(text.as_bytes(), &policy);
    let read = written.and_then(|written| local::instant(&written, &policy)).ok().flatten();
    read.map(|reading| reading.micros).ok_or_else(|| {
        let text = text.escape_default();
        PlanError(format!("`{name}`: `{text}` is no instant like `2000-01-01T00:00:00Z`"))
    })
}
