//! The core's failpoints in Python's hands: `datasync.failpoints` reads the environment and says what happens where.

use datasync_core::failpoints;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

static HOOK: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// Call `hook` with the name of each place that is passed; where it raises, the core panics.
#[pyfunction]
pub(crate) fn on_failpoint(py: Python<'_>, hook: Py<PyAny>) {
    let _ = HOOK.set(py, hook);
    failpoints::set(pass);
}

fn pass(name: &'static str) {
    let raised = Python::attach(|py| HOOK.get(py).is_some_and(|hook| hook.call1(py, (name,)).is_err()));
    assert!(!raised, "on purpose");
}
