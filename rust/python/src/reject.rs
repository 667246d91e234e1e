//! A refused record.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

#[pyclass(frozen, get_all, module = "datasync._native")]
pub(crate) struct Reject {
    index: usize,
    offset: usize,
    code: &'static str,
    detail: String,
    raw: Py<PyBytes>,
}

#[pymethods]
impl Reject {
    /// Without the raw record: it may hold what must not be in a log.
    fn __repr__(&self) -> String {
        let Self { index, offset, code, .. } = self;
        format!("Reject(index={index}, offset={offset}, code='{code}')")
    }
}

/// The rejects as a list of Python's.
pub(crate) fn list(py: Python<'_>, rejects: Vec<datasync_core::Reject<'_>>) -> PyResult<Py<PyList>> {
    let list = PyList::empty(py);
    for datasync_core::Reject { index, offset, code, detail, raw } in rejects {
        list.append(Reject { index, offset, code: code.as_str(), detail, raw: PyBytes::new(py, raw).unbind() })?;
    }
    Ok(list.unbind())
}
