//! A page as raw records.

use datasync_core::{Envelope, Split};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

#[pyclass(frozen, module = "datasync._native")]
pub(crate) struct SplitPage {
    #[pyo3(get)]
    records: Py<PyList>,
    #[pyo3(get)]
    offsets: Py<PyList>,
    envelope: Envelope,
}

impl SplitPage {
    pub(crate) fn new(py: Python<'_>, split: Split<'_>) -> PyResult<Self> {
        let Split { records, offsets, envelope } = split;
        let records = PyList::new(py, records.into_iter().map(|raw| PyBytes::new(py, raw)))?.unbind();
        Ok(Self { records, offsets: PyList::new(py, offsets)?.unbind(), envelope })
    }
}

#[pymethods]
impl SplitPage {
    #[getter]
    fn next_cursor(&self) -> Option<&str> {
        self.envelope.next_cursor.as_deref()
    }

    #[getter]
    fn has_more(&self) -> Option<bool> {
        self.envelope.has_more
    }

    #[getter]
    fn total(&self) -> Option<u64> {
        self.envelope.total
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        format!("SplitPage(records={})", self.records.bind(py).len())
    }
}
