//! Content encodings undone.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors::NativeError;

#[pyfunction]
#[pyo3(signature = (body, encoding, *, max_bytes))]
pub(crate) fn inflate<'py>(
    py: Python<'py>,
    body: &Bound<'py, PyBytes>,
    encoding: &str,
    max_bytes: usize,
) -> Result<Bound<'py, PyBytes>, NativeError> {
    let body = body.as_bytes();
    let inflated = py.detach(|| datasync_core::inflate(body, encoding, max_bytes))?;
    Ok(PyBytes::new(py, &inflated))
}
