//! A panic of the core while it reads becomes a Python exception, and says nothing of the data.
//!
//! `PyO3`'s own way would print the panic's message, which may quote the page, and raise a `BaseException`, which no
//! `except Exception` catches.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};

use datasync_core::failpoints;
use pyo3::prelude::*;

use crate::errors::NativeError;

thread_local! {
    /// Where this thread panicked last.
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Run `work`, of the name `point`, without the GIL.
pub(crate) fn detached<T: Send>(
    py: Python<'_>,
    point: &'static str,
    work: impl FnOnce() -> T + Send,
) -> Result<T, NativeError> {
    py.detach(|| caught(point, work))
}

/// Run `work`, of the name `point`.
pub(crate) fn caught<T>(point: &'static str, work: impl FnOnce() -> T) -> Result<T, NativeError> {
    // What `work` borrows is only read, or dropped with what it was making.
    panic::catch_unwind(AssertUnwindSafe(|| {
        failpoints::pass(point);
        work()
    }))
    .map_err(|_| NativeError::Panic { point, place: PLACE.take() })
}

/// Note where a panic happens instead of printing it. It is for this library's own panics: each library has its hook.
pub(crate) fn init() {
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        PLACE.replace(place);
    }));
}
