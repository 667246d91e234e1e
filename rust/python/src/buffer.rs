//! Bytes of ours that Python reads in place.

use std::ffi::{c_int, c_void};

use pyo3::ffi;
use pyo3::prelude::*;

/// Fill `view` with `bytes`, read-only.
///
/// # Safety
///
/// `view` may be written to. `bytes` belong to `owner`, and neither move nor change while it lives.
pub(crate) unsafe fn fill(
    owner: &Bound<'_, PyAny>,
    bytes: &[u8],
    view: *mut ffi::Py_buffer,
    flags: c_int,
) -> PyResult<()> {
    let length = ffi::Py_ssize_t::try_from(bytes.len())?;
    let start = bytes.as_ptr().cast::<c_void>().cast_mut();
    // SAFETY: the view, which is marked read-only, keeps a reference to the owner for as long as it lives.
    let filled = unsafe { ffi::PyBuffer_FillInfo(view, owner.as_ptr(), start, length, 1, flags) };
    if filled == 0 { Ok(()) } else { Err(PyErr::fetch(owner.py())) }
}
