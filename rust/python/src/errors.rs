//! Errors of the core as Python exceptions.

use pyo3::create_exception;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;

create_exception!(datasync._native, PageError, PyValueError, "The page as a whole can't be used.");
create_exception!(datasync._native, PlanError, PyValueError, "The plan can't be followed.");
create_exception!(datasync._native, CorePanic, PyRuntimeError, "The native core is broken.");

/// An error of the core on its way to Python.
pub(crate) enum NativeError {
    Page(datasync_core::PageError),
    Plan(datasync_core::PlanError),
    /// A bug: what was done, and the place in the source.
    Panic {
        point: &'static str,
        place: String,
    },
}

impl From<datasync_core::PageError> for NativeError {
    fn from(error: datasync_core::PageError) -> Self {
        Self::Page(error)
    }
}

impl From<datasync_core::PlanError> for NativeError {
    fn from(error: datasync_core::PlanError) -> Self {
        Self::Plan(error)
    }
}

impl From<NativeError> for PyErr {
    fn from(error: NativeError) -> Self {
        match error {
            NativeError::Page(error) => Python::attach(|py| {
                let raised = PageError::new_err(error.to_string());
                let value = raised.value(py);
                let set =
                    value.setattr("code", error.code.as_str()).and_then(|()| value.setattr("offset", error.offset));
                set.err().unwrap_or(raised)
            }),
            NativeError::Plan(error) => PlanError::new_err(error.to_string()),
            NativeError::Panic { point, place } => {
                CorePanic::new_err(format!("the native core failed in `{point}` at {place}; this is a bug of datasync"))
            }
        }
    }
}

/// Give `PageError` its attributes, so that one made in Python has them too.
pub(crate) fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let class = module.py().get_type::<PageError>();
    class.setattr("code", "")?;
    class.setattr("offset", 0)
}
