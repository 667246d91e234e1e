//! A page as COPY tuples, readable in place.

use std::ffi::{c_int, c_void};

use datasync_core::{Encoded, Envelope, Stats};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::reject;

#[pyclass(frozen, module = "datasync._native")]
pub(crate) struct EncodedPage {
    tuples: Vec<u8>,
    #[pyo3(get)]
    records: usize,
    #[pyo3(get)]
    rejects: Py<PyList>,
    envelope: Envelope,
    stats: Stats,
}

impl EncodedPage {
    pub(crate) fn new(py: Python<'_>, encoded: Encoded<'_>) -> PyResult<Self> {
        let Encoded { tuples, records, rejects, envelope, stats } = encoded;
        Ok(Self { tuples, records, rejects: reject::list(py, rejects)?, envelope, stats })
    }
}

#[pymethods]
impl EncodedPage {
    #[getter]
    fn rows(&self) -> usize {
        self.stats.rows
    }

    #[getter]
    fn nbytes(&self) -> usize {
        self.tuples.len()
    }

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

    fn __len__(&self) -> usize {
        self.tuples.len()
    }

    fn __repr__(&self) -> String {
        format!("EncodedPage(rows={}, records={}, nbytes={})", self.stats.rows, self.records, self.tuples.len())
    }

    /// Fill `view` with the tuples, read-only.
    ///
    /// # Safety
    ///
    /// Python calls it with a `view` that may be written to.
    #[expect(clippy::needless_pass_by_value, reason = "PyO3 hands arguments over by value")]
    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        let tuples = &slf.get().tuples;
        let length = ffi::Py_ssize_t::try_from(tuples.len())?;
        let start = tuples.as_ptr().cast::<c_void>().cast_mut();
        // SAFETY: the class is frozen, so the bytes neither move nor change, and the view, which is marked read-only,
        // keeps a reference to this object for as long as it lives.
        let filled = unsafe { ffi::PyBuffer_FillInfo(view, slf.as_ptr(), start, length, 1, flags) };
        if filled == 0 { Ok(()) } else { Err(PyErr::fetch(slf.py())) }
    }
}
