//! What Python sees: commands, events, statistics, the engine. Nothing else knows of Python.

mod checks;
mod command;
mod engine;
mod event;
mod media;
mod stats;

use pyo3::prelude::*;

/// How long packets took to the sinks of this process: upper bounds (ms) and counts, cumulative.
#[pyfunction]
fn sink_delays() -> Vec<(f64, u64)> {
    crate::delays::counted()
}

/// The extension module.
#[pymodule]
pub mod _native {
    #[pymodule_export]
    use super::command::Command;
    #[pymodule_export]
    use super::engine::Engine;
    #[pymodule_export]
    use super::event::Event;
    #[pymodule_export]
    use super::sink_delays;
    #[pymodule_export]
    use super::stats::{DowntrackStats, EngineStats, SourceStats, TransportStats};
}
