//! Timestamps one by one, or a list of them.

use std::ffi::c_int;

use datasync_core::RejectCode;
use datasync_core::timestamp::{Policy, PolicyText, Reading, Tally, Value};
use pyo3::Borrowed;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::sync::critical_section::with_critical_section;
use pyo3::types::{IntoPyDict, PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

use crate::buffer;
use crate::errors::NativeError;
use crate::guard::caught;
use crate::tallies;

/// Stands for NULL among instants. No instant is so early.
const NULL: i64 = i64::MIN;

/// The first float whose neighbours are more than 1 apart is 2^53.
const EXACT_FLOATS: f64 = 9_007_199_254_740_992.0;

#[pyclass(frozen, module = "datasync._native")]
pub(crate) struct TimestampReader {
    policy: Policy,
}

#[pymethods]
impl TimestampReader {
    #[new]
    fn new(policy: &[u8]) -> Result<Self, NativeError> {
        Ok(Self { policy: PolicyText::parse(policy)? })
    }

    /// The microseconds, or the code of the refusal, or None.
    fn read<'py>(&self, value: &Bound<'py, PyAny>, now_us: i64) -> PyResult<Bound<'py, PyAny>> {
        let py = value.py();
        Ok(match caught("timestamp", || self.reading(value, now_us))?? {
            Ok(Some(reading)) => reading.micros.into_pyobject(py)?.into_any(),
            Ok(None) => py.None().into_bound(py),
            Err(code) => PyString::new(py, code.as_str()).into_any(),
        })
    }

    fn read_many(&self, values: &Bound<'_, PyList>, now_us: i64) -> PyResult<Instants> {
        caught("timestamps", || self.many(values, now_us))?
    }
}

impl TimestampReader {
    fn many(&self, values: &Bound<'_, PyList>, now_us: i64) -> PyResult<Instants> {
        let mut micros = Vec::with_capacity(values.len() * size_of::<i64>());
        let mut refused = Vec::new();
        let mut tally = Tally::default();
        // Without a GIL, the list is locked, except while Python code runs for one of its values.
        with_critical_section(values, || {
            for index in 0..values.len() {
                let instant = match self.item(values, index, now_us)? {
                    Ok(Some(reading)) => {
                        tally.add(&reading);
                        reading.micros
                    }
                    Ok(None) => NULL,
                    Err(code) => {
                        refused.push((index, code));
                        NULL
                    }
                };
                micros.extend_from_slice(&instant.to_ne_bytes());
            }
            Ok::<_, PyErr>(())
        })?;
        Ok(Instants { micros, refused, tally })
    }

    /// Read an item of a list that is locked. An error if the list has become shorter.
    #[expect(clippy::inline_always, reason = "a call passes its result through memory")]
    #[inline(always)]
    fn item(
        &self,
        values: &Bound<'_, PyList>,
        index: usize,
        now: i64,
    ) -> PyResult<Result<Option<Reading>, RejectCode>> {
        let index = ffi::Py_ssize_t::try_from(index)?;
        // SAFETY: the list is a list, and owns what is borrowed from it until it is changed. Nobody can do that while
        // a str is read; what runs other code takes a reference first.
        let item = unsafe { Borrowed::from_ptr_or_err(values.py(), ffi::PyList_GetItem(values.as_ptr(), index))? };
        if let Ok(text) = item.cast_exact::<PyString>()
            && let Ok(text) = text.to_str()
        {
            return Ok(self.policy.read(Value::Text(text.as_bytes()), now));
        }
        self.other(&item.to_owned(), now)
    }

    fn reading(&self, value: &Bound<'_, PyAny>, now: i64) -> PyResult<Result<Option<Reading>, RejectCode>> {
        if let Ok(text) = value.cast_exact::<PyString>()
            && let Ok(text) = text.to_str()
        {
            return Ok(self.policy.read(Value::Text(text.as_bytes()), now));
        }
        self.other(value, now)
    }

