//! Octofleet's media engine.
use pyo3::prelude::*;

#[pymodule]
mod _native {}
