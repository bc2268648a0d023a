//! The rate that losses allow: at 10 % and more it shrinks, below 2 % it grows, in between it
//! stays; and never more than the delay allows.

use super::history::Acked;
use super::{MAX_BPS, MIN_BPS, MS, Micros, SECOND};
use std::collections::VecDeque;

const LOW: f64 = 0.02;
const HIGH: f64 = 0.1;
/// A fraction of fewer packets says nothing.
const FEWEST: u32 = 20;
const DECREASE_EVERY: Micros = 300 * MS;
/// Two such fractions in a row are a line that carries only the rest, not a passing disturbance.
const HEAVY: f64 = 0.5;
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
/// Once nothing is lost any more the estimate is no lower than this.
const ARRIVING_FLOOR: f64 = 0.85;

/// What one feedback packet tells of losses.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told {
    pub packets: u32,
    pub lost: u32,
    /// Packets that came after all: others had overtaken them.
    pub late: u32,
}

impl Told {
    /// What is told of these packets.
    pub fn of(acked: &[Acked]) -> Self {
        let count = |which: fn(&&Acked) -> bool| acked.iter().filter(which).count() as u32;
        let late = count(|packet| packet.late);
        let lost = count(|packet| packet.received.is_none());
        Self { packets: acked.len() as u32 - late, lost, late }
    }
}

/// The estimate: what losses and delay allow together.
pub struct Loss {
    bps: f64,
    limit: Option<f64>,
    /// Below zero, more came late than was counted as lost lately.
    lost: i64,
    told: u32,
    /// Waits for the next feedback, which may tell that what seemed lost was overtaken.
    latest: Told,
    fraction: f64,
    reported: Option<Micros>,
    decreased_since_report: bool,
    decreased: Option<Micros>,
    was_heavy: bool,
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
            latest: Told::default(),
            fraction: 0.0,
            reported: None,
            decreased_since_report: false,
            decreased: None,
            was_heavy: false,
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

    /// Feedback came.
    pub fn report(&mut self, told: &Told, now: Micros) {
        let settled = std::mem::replace(&mut self.latest, *told);
        self.lost += i64::from(settled.lost) - i64::from(told.late);
        self.told += settled.packets;
        if self.told < FEWEST {
            return;
        }
        self.fraction = (self.lost.max(0) as f64 / f64::from(self.told)).min(1.0);
        self.lost = self.lost.clamp(-i64::from(self.told), 0);
        self.told = 0;
        self.was_heavy &= self.fraction > HEAVY;
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
            self.set((lowest * GROWTH + GROWTH_BPS).max(self.arriving_floor()));
        } else if self.fraction > HIGH {
            self.decrease(now);
        }
    }

    fn decrease(&mut self, now: Micros) {
        let due = self.decreased.is_none_or(|at| now - at >= DECREASE_EVERY + self.rtt);
        if due && !self.decreased_since_report {
            self.decreased = Some(now);
            self.decreased_since_report = true;
            let heavy = self.fraction > HEAVY;
            let again = heavy && std::mem::replace(&mut self.was_heavy, heavy);
            let cut = if again { self.fraction } else { self.fraction / 2.0 };
            let floor = self.arriving_floor().min(self.bps);
            self.set((self.bps * (1.0 - cut)).max(floor));
        }
    }

    fn arriving_floor(&self) -> f64 {
        self.arriving.map_or(0.0, |bps| ARRIVING_FLOOR * bps)
    }

    /// Packets have left for `silence` and nothing was heard of them; true when the rate fell.
    pub fn silent(&mut self, silence: Micros, now: Micros) -> bool {
        let due = self.decreased.is_none_or(|at| now - at >= SECOND);
        if silence < SILENCE || !due {
            return false;
        }
        self.decreased = Some(now);
        // What was told before the silence lets nothing grow in it.
        self.reported = None;
        self.set(self.bps * SILENCE_DROP);
        true
    }

    fn set(&mut self, bps: f64) {
        self.bps = bps.min(self.limit.unwrap_or(MAX_BPS)).clamp(MIN_BPS, MAX_BPS);
    }
}

#[cfg(test)]
mod tests {
    use super::{Loss, MS, SECOND, Told};

    fn run(loss: &mut Loss, lost: u32, from: i64, seconds: i64) {
        for at in 0..10 * seconds {
            loss.report(&Told { packets: 100, lost, late: 0 }, from + at * 100 * MS);
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
    fn what_arrives_without_loss_is_carried() {
        let mut loss = Loss::new(1e6, -10 * SECOND);
        run(&mut loss, 90, 0, 5);
        assert!(loss.bps() < 5e4, "{}", loss.bps());
        loss.set_arriving(Some(400_000.0));
        run(&mut loss, 0, 5 * SECOND, 1);
        assert!((340_000.0..380_000.0).contains(&loss.bps()), "{}", loss.bps());
        loss.set_limit(200_000.0, 6 * SECOND);
        run(&mut loss, 0, 6 * SECOND, 1);
        assert_eq!(loss.bps(), 200_000.0, "and no more than the delay allows");
    }

    #[test]
    fn one_heavy_loss_is_a_disturbance_and_two_are_the_line() {
        let mut loss = Loss::new(1e6, 0);
        loss.report(&Told { packets: 100, lost: 80, late: 0 }, 0);
        loss.report(&Told { packets: 100, lost: 80, late: 0 }, 0);
        assert_eq!(loss.bps(), 600_000.0);
        loss.report(&Told::default(), 400 * MS);
        assert!((loss.bps() - 120_000.0).abs() < 1.0, "{}", loss.bps());
    }

    #[test]
    fn what_was_overtaken_is_not_lost() {
        let mut loss = Loss::new(1e6, -10 * SECOND);
        for at in 0..100 {
            let late = if at == 0 { 0 } else { 30 };
            loss.report(&Told { packets: 100, lost: 30, late }, at * 100 * MS);
            assert_eq!(loss.fraction(), 0.0);
        }
        run(&mut loss, 30, 10 * SECOND, 1);
        assert_eq!(loss.fraction(), 0.3, "what came late isn't held against later losses");
    }

    #[test]
    fn in_silence_nothing_grows() {
        let mut loss = Loss::new(1e6, -10 * SECOND);
        loss.set_limit(1e6, 0);
        run(&mut loss, 0, 0, 1);
        assert!(loss.silent(3 * SECOND, 4 * SECOND));
        loss.update(4 * SECOND + 20 * MS);
        assert_eq!(loss.bps(), 800_000.0);
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
