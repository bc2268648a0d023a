//! Is there too little to send to learn the line's limit from it?

use super::{Micros, bits, seconds};

/// Of the estimate, sending less than this counts as idle.
const USAGE: f64 = 0.65;
const START_ABOVE: f64 = 0.8;
const STOP_BELOW: f64 = 0.5;
/// The budget covers half a second.
const WINDOW_SECONDS: f64 = 0.5;

/// A budget that refills at 65 % of the estimate; what stays unused tells.
#[derive(Default)]
pub struct Alr {
    budget: f64,
    before: Option<Micros>,
    since: Option<Micros>,
}

impl Alr {
    /// A packet left.
    pub fn sent(&mut self, size: usize, bps: f64, now: Micros) {
        let most = USAGE * bps * WINDOW_SECONDS;
        let elapsed = self.before.map_or(0.0, |before| seconds(now - before).max(0.0));
        self.before = Some(now);
        // Used first: what a long pause left over is idleness, not credit.
        self.budget = (self.budget - bits(size)).max(-most);
        self.budget = (self.budget + USAGE * bps * elapsed).min(most);
        let ratio = self.budget / most.max(1.0);
        if ratio > START_ABOVE {
            self.since.get_or_insert(now);
        } else if ratio < STOP_BELOW {
            self.since = None;
        }
    }

    /// Since when there is too little to send.
    pub fn since(&self) -> Option<Micros> {
        self.since
    }
}

#[cfg(test)]
mod tests {
    use super::Alr;

    #[test]
    fn half_of_the_estimate_is_too_little_and_four_fifths_are_not() {
        for (bytes, idle) in [(625, true), (1_000, false)] {
            let mut alr = Alr::default();
            (0..300).for_each(|at| alr.sent(bytes, 1e6, at * 10_000));
            assert_eq!(alr.since().is_some(), idle);
        }
    }
}
