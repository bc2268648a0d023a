//! The clock's work: streams, padding, requests, feedback, periodic reports.

use super::{WATCH_NS, Worker};
use crate::clock;

const PACING_NS: u64 = 2_000_000;
const PADDING_NS: u64 = 5_000_000;
const HOUSEKEEPING_NS: u64 = 20_000_000;

impl Worker {
    /// Tick as often as the work at hand needs, and not at all without any.
    pub(super) fn set_timer(&mut self) {
        let transports = &self.table.transports;
        let period = transports.iter().map(|(_, transport)| {
            if !transport.streams.is_empty() || transport.congestion.is_probing() {
                PACING_NS
            } else if transport.congestion.is_padding() {
                PADDING_NS
            } else {
                HOUSEKEEPING_NS
            }
        });
        self.timer.set(period.min().unwrap_or_default());
    }

    /// The timer fired.
    pub(super) fn tick(&mut self) {
        self.timer.clear();
        self.now_ns = clock::monotonic_ns();
        let mut slots = std::mem::take(&mut self.scratch.slots);
        slots.clear();
        slots.extend(self.table.transports.iter().map(|(slot, _)| slot));
        for &slot in &slots {
            self.pace(slot);
            self.pad(slot);
        }
        if self.now_ns >= self.housekeeping_ns + HOUSEKEEPING_NS {
            self.housekeeping_ns = self.now_ns;
            let watch = self.now_ns >= self.watched_ns + WATCH_NS;
            if watch {
                self.watched_ns = self.now_ns;
            }
            for &slot in &slots {
                self.ask(slot);
                self.ask_for_missing(slot);
                self.watch_bandwidth(slot);
                self.report(slot);
                if watch {
                    self.watch_encodings(slot);
                }
            }
        }
        self.scratch.slots = slots;
        self.set_timer();
    }
}
