//! How timestamps were written, as dicts.

use datasync_core::Plan;
use datasync_core::timestamp::Tally;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Column name to what was counted in it; columns in which nothing was are left out.
pub(crate) fn dict(py: Python<'_>, plan: &Plan, tallies: &[Tally]) -> PyResult<Py<PyDict>> {
    let columns = PyDict::new(py);
    for (name, tally) in plan.column_names().zip(tallies) {
        let counts = counts(py, tally)?;
        if !counts.is_empty() {
            columns.set_item(name, counts)?;
        }
    }
    Ok(columns.unbind())
}

/// What was counted, and how often.
pub(crate) fn counts<'py>(py: Python<'py>, tally: &Tally) -> PyResult<Bound<'py, PyDict>> {
    let counts = PyDict::new(py);
    for (what, count) in tally.entries() {
        counts.set_item(what, count)?;
    }
    Ok(counts)
}
