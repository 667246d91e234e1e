//! Rows of values for the record lane.

use datasync_core::{Extracted, Field, Stats};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use crate::reject;

#[pyclass(frozen, module = "datasync._native")]
pub(crate) struct ExtractedRows {
    #[pyo3(get)]
    rows: Py<PyList>,
    #[pyo3(get)]
    indexes: Py<PyList>,
    #[pyo3(get)]
    rejects: Py<PyList>,
    stats: Stats,
}

impl ExtractedRows {
    /// `columns` is the length of a row.
    pub(crate) fn new(py: Python<'_>, columns: usize, extracted: Extracted<'_>) -> PyResult<Self> {
        let Extracted { fields, indexes, rejects, stats } = extracted;
        let rows = PyList::empty(py);
        for row in fields.chunks_exact(columns) {
            let values = row.iter().map(|field| value(py, field)).collect::<PyResult<Vec<_>>>()?;
            rows.append(PyTuple::new(py, values)?)?;
        }
        let indexes = PyList::new(py, indexes)?.unbind();
        Ok(Self { rows: rows.unbind(), indexes, rejects: reject::list(py, rejects)?, stats })
    }
}

fn value<'py>(py: Python<'py>, field: &Field<'_>) -> PyResult<Bound<'py, PyAny>> {
    match field {
        Field::Null => Ok(py.None().into_bound(py)),
        Field::Timestamptz(micros) => micros.into_bound_py_any(py),
        Field::Text { .. } | Field::Jsonb(_) => field.to_text().into_bound_py_any(py),
    }
}

#[pymethods]
impl ExtractedRows {
    #[getter]
    fn min_timestamp_us(&self) -> Option<i64> {
        self.stats.min_timestamp_us
    }

    #[getter]
    fn max_timestamp_us(&self) -> Option<i64> {
        self.stats.max_timestamp_us
    }

    #[getter]
    fn last_key(&self) -> Option<&str> {
        self.stats.last_key.as_deref()
    }

    #[getter]
    fn last_timestamp_us(&self) -> Option<i64> {
        self.stats.last_timestamp_us
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        format!("ExtractedRows(rows={}, rejects={})", self.rows.bind(py).len(), self.rejects.bind(py).len())
    }
}
