//! Rows of values for the record lane.

use datasync_core::{Extracted, Plan, Stats, Value};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};

use crate::{reject, tallies};

#[pyclass(frozen, module = "datasync._native")]
pub(crate) struct ExtractedRows {
    #[pyo3(get)]
    rows: Py<PyList>,
    #[pyo3(get)]
    indexes: Py<PyList>,
    #[pyo3(get)]
    rejects: Py<PyList>,
    #[pyo3(get)]
    timestamps: Py<PyDict>,
    stats: Stats,
}

impl ExtractedRows {
    pub(crate) fn new(py: Python<'_>, plan: &Plan, extracted: Extracted<'_>) -> PyResult<Self> {
        let Extracted { values, indexes, rejects, stats, tallies } = extracted;
        let rows = PyList::empty(py);
        for row in values.chunks_exact(plan.column_count()) {
            let values = row.iter().map(|value| object(py, value)).collect::<PyResult<Vec<_>>>()?;
            rows.append(PyTuple::new(py, values)?)?;
        }
        let indexes = PyList::new(py, indexes)?.unbind();
        let timestamps = tallies::dict(py, plan, &tallies)?;
        Ok(Self { rows: rows.unbind(), indexes, rejects: reject::list(py, rejects)?, timestamps, stats })
    }
}

fn object<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    match value {
        Value::Null => Ok(py.None().into_bound(py)),
        Value::Text(text) => text.into_bound_py_any(py),
        Value::Timestamptz(number) | Value::Whole(number) => number.into_bound_py_any(py),
        Value::Date(days) => days.into_bound_py_any(py),
        Value::Double(number) => number.into_bound_py_any(py),
        Value::Numeric(token) => decimal(py, token),
        Value::Boolean(yes) => yes.into_bound_py_any(py),
        Value::Uuid(uuid) => datasync_core::uuid_text(uuid).into_bound_py_any(py),
        Value::Bytea(bytes) => Ok(PyBytes::new(py, bytes).into_any()),
        Value::TextArray(texts) => texts.into_bound_py_any(py),
    }
}

fn decimal<'py>(py: Python<'py>, token: &str) -> PyResult<Bound<'py, PyAny>> {
    static DECIMAL: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let class = DECIMAL.get_or_try_init(py, || Ok::<_, PyErr>(py.import("decimal")?.getattr("Decimal")?.unbind()))?;
    class.bind(py).call1((token,))
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
