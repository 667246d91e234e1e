//! The module `datasync._native`: a list of what it exports. Documentation for callers is in `_native.pyi`.

mod buffer;
mod build;
mod encoder;
mod errors;
mod extracted;
mod failpoints;
mod guard;
mod inflate;
mod page;
mod reject;
mod sorted;
mod split;
mod tallies;
mod timestamps;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
mod _native {
    use super::{Bound, PyModule, PyResult};

    #[pymodule_export]
    use super::build::build_info;
    #[pymodule_export]
    use super::encoder::PageEncoder;
    #[pymodule_export]
    use super::errors::{CorePanic, PageError, PlanError};
    #[pymodule_export]
    use super::extracted::ExtractedRows;
    #[pymodule_export]
    use super::failpoints::on_failpoint;
    #[pymodule_export]
    use super::inflate::inflate;
    #[pymodule_export]
    use super::page::EncodedPage;
    #[pymodule_export]
    use super::reject::Reject;
    #[pymodule_export]
    use super::sorted::{CopyTuples, SortedRows};
    #[pymodule_export]
    use super::split::SplitPage;
    #[pymodule_export]
    use super::timestamps::{Instants, TimestampReader};

    #[pymodule_export]
    const COPY_HEADER: &[u8] = datasync_core::HEADER;
    #[pymodule_export]
    const COPY_TRAILER: &[u8] = datasync_core::TRAILER;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        super::guard::init();
        super::errors::init(module)
    }
}
