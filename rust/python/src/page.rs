//! A page as COPY tuples, readable in place.

use std::ffi::c_int;

use datasync_core::{Encoded, Envelope, Plan, Rows, Stats};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::{buffer, reject, tallies};

#[pyclass(frozen, module = "datasync._native")]
pub(crate) struct EncodedPage {
    tuples: Rows,
    #[pyo3(get)]
    records: usize,
    #[pyo3(get)]
    rejects: Py<PyList>,
    #[pyo3(get)]
    timestamps: Py<PyDict>,
    envelope: Envelope,
    stats: Stats,
}

impl EncodedPage {
    pub(crate) fn new(py: Python<'_>, plan: &Plan, encoded: Encoded<'_>) -> PyResult<Self> {
        let Encoded { tuples, records, rejects, envelope, stats, tallies } = encoded;
        let timestamps = tallies::dict(py, plan, &tallies)?;
        Ok(Self { tuples, records, rejects: reject::list(py, rejects)?, timestamps, envelope, stats })
    }

    pub(crate) const fn tuples(&self) -> &Rows {
        &self.tuples
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
        self.tuples.bytes().len()
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
        self.tuples.bytes().len()
    }

    fn __repr__(&self) -> String {
        format!("EncodedPage(rows={}, records={}, nbytes={})", self.stats.rows, self.records, self.tuples.bytes().len())
    }

    /// Fill `view` with the tuples, read-only.
    ///
    /// # Safety
    ///
    /// Python calls it with a `view` that may be written to.
    #[expect(clippy::needless_pass_by_value, reason = "PyO3 hands arguments over by value")]
    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        // SAFETY: the class is frozen, so that the bytes neither move nor change.
        unsafe { buffer::fill(slf.as_any(), slf.get().tuples.bytes(), view, flags) }
    }
}