    #[inline(never)]
    fn other(&self, value: &Bound<'_, PyAny>, now: i64) -> PyResult<Result<Option<Reading>, RejectCode>> {
        let py = value.py();
        if let Ok(text) = value.cast::<PyString>() {
            // Half of a surrogate pair is no UTF-8.
            let text = text.to_str().map_err(|_| RejectCode::TimestampInvalid);
            return Ok(text.and_then(|text| self.policy.read(Value::Text(text.as_bytes()), now)));
        }
        let number = |token: &str| self.policy.read(Value::Number(token.as_bytes()), now);
        Ok(if value.is_none() {
            Ok(None)
        } else if value.is_instance_of::<PyBool>() {
            self.policy.read(Value::Boolean, now)
        } else if value.is_exact_instance_of::<PyInt>()
            && let Ok(whole) = value.extract::<i64>()
        {
            number(itoa::Buffer::new().format(whole))
        } else if value.is_instance_of::<PyInt>() {
            // Python writes no int of more than 4,300 digits.
            value.str().map_or(Err(RejectCode::TimestampTooLong), |token| number(&token.to_string_lossy()))
        } else if let Ok(float) = value.cast::<PyFloat>() {
            if float.value().abs() >= EXACT_FLOATS && float.value().is_finite() {
                return Ok(Err(RejectCode::TimestampInexact));
            }
            number(value.repr()?.to_str()?)
        } else if value.is_instance(decimal(py)?)? {
            number(value.str()?.to_str()?)
        } else if value.is_instance_of::<PyDict>() {
            self.policy.read(Value::Object(json(value)?.as_bytes()), now)
        } else if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
            self.policy.read(Value::Array(json(value)?.as_bytes()), now)
        } else if value.hasattr("isoformat")? {
            // datetime and date.
            let text = value.call_method0("isoformat")?;
            self.policy.read(Value::Text(text.cast::<PyString>()?.to_str()?.as_bytes()), now)
        } else {
            let name = value.get_type().name()?;
            return Err(PyTypeError::new_err(format!("a timestamp can't be read from a value of type {name}")));
        })
    }
}

/// JSON of an object or array, in which a Decimal is a number.
fn json<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    static ENCODER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = value.py();
    let encoder = ENCODER.get_or_try_init(py, || {
        let options = [("decimal_format", "number")].into_py_dict(py)?;
        Ok::<_, PyErr>(py.import("msgspec.json")?.getattr("Encoder")?.call((), Some(&options))?.unbind())
    })?;
    let text = encoder.bind(py).call_method1("encode", (value,))?;
    text.cast_into::<PyBytes>().map_err(|error| PyValueError::new_err(error.to_string()))
}

fn decimal(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static DECIMAL: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let class = DECIMAL.get_or_try_init(py, || Ok::<_, PyErr>(py.import("decimal")?.getattr("Decimal")?.unbind()))?;
    Ok(class.bind(py))
}

/// What became of a list.
#[pyclass(frozen, module = "datasync._native")]
pub(crate) struct Instants {
    /// Microseconds of eight bytes each, as the machine has them.
    micros: Vec<u8>,
    refused: Vec<(usize, RejectCode)>,
    tally: Tally,
}

#[pymethods]
impl Instants {
    #[getter]
    fn refused(&self) -> Vec<(usize, &'static str)> {
        self.refused.iter().map(|(index, code)| (*index, code.as_str())).collect()
    }

    #[getter]
    fn tally<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        tallies::counts(py, &self.tally)
    }

    fn __len__(&self) -> usize {
        self.micros.len() / size_of::<i64>()
    }

    fn __repr__(&self) -> String {
        format!("Instants(len={}, refused={})", self.micros.len() / size_of::<i64>(), self.refused.len())
    }

    /// Fill `view` with the bytes of the microseconds, read-only.
    ///
    /// # Safety
    ///
    /// Python calls it with a `view` that may be written to.
    #[expect(clippy::needless_pass_by_value, reason = "PyO3 hands arguments over by value")]
    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        // SAFETY: the class is frozen, so that the bytes neither move nor change.
        unsafe { buffer::fill(slf.as_any(), &slf.get().micros, view, flags) }
    }
}
