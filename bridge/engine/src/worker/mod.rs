//! The engine's thread: waits for datagrams, commands and the clock, and never takes the GIL.

#[cfg(test)]
mod allocations;
mod answers;
mod bandwidth;
mod catchup;
mod commands;
mod datagrams;
mod fanout;
mod feedback;
mod forward;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod keyframes;
mod line;
mod media;
mod outgoing;
mod repair;
mod reports;
mod routes;
mod sinks;
mod streams;
mod tick;

use crate::bucket::{Spread, TokenBucket};
use crate::cc::Acked;
use crate::clock;
use crate::counter::{Counter, Ledger};
use crate::instruction::Instruction;
use crate::net::{Batch, Outbox, Poller, Timer, UdpSocket};
use crate::rtcp::{Nack, ReportBlock};
use crate::shared::{AudioLevel, Notice, Shared};
use crate::source::Target;
use crate::stream::Plan;
use crate::table::Table;
use ahash::AHashMap;
use catchup::Begun;
use fanout::Fanout;
use std::io;
use std::sync::Arc;

const COMMANDS: u64 = u64::MAX;
const TIMER: u64 = u64::MAX - 1;
/// Between two events about audio levels, and the most levels one tells.
const LEVELS_NS: u64 = 20_000_000;
const MOST_LEVELS: usize = 4096;
/// Between looks at which encodings still come.
const WATCH_NS: u64 = 100_000_000;
/// Batches taken from one socket before the others, commands and the clock get a turn.
const BATCHES_IN_A_ROW: usize = 4;
/// STUN of strangers handed to Python, a second: from all, and from one address (a NAT may hide
/// hundreds of people).
const STUN_STRANGERS: f64 = 4_000.0;
const STUN_STRANGER: f64 = 1_000.0;

/// Everything the thread owns.
pub struct Worker {
    shared: Arc<Shared>,
    poller: Poller,
    timer: Timer,
    sockets: AHashMap<u32, UdpSocket>,
    batch: Option<Box<Batch>>,
    outbox: Outbox,
    table: Table,
    fanout: Fanout,
    ledger: Ledger,
    notices: Vec<Notice>,
    levels: Vec<AudioLevel>,
    levels_ns: u64,
    watched_ns: u64,
    /// When media was last dropped for being late.
    dropped_late_ns: u64,
    stun_strangers: TokenBucket,
    stun_stranger: Spread,
    now_ns: u64,
    started_ns: u64,
    housekeeping_ns: u64,
    scratch: Scratch,
}

/// Buffers that are reused instead of allocated.
#[derive(Default)]
struct Scratch {
    instructions: Vec<Instruction>,
    targets: Vec<Target>,
    /// Downtracks that wait for a keyframe and may ask for one.
    waiting: Vec<Target>,
    begun: Vec<Begun>,
    ssrcs: Vec<u32>,
    plans: Vec<Plan>,
    entries: Vec<Nack>,
    slots: Vec<usize>,
    blocks: Vec<ReportBlock>,
    acked: Vec<Acked>,
}

impl Worker {
    /// A worker without sockets.
    pub fn new(shared: Arc<Shared>) -> io::Result<Self> {
        let poller = Poller::new()?;
        let timer = Timer::new()?;
        poller.add(shared.command_fd.fd(), COMMANDS)?;
        poller.add(timer.fd(), TIMER)?;
        let now_ns = clock::monotonic_ns();
        Ok(Self {
            shared,
            poller,
            timer,
            sockets: AHashMap::new(),
            batch: Some(Box::default()),
            outbox: Outbox::default(),
            table: Table::default(),
            fanout: Fanout::default(),
            ledger: Ledger::default(),
            notices: Vec::new(),
            levels: Vec::new(),
            levels_ns: now_ns,
            watched_ns: now_ns,
            dropped_late_ns: 0,
            stun_strangers: TokenBucket::new(STUN_STRANGERS, STUN_STRANGERS, now_ns),
            stun_stranger: Spread::new(STUN_STRANGER, STUN_STRANGER, now_ns),
            now_ns,
            started_ns: now_ns,
            housekeeping_ns: now_ns,
            scratch: Scratch::default(),
        })
    }

    /// Run until told to close.
    pub fn run(mut self) {
        let mut ready = Vec::with_capacity(64);
        while !self.shared.is_closing() {
            self.poller.wait(&mut ready);
            self.now_ns = clock::monotonic_ns();
            for &token in &ready {
                match token {
                    COMMANDS => self.apply_commands(),
                    TIMER => self.tick(),
                    socket => self.drain_socket(socket as u32),
                }
                self.flush();
            }
            self.hand_over();
        }
    }

    fn drain_socket(&mut self, number: u32) {
        let Some(mut batch) = self.batch.take() else {
            return;
        };
        for _ in 0..BATCHES_IN_A_ROW {
            let Some(fd) = self.sockets.get(&number).map(UdpSocket::fd) else {
                break;
            };
            let count = batch.receive(fd);
            self.now_ns = clock::monotonic_ns();
            // What was asked for before these datagrams came must hold for them.
            if self.shared.has_commands() {
                self.apply_commands();
            }
            self.take_batch(number, &mut batch, count);
            if count < crate::net::BATCH {
                break;
            }
        }
        self.batch = Some(batch);
    }

    // At most one event in a while tells of all levels since.
    fn tell_levels(&mut self) {
        if self.levels.is_empty() || self.now_ns < self.levels_ns + LEVELS_NS {
            return;
        }
        self.levels_ns = self.now_ns;
        let room = Vec::with_capacity(self.levels.len());
        let levels = std::mem::replace(&mut self.levels, room);
        self.notices.push(Notice::AudioLevels { levels });
    }

    fn hand_over(&mut self) {
        self.tell_levels();
        if self.notices.is_empty() {
            return;
        }
        let lost = self.shared.notify(&mut self.notices);
        self.ledger.add(Counter::DroppedEventQueue, lost as u64);
    }
}
