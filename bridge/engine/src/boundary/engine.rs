//! The engine as Python holds it: starts the thread, talks to it, ends it.

use super::checks::{id, socket_address};
use super::command::Command;
use super::event::Event;
use super::stats::{DowntrackStats, EngineStats, SourceStats, TransportStats};
use crate::instruction::Instruction;
use crate::net::UdpSocket;
use crate::shared::{Refused, Shared};
use crate::worker::Worker;
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// A thread that doesn't answer for this long has died.
const PATIENCE: Duration = Duration::from_secs(5);

struct Running {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
    /// The process that started the thread: a fork of it has none.
    process: u32,
}

/// One media engine.
#[pyclass(frozen, module = "octoengine")]
pub struct Engine {
    running: Mutex<Option<Running>>,
    next_socket: AtomicU32,
    gso: bool,
}

#[pymethods]
impl Engine {
    #[new]
    #[pyo3(signature = (event_capacity = 8192, gso = true))]
    fn new(event_capacity: usize, gso: bool) -> PyResult<Self> {
        if !(1..=1 << 20).contains(&event_capacity) {
            return Err(PyValueError::new_err("event_capacity must be 1..1048576"));
        }
        let shared = Arc::new(Shared::new(event_capacity).map_err(os_error)?);
        let worker = Worker::new(shared.clone()).map_err(os_error)?;
        let ending = Ending(shared.clone());
        let builder = std::thread::Builder::new().name("octoengine".to_owned());
        let thread = builder
            .spawn(move || {
                let _ending = ending;
                worker.run();
            })
            .map_err(os_error)?;
        let running = Running { shared, thread, process: std::process::id() };
        Ok(Self { running: Mutex::new(Some(running)), next_socket: AtomicU32::new(1), gso })
    }

    fn event_fd(&self) -> PyResult<i32> {
        Ok(self.shared()?.event_fd.fd())
    }

    #[pyo3(signature = (address, port = 0))]
    fn bind(&self, address: &str, port: i64) -> PyResult<(u32, u16)> {
        let udp = UdpSocket::bind(socket_address(address, port)?, self.gso).map_err(os_error)?;
        let port = udp.port().map_err(os_error)?;
        let socket = self.next_socket.fetch_add(1, Ordering::Relaxed);
        self.submit_all([Instruction::AddSocket { socket, udp }])?;
        Ok((socket, port))
    }

    fn unbind(&self, py: Python<'_>, socket: i64) -> PyResult<()> {
        let socket = u32::try_from(socket).map_err(|_| PyValueError::new_err("no such socket"))?;
        self.ask(py, |done| Instruction::RemoveSocket { socket, done })
    }

    fn submit(&self, py: Python<'_>, commands: Vec<Bound<'_, Command>>) -> PyResult<()> {
        let validated = commands.iter().map(|command| command.get().validate(py));
        self.submit_all(validated.collect::<PyResult<Vec<_>>>()?)
    }

    #[pyo3(signature = (limit = 1024))]
    fn poll(&self, py: Python<'_>, limit: usize) -> PyResult<Vec<Event>> {
        let notices = self.shared()?.poll(limit);
        Ok(notices.into_iter().map(|notice| Event::new(py, notice)).collect())
    }

    fn stats(&self, py: Python<'_>) -> PyResult<EngineStats> {
        let snapshot = self.ask(py, |reply| Instruction::ReportEngine { reply })?;
        Ok(EngineStats::new(&snapshot, self.shared()?.fill().max(snapshot.socket_fill)))
    }

    #[pyo3(signature = (transports = Vec::new()))]
    fn transport_stats(
        &self,
        py: Python<'_>,
        transports: Vec<i64>,
    ) -> PyResult<Vec<TransportStats>> {
        let ids = transports.into_iter().map(id).collect::<PyResult<_>>()?;
        let reports = self.ask(py, |reply| Instruction::ReportTransports { ids, reply })?;
        Ok(reports.into_iter().map(TransportStats::from).collect())
    }

    #[pyo3(signature = (transports = Vec::new()))]
    fn source_stats(&self, py: Python<'_>, transports: Vec<i64>) -> PyResult<Vec<SourceStats>> {
        let ids = transports.into_iter().map(id).collect::<PyResult<_>>()?;
        let reports = self.ask(py, |reply| Instruction::ReportSources { ids, reply })?;
        Ok(reports.into_iter().map(SourceStats::from).collect())
    }

    #[pyo3(signature = (transports = Vec::new()))]
    fn downtrack_stats(
        &self,
        py: Python<'_>,
        transports: Vec<i64>,
    ) -> PyResult<Vec<DowntrackStats>> {
        let ids = transports.into_iter().map(id).collect::<PyResult<_>>()?;
        let reports = self.ask(py, |reply| Instruction::ReportDowntracks { ids, reply })?;
        Ok(reports.into_iter().map(DowntrackStats::from).collect())
    }

    fn close(&self, py: Python<'_>) {
        py.detach(|| self.end());
    }
}

impl Engine {
    fn shared(&self) -> PyResult<Arc<Shared>> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let shared = running.as_ref().map(|running| running.shared.clone());
        shared.ok_or_else(|| refused(Refused::Closed))
    }

    fn submit_all(&self, instructions: impl IntoIterator<Item = Instruction>) -> PyResult<()> {
        self.shared()?.submit(instructions).map_err(refused)
    }

    /// Send an instruction with a reply channel and wait for the answer, without the GIL.
    fn ask<T: Send>(
        &self,
        py: Python<'_>,
        make: impl FnOnce(SyncSender<T>) -> Instruction,
    ) -> PyResult<T> {
        let (reply, answer): (_, Receiver<T>) = sync_channel(1);
        self.submit_all([make(reply)])?;
        // A channel's receiver must not be shared between threads; it moves into the closure.
        let answer = Mutex::new(answer);
        let answer = py.detach(move || {
            let answer = answer.into_inner().unwrap_or_else(PoisonError::into_inner);
            answer.recv_timeout(PATIENCE)
        });
        answer.map_err(|_| PyRuntimeError::new_err("the engine's thread doesn't answer"))
    }

    fn end(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(running) = running else {
            return;
        };
        running.shared.close();
        if running.process == std::process::id() {
            // A thread that panicked has ended as well.
            let _ = running.thread.join();
        }
        running.shared.clear();
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.end();
    }
}

/// Marks the engine as closed however its thread ends, so that nobody waits for a dead one.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.close();
        self.0.clear();
    }
}

fn refused(refused: Refused) -> PyErr {
    PyRuntimeError::new_err(match refused {
        Refused::Closed => "the engine is closed",
        Refused::Overloaded => "the engine is overloaded: too many commands wait",
    })
}

fn os_error(error: io::Error) -> PyErr {
    match error.raw_os_error() {
        Some(errno) => PyOSError::new_err((errno, error.to_string())),
        None => PyOSError::new_err(error.to_string()),
    }
}
