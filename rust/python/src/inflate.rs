//! Content encodings undone.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors::NativeError;
use crate::guard::detached;
use datasync_core::OneMember;

#[pyfunction]
#[pyo3(signature = (body, encoding, *, max_bytes, max_ratio))]
pub(crate) fn inflate<'py>(
    py: Python<'py>,
    body: &Bound<'py, PyBytes>,
    encoding: &str,
    max_bytes: usize,
    max_ratio: usize,
) -> Result<Bound<'py, PyBytes>, NativeError> {
    let body = body.as_bytes();
    if encoding == "gzip"
        && let Some(member) = detached(py, "inflate", || OneMember::find(body, max_bytes, max_ratio))?
    {
        let mut whole = Ok(false);
        let out = PyBytes::new_with(py, member.size, |out| {
            whole = detached(py, "inflate", || member.read(out));
            Ok(())
        });
        if whole? && let Ok(out) = out {
            return Ok(out);
        }
    }
    let inflated = detached(py, "inflate", || datasync_core::inflate(body, encoding, max_bytes, max_ratio))??;
    Ok(PyBytes::new(py, &inflated))
}
