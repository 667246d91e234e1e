//! The rows of several pages, sorted, and their tuples.

use std::collections::HashSet;
use std::ffi::c_int;

use datasync_core::{Rows, Sorted};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::buffer;
use crate::errors::NativeError;
use crate::guard::detached;
use crate::page::EncodedPage;

#[pyclass(frozen, module = "datasync._native")]
pub(crate) struct SortedRows {
    pages: Vec<Py<EncodedPage>>,
    sorted: Sorted,
}

impl SortedRows {
    fn rows(&self) -> Vec<&Rows> {
        self.pages.iter().map(|page| page.get().tuples()).collect()
    }

    fn with(&self, py: Python<'_>, sorted: Sorted) -> Self {
        Self { pages: self.pages.iter().map(|page| page.clone_ref(py)).collect(), sorted }
    }
}

#[pymethods]
impl SortedRows {
    #[new]
    fn new(py: Python<'_>, pages: Vec<Py<EncodedPage>>) -> Result<Self, NativeError> {
        let rows: Vec<&Rows> = pages.iter().map(|page| page.get().tuples()).collect();
        let sorted = detached(py, "sort", || Sorted::new(&rows))?;
        Ok(Self { pages, sorted })
    }

    #[getter]
    fn nbytes(&self) -> usize {
        self.pages.iter().map(|page| page.get().tuples().bytes().len()).sum()
    }

    #[getter]
    const fn repeated(&self) -> usize {
        self.sorted.repeated()
    }

    fn __len__(&self) -> usize {
        self.sorted.len()
    }

    fn __repr__(&self) -> String {
        format!("SortedRows(rows={}, repeated={})", self.sorted.len(), self.sorted.repeated())
    }

    #[pyo3(signature = (start = 0, stop = None))]
    fn tuples(&self, py: Python<'_>, start: usize, stop: Option<usize>) -> Result<CopyTuples, NativeError> {
        let (rows, stop) = (self.rows(), stop.unwrap_or(self.sorted.len()));
        Ok(CopyTuples { bytes: detached(py, "copy_stream", || self.sorted.tuples(&rows, start..stop))? })
    }

    fn keys<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyBytes>> {
        self.sorted.keys(&self.rows()).map(|key| PyBytes::new(py, key)).collect()
    }

    fn row<'py>(&self, py: Python<'py>, row: usize) -> Option<(usize, usize, usize, Bound<'py, PyBytes>)> {
        let (origin, tuple) = self.sorted.row(&self.rows(), row)?;
        Some((origin.page, origin.index, origin.offset, PyBytes::new(py, &tuple)))
    }

    #[pyo3(signature = (*, last = false))]
    fn unique(&self, py: Python<'_>, last: bool) -> Result<Self, NativeError> {
        let rows = self.rows();
        let sorted = detached(py, "sort", || self.sorted.unique(&rows, last))?;
        Ok(self.with(py, sorted))
    }

    #[expect(clippy::needless_pass_by_value, reason = "PyO3 hands arguments over by value")]
    fn only(&self, py: Python<'_>, wanted: Vec<Bound<'_, PyBytes>>) -> Result<Self, NativeError> {
        let (rows, wanted) = (self.rows(), wanted.iter().map(PyBytesMethods::as_bytes).collect::<HashSet<_>>());
        let sorted = detached(py, "sort", || self.sorted.only(&rows, &wanted))?;
        Ok(self.with(py, sorted))
    }

    fn meets(&self, py: Python<'_>, other: &Bound<'_, Self>) -> Result<bool, NativeError> {
        let (rows, other) = (self.rows(), other.get());
        let others = other.rows();
        detached(py, "sort", || self.sorted.meets(&rows, &other.sorted, &others))
    }
}

#[pyclass(frozen, module = "datasync._native")]
pub(crate) struct CopyTuples {
    bytes: Vec<u8>,
}

#[pymethods]
impl CopyTuples {
    fn __len__(&self) -> usize {
        self.bytes.len()
    }

    fn __repr__(&self) -> String {
        format!("CopyTuples(nbytes={})", self.bytes.len())
    }

    /// Fill `view` with the tuples, read-only.
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
