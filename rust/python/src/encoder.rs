//! The encoder: a compiled plan and its uses. The interpreter is let go while the core works.

use datasync_core::{Plan, encode, extract, peek, split};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyBytesMethods};

use crate::errors::NativeError;
use crate::extracted::ExtractedRows;
use crate::guard::detached;
use crate::page::EncodedPage;
use crate::split::SplitPage;

#[pyclass(frozen, module = "datasync._native")]
pub(crate) struct PageEncoder {
    plan: Plan,
}

#[pymethods]
impl PageEncoder {
    #[new]
    fn new(plan: &Bound<'_, PyBytes>) -> Result<Self, NativeError> {
        Ok(Self { plan: Plan::parse(plan.as_bytes())? })
    }

    #[pyo3(signature = (body, *, now_us))]
    fn encode(&self, py: Python<'_>, body: &Bound<'_, PyBytes>, now_us: i64) -> PyResult<EncodedPage> {
        let body = body.as_bytes();
        let encoded = detached(py, "encode", || encode(&self.plan, body, now_us))?.map_err(NativeError::from)?;
        EncodedPage::new(py, &self.plan, encoded)
    }

    /// The next cursor, and whether more follows.
    fn peek(&self, py: Python<'_>, body: &Bound<'_, PyBytes>) -> PyResult<(Option<String>, Option<bool>)> {
        let body = body.as_bytes();
        let envelope = detached(py, "peek", || peek(&self.plan, body))?.map_err(NativeError::from)?;
        Ok((envelope.next_cursor, envelope.has_more))
    }

    fn split(&self, py: Python<'_>, body: &Bound<'_, PyBytes>) -> PyResult<SplitPage> {
        let body = body.as_bytes();
        let split = detached(py, "split", || split(&self.plan, body))?.map_err(NativeError::from)?;
        SplitPage::new(py, split)
    }

    // The vector owns a reference to each record, so that they outlive whatever another thread does to the list.
    #[pyo3(signature = (records, *, now_us))]
    #[expect(clippy::needless_pass_by_value, reason = "PyO3 hands arguments over by value")]
    fn extract(&self, py: Python<'_>, records: Vec<Bound<'_, PyBytes>>, now_us: i64) -> PyResult<ExtractedRows> {
        let records: Vec<&[u8]> = records.iter().map(PyBytesMethods::as_bytes).collect();
        let extracted = detached(py, "extract", || extract(&self.plan, &records, now_us))?;
        ExtractedRows::new(py, &self.plan, extracted)
    }
}
