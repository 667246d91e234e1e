//! Pages as one COPY stream, readable in place.

use std::ffi::c_int;

use datasync_core::{Rows, copy_stream as core_copy_stream};
use pyo3::ffi;
use pyo3::prelude::*;

use crate::buffer;
use crate::errors::NativeError;
use crate::guard::detached;
use crate::page::EncodedPage;

#[pyclass(frozen, module = "datasync._native")]
pub(crate) struct CopyStream {
    bytes: Vec<u8>,
}

#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "PyO3 hands arguments over by value")]
pub(crate) fn copy_stream(py: Python<'_>, pages: Vec<Py<EncodedPage>>) -> Result<CopyStream, NativeError> {
    let rows: Vec<&Rows> = pages.iter().map(|page| page.get().tuples()).collect();
    Ok(CopyStream { bytes: detached(py, "copy_stream", || core_copy_stream(&rows))? })
}

#[pymethods]
impl CopyStream {
    fn __len__(&self) -> usize {
        self.bytes.len()
    }

    fn __repr__(&self) -> String {
        format!("CopyStream(nbytes={})", self.bytes.len())
    }

    /// Fill `view` with the stream, read-only.
    ///
    /// # Safety
    ///
    /// Python calls it with a `view` that may be written to.
    #[expect(clippy::needless_pass_by_value, reason = "PyO3 hands arguments over by value")]
    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        // SAFETY: the class is frozen, so that the bytes neither move nor change.
        unsafe { buffer::fill(slf.as_any(), &slf.get().bytes, view, flags) }
    }
}
