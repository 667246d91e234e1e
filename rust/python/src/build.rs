//! How this module was built, for bug reports and for those who measure.

use pyo3::prelude::*;
use pyo3::types::PyDict;

#[pyfunction]
pub(crate) fn build_info(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let info = PyDict::new(py);
    info.set_item("version", env!("CARGO_PKG_VERSION"))?;
    info.set_item("profile", env!("BUILD_PROFILE"))?;
    info.set_item("target", env!("BUILD_TARGET"))?;
    info.set_item("pyo3", "0.30")?;
    info.set_item("abi3", "cp311")?;
    Ok(info)
}
