//! Steady padding: how much of it is due, a few packets at a time.

use super::{MS, Micros};

const EVERY: Micros = 15 * MS;
/// A stall isn't made up for any further than this.
const LONGEST_STALL: Micros = 60 * MS;
/// A probe's bytes, which may be many, hold steady padding up no longer than this many of its own.
const DEEPEST_CREDIT: f64 = 1_500.0;

/// Paces padding at a rate.
#[derive(Default)]
pub struct Padder {
    bps: f64,
    at: Micros,
    /// Bytes that are due and not sent; below zero, sent ahead.
    owed: f64,
}

impl Padder {
    /// Send this much a second from now on.
    pub fn set(&mut self, bps: f64, now: Micros) {
        self.bps = bps.max(0.0);
        self.at = self.at.max(now - EVERY);
    }

    /// Whether any is wanted.
    pub fn is_wanted(&self) -> bool {
        self.bps > 0.0
    }

    /// Nothing is due for a while: a probe is under way.
    pub fn hold(&mut self, now: Micros) {
        self.at = now;
    }

    /// Bytes to send now, if it is time.
    pub fn due(&mut self, now: Micros) -> Option<usize> {
        let elapsed = now - self.at;
        if !self.is_wanted() || elapsed < EVERY {
            return None;
        }
        self.at = now;
        let bytes = |span: Micros| self.bps * span as f64 / 8e6;
        self.owed = (self.owed + bytes(elapsed)).min(bytes(LONGEST_STALL));
        // Below zero it casts to zero.
        let due = self.owed as usize;
        (due > 0).then_some(due)
    }

    /// This much padding was sent. Whole packets are, so often more than was due: later padding
    /// waits for that, or a line that can take little would get a packet at every tick.
    pub fn sent(&mut self, bytes: usize) {
        self.owed = (self.owed - bytes as f64).max(-DEEPEST_CREDIT);
    }
}

#[cfg(test)]
mod tests {
    use super::{MS, Padder};

    #[test]
    fn padding_comes_every_fifteen_milliseconds() {
        let mut padder = Padder::default();
        padder.set(800_000.0, 1_000 * MS);
        assert_eq!(padder.due(1_000 * MS), Some(1_500));
        padder.sent(1_500);
        assert_eq!((padder.due(1_010 * MS), padder.due(1_020 * MS)), (None, Some(2_000)));
        padder.set(0.0, 1_030 * MS);
        assert_eq!(padder.due(2_000 * MS), None);
    }

    #[test]
    fn padding_in_whole_packets_is_no_more_than_was_asked() {
        let mut padder = Padder::default();
        padder.set(100_000.0, 1_000 * MS);
        let mut sent = 0;
        for tick in 0..2_000 {
            if padder.due((1_000 + 5 * tick) * MS).is_some() {
                sent += 900;
                padder.sent(900);
            }
        }
        // Ten seconds of 100 kbit/s.
        assert!((120_000..=126_000).contains(&sent), "{sent}");
    }
}
