//! The two queues between Python and the engine's thread, and the eventfds that announce them.

use crate::instruction::{Instruction, TransportId};
use crate::net::EventFd;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// More waiting commands than this mean that the thread has stalled.
const MOST_COMMANDS: usize = 1 << 18;

/// One thing to tell Python.
#[derive(Debug)]
pub enum Notice {
    Stun {
        socket: u32,
        peer: SocketAddr,
        data: Vec<u8>,
    },
    Dtls {
        transport: TransportId,
        data: Vec<u8>,
    },
    Rtcp {
        transport: TransportId,
        data: Vec<u8>,
    },
    SendFailed {
        transport: TransportId,
        errno: i32,
    },
    #[allow(dead_code, reason = "congestion control is being wired in")]
    /// What a transport's downlink is thought to carry.
    Bandwidth {
        transport: TransportId,
        bits_per_second: u64,
        loss: f64,
        rtt_ms: f64,
    },
    AudioLevels {
        levels: Vec<AudioLevel>,
    },
    EncodingActivity {
        transport: TransportId,
        ssrc: u32,
        active: bool,
    },
    Keyframe {
        transport: TransportId,
        ssrc: u32,
        width: u16,
        height: u16,
    },
}

/// Transport, SSRC, level as on the wire (0 loud, 127 silent), monotonic milliseconds.
pub type AudioLevel = (TransportId, u32, u8, u64);

/// The engine can't take commands any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    Closed,
    Overloaded,
}

struct Notices {
    queue: VecDeque<Notice>,
    fullest: usize,
}

/// State shared by Python's threads and the engine's own.
pub struct Shared {
    commands: Mutex<Vec<Instruction>>,
    notices: Mutex<Notices>,
    capacity: usize,
    closing: AtomicBool,
    waiting: AtomicBool,
    /// Wakes the engine's thread.
    pub command_fd: EventFd,
    /// Wakes Python.
    pub event_fd: EventFd,
}

impl Shared {
    /// Empty queues; at most `capacity` notices wait.
    pub fn new(capacity: usize) -> io::Result<Self> {
        Ok(Self {
            commands: Mutex::default(),
            notices: Mutex::new(Notices { queue: VecDeque::new(), fullest: 0 }),
            capacity,
            closing: AtomicBool::new(false),
            waiting: AtomicBool::new(false),
            command_fd: EventFd::new()?,
            event_fd: EventFd::new()?,
        })
    }

    /// Queue instructions, all or none.
    pub fn submit(
        &self,
        instructions: impl IntoIterator<Item = Instruction>,
    ) -> Result<(), Refused> {
        let mut commands = lock(&self.commands);
        // Asked under the lock: what is queued before `clear` goes with it.
        if self.is_closing() {
            return Err(Refused::Closed);
        }
        if commands.len() >= MOST_COMMANDS {
            return Err(Refused::Overloaded);
        }
        commands.extend(instructions);
        self.waiting.store(true, Ordering::Release);
        drop(commands);
        self.command_fd.set();
        Ok(())
    }

    /// Swap the waiting instructions into `taken`, which must be empty.
    pub fn take_commands(&self, taken: &mut Vec<Instruction>) {
        self.command_fd.clear();
        let mut commands = lock(&self.commands);
        self.waiting.store(false, Ordering::Release);
        std::mem::swap(&mut *commands, taken);
    }

    /// Whether instructions wait.
    #[inline]
    pub fn has_commands(&self) -> bool {
        self.waiting.load(Ordering::Acquire)
    }

    /// Queue notices; return how many found no room.
    pub fn notify(&self, notices: &mut Vec<Notice>) -> usize {
        let mut waiting = lock(&self.notices);
        let room = self.capacity - waiting.queue.len().min(self.capacity);
        let kept = notices.len().min(room);
        let lost = notices.len() - kept;
        waiting.queue.extend(notices.drain(..kept));
        notices.clear();
        waiting.fullest = waiting.fullest.max(waiting.queue.len());
        if kept > 0 {
            self.event_fd.set();
        }
        lost
    }

    /// Take up to `limit` notices.
    pub fn poll(&self, limit: usize) -> Vec<Notice> {
        let mut waiting = lock(&self.notices);
        let count = waiting.queue.len().min(limit);
        let taken = waiting.queue.drain(..count).collect();
        if waiting.queue.is_empty() {
            self.event_fd.clear();
        }
        taken
    }

    /// How full the queues have been since the last call, 0..1.
    pub fn fill(&self) -> f64 {
        let commands = lock(&self.commands).len() as f64 / MOST_COMMANDS as f64;
        let mut waiting = lock(&self.notices);
        let now = waiting.queue.len();
        let fullest = std::mem::replace(&mut waiting.fullest, now);
        (fullest as f64 / self.capacity as f64).max(commands).min(1.0)
    }

    /// Ask the thread to end.
    pub fn close(&self) {
        self.closing.store(true, Ordering::Release);
        self.command_fd.set();
    }

    /// Whether the thread is to end, or has.
    pub fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// Forget what still waits: commands hold keys.
    pub fn clear(&self) {
        lock(&self.commands).clear();
    }
}

// A panic while holding the lock leaves a queue that is still whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
