//! The rate that losses allow: at 10 % and more it shrinks, below 2 % it grows, in between it
//! stays; and never more than the delay allows.

use super::{MAX_BPS, MIN_BPS, MS, Micros, SECOND};
use std::collections::VecDeque;

const LOW: f64 = 0.02;
const HIGH: f64 = 0.1;
/// A fraction of fewer packets says nothing.
const FEWEST: u32 = 20;
const DECREASE_EVERY: Micros = 300 * MS;
const INCREASE_OVER: Micros = SECOND;
const GROWTH: f64 = 1.08;
const GROWTH_BPS: f64 = 1_000.0;
/// So long the delay is trusted alone while nothing was lost.
const START: Micros = 2 * SECOND;
/// A fraction older than this is forgotten.
const STALE: Micros = 6 * SECOND;
/// With nothing heard for so long while packets leave, the rate falls.
const SILENCE: Micros = 3 * SECOND;
const SILENCE_DROP: f64 = 0.8;
/// Losses cut no deeper than this part of what arrives, as delay doesn't: that much gets through.
const ARRIVING_FLOOR: f64 = 0.85;

/// The estimate: what losses and delay allow together.
pub struct Loss {
    bps: f64,
    limit: Option<f64>,
    lost: u32,
    told: u32,
    fraction: f64,
    reported: Option<Micros>,
    decreased_since_report: bool,
    decreased: Option<Micros>,
    /// The lowest rates of the last second, oldest first.
    lowest: VecDeque<(Micros, f64)>,
    started: Micros,
    rtt: Micros,
    arriving: Option<f64>,
}

impl Loss {
    /// Start from a rate that nothing has shown yet.
    pub fn new(bps: f64, now: Micros) -> Self {
        Self {
            bps,
            limit: None,
            lost: 0,
            told: 0,
            fraction: 0.0,
            reported: None,
            decreased_since_report: false,
            decreased: None,
            lowest: VecDeque::new(),
            started: now,
            rtt: 0,
            arriving: None,
        }
    }

    /// The rate.
    pub fn bps(&self) -> f64 {
        self.bps
    }

    /// The fraction of packets lost, of the last twenty or more.
    pub fn fraction(&self) -> f64 {
        self.fraction
    }

    /// The round trip.
    pub fn set_rtt(&mut self, rtt: Micros) {
        self.rtt = rtt.clamp(0, 10 * SECOND);
    }

    /// So much arrives.
    pub fn set_arriving(&mut self, bps: Option<f64>) {
        self.arriving = bps;
    }

    /// A probe got this rate through.
    pub fn probed(&mut self, bps: f64) {
        self.lowest.clear();
        self.limit = None;
        self.set(bps);
    }

    /// The delay allows no more than this.
    pub fn set_limit(&mut self, bps: f64, now: Micros) {
        self.limit = Some(bps);
        if self.fraction == 0.0 && now - self.started < START && bps > self.bps {
            self.lowest.clear();
            self.bps = bps;
        }
        self.set(self.bps);
    }

    /// Of `told` packets `lost` were lost.
    pub fn report(&mut self, lost: u32, told: u32, now: Micros) {
        self.lost += lost;
        self.told += told;
        if self.told < FEWEST {
            return;
        }
        self.fraction = (f64::from(self.lost) / f64::from(self.told)).min(1.0);
        (self.lost, self.told) = (0, 0);
        self.reported = Some(now);
        self.decreased_since_report = false;
        self.update(now);
    }

    /// Time passed; `silence` is how long packets have left and nothing was heard of them.
    pub fn update(&mut self, now: Micros) {
        while self.lowest.front().is_some_and(|(at, _)| now - at > INCREASE_OVER) {
            self.lowest.pop_front();
        }
        while self.lowest.back().is_some_and(|(_, bps)| *bps >= self.bps) {
            self.lowest.pop_back();
        }
        self.lowest.push_back((now, self.bps));
        if self.reported.is_none_or(|reported| now - reported >= STALE) {
            return;
        }
        if self.fraction <= LOW {
            let lowest = self.lowest.front().map_or(self.bps, |(_, bps)| *bps);
            self.set(lowest * GROWTH + GROWTH_BPS);
        } else if self.fraction > HIGH {
            self.decrease(now);
        }
    }

    fn decrease(&mut self, now: Micros) {
        let due = self.decreased.is_none_or(|at| now - at >= DECREASE_EVERY + self.rtt);
        if due && !self.decreased_since_report {
            self.decreased = Some(now);
            self.decreased_since_report = true;
            let floor = self.arriving.map_or(0.0, |bps| ARRIVING_FLOOR * bps).min(self.bps);
            self.set((self.bps * (1.0 - self.fraction / 2.0)).max(floor));
        }
    }

    /// Packets have left for `silence` and nothing was heard of them; true when the rate fell.
    pub fn silent(&mut self, silence: Micros, now: Micros) -> bool {
        let due = self.decreased.is_none_or(|at| now - at >= SECOND);
        if silence < SILENCE || !due {
            return false;
        }
        self.decreased = Some(now);
        self.set(self.bps * SILENCE_DROP);
        true
    }

    fn set(&mut self, bps: f64) {
        self.bps = bps.min(self.limit.unwrap_or(MAX_BPS)).clamp(MIN_BPS, MAX_BPS);
    }
}

#[cfg(test)]
mod tests {
    use super::{Loss, MS, SECOND};

    fn run(loss: &mut Loss, lost: u32, from: i64, seconds: i64) {
        for at in 0..10 * seconds {
            loss.report(lost, 100, from + at * 100 * MS);
        }
    }

    #[test]
    fn five_percent_change_nothing() {
        let mut loss = Loss::new(1e6, 0);
        run(&mut loss, 5, 0, 20);
        assert_eq!((loss.bps(), loss.fraction()), (1e6, 0.05));
    }

    #[test]
    fn twenty_percent_shrink_it_each_third_of_a_second() {
        let mut loss = Loss::new(1e6, 0);
        run(&mut loss, 20, 0, 3);
        assert!((1e6 * 0.9f64.powi(11)..1e6 * 0.9f64.powi(7)).contains(&loss.bps()));
    }

    #[test]
    fn without_loss_it_grows_eight_percent_a_second_up_to_the_limit() {
        let mut loss = Loss::new(1e6, -10 * SECOND);
        run(&mut loss, 1, 0, 5);
        assert!((1.4e6..1.55e6).contains(&loss.bps()), "{}", loss.bps());
        loss.set_limit(1.2e6, 5 * SECOND);
        assert_eq!(loss.bps(), 1.2e6);
        run(&mut loss, 1, 5 * SECOND, 5);
        assert_eq!(loss.bps(), 1.2e6);
    }

    #[test]
    fn losses_dont_cut_below_what_gets_through() {
        let mut loss = Loss::new(1e6, 0);
        loss.set_arriving(Some(400_000.0));
        run(&mut loss, 60, 0, 20);
        assert_eq!(loss.bps(), 340_000.0);
        loss.set_arriving(Some(2e6));
        run(&mut loss, 60, 20 * SECOND, 5);
        assert_eq!(loss.bps(), 340_000.0, "nor do they raise it");
    }

    #[test]
    fn silence_shrinks_it() {
        let mut loss = Loss::new(1e6, 0);
        for at in 0..100 {
            loss.silent(at * 100 * MS, at * 100 * MS);
        }
        assert!((2e5..3e5).contains(&loss.bps()), "{}", loss.bps());
    }
}
