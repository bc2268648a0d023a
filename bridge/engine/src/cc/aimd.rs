//! The rate that the delay allows: up by 8 % a second far from what the link can carry, gently
//! near it, down to 85 % of what arrives when the queue grows.

use super::capacity::Capacity;
use super::trendline::Usage;
use super::{MAX_BPS, MIN_BPS, MS, Micros, SECOND, seconds};

const BACK_OFF: f64 = 0.85;
const GROWTH: f64 = 1.08;
/// The estimate outruns what arrives by no more than this.
const HEADROOM: f64 = 1.5;
const HEADROOM_BPS: f64 = 10_000.0;
/// Below what arrives, so that the queue empties even at low rates.
const BACK_OFF_BPS: f64 = 5_000.0;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Hold,
    Increase,
    Decrease,
}

/// Additive increase, multiplicative decrease.
pub struct Aimd {
    bps: f64,
    state: State,
    capacity: Capacity,
    throughput: f64,
    changed: Option<Micros>,
    rtt: Micros,
}

impl Aimd {
    /// Start from a rate that nothing has shown yet.
    pub fn new(bps: f64) -> Self {
        Self {
            bps,
            state: State::Hold,
            capacity: Capacity::default(),
            throughput: bps,
            changed: None,
            rtt: 200 * MS,
        }
    }

    /// The round trip, as the rate's reaction depends on it.
    pub fn set_rtt(&mut self, rtt: Micros) {
        self.rtt = rtt.clamp(0, 10 * SECOND);
    }

    /// The rate.
    pub fn bps(&self) -> f64 {
        self.bps
    }

    /// Take a rate from elsewhere: a probe, or a cut.
    pub fn set(&mut self, bps: f64, now: Micros) {
        self.bps = bps.clamp(MIN_BPS, MAX_BPS);
        self.changed = Some(now);
    }

    /// A probe showed this rate.
    pub fn probed(&mut self, bps: f64, now: Micros) {
        self.capacity.probed(bps);
        self.set(bps, now);
    }

    /// Whether a continued overuse calls for another cut.
    pub fn may_cut(&self, throughput: Option<f64>, now: Micros) -> bool {
        let wait = match throughput {
            Some(_) => self.rtt.clamp(10 * MS, 200 * MS),
            None => 200 * MS,
        };
        self.changed.is_none_or(|changed| now - changed >= wait)
            || throughput.is_some_and(|throughput| throughput < 0.5 * self.bps)
    }

    /// Follow what the queue does.
    pub fn update(&mut self, usage: Usage, throughput: Option<f64>, now: Micros) {
        self.throughput = throughput.unwrap_or(self.throughput);
        self.state = match (usage, self.state) {
            (Usage::Under, _) => State::Hold,
            (Usage::Over, _) => State::Decrease,
            (Usage::Normal, State::Hold) => {
                self.changed = Some(now);
                State::Increase
            }
            (Usage::Normal, state) => state,
        };
        match self.state {
            State::Hold => {}
            State::Increase => self.increase(now),
            State::Decrease => self.decrease(now),
        }
    }

    fn increase(&mut self, now: Micros) {
        if self.capacity.is_exceeded(self.throughput) {
            self.capacity.forget();
        }
        let most = HEADROOM * self.throughput + HEADROOM_BPS;
        let elapsed = self.changed.map_or(0.0, |changed| seconds(now - changed)).clamp(0.0, 1.0);
        if self.bps < most {
            let step = match self.capacity.bps() {
                Some(_) => self.gentle_step() * elapsed,
                None => (self.bps * (GROWTH.powf(elapsed) - 1.0)).max(1_000.0),
            };
            self.bps = (self.bps + step).min(most).clamp(MIN_BPS, MAX_BPS);
        }
        self.changed = Some(now);
    }

    // About one packet a response time.
    fn gentle_step(&self) -> f64 {
        let frame = self.bps / 30.0;
        let packets = (frame / (8.0 * 1_200.0)).ceil().max(1.0);
        let response = seconds(self.rtt + 100 * MS);
        (frame / packets / response).max(4_000.0)
    }

    fn decrease(&mut self, now: Micros) {
        let mut bps = self.throughput * BACK_OFF - BACK_OFF_BPS;
        if bps > self.bps
            && let Some(capacity) = self.capacity.bps()
        {
            bps = BACK_OFF * capacity;
        }
        if self.capacity.is_missed(self.throughput) {
            self.capacity.forget();
        }
        self.capacity.overused(self.throughput);
        self.bps = self.bps.min(bps).clamp(MIN_BPS, MAX_BPS);
        self.state = State::Hold;
        self.changed = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::{Aimd, SECOND, Usage};

    fn grow(aimd: &mut Aimd, from: i64, seconds: i64) {
        for at in 0..10 * seconds {
            let throughput = aimd.bps();
            aimd.update(Usage::Normal, Some(throughput), from + at * SECOND / 10);
        }
    }

    #[test]
    fn without_a_known_capacity_it_grows_eight_percent_a_second() {
        let mut aimd = Aimd::new(1e6);
        grow(&mut aimd, 0, 5);
        assert!((1.4e6..1.5e6).contains(&aimd.bps()), "{}", aimd.bps());
    }

    #[test]
    fn overuse_cuts_below_what_arrives_and_growth_is_gentle_after() {
        let mut aimd = Aimd::new(2e6);
        aimd.update(Usage::Over, Some(1e6), 0);
        assert_eq!(aimd.bps(), 845_000.0);
        grow(&mut aimd, 0, 3);
        assert!((850_000.0..1e6).contains(&aimd.bps()), "{}", aimd.bps());
    }

    #[test]
    fn it_runs_no_further_than_half_ahead_of_what_arrives() {
        let mut aimd = Aimd::new(1e6);
        for at in 0..600 {
            aimd.update(Usage::Normal, Some(400_000.0), at * SECOND / 10);
        }
        assert_eq!(aimd.bps(), 1e6, "too little arrives to know more, or less");
        let mut aimd = Aimd::new(500_000.0);
        for at in 0..600 {
            aimd.update(Usage::Normal, Some(400_000.0), at * SECOND / 10);
        }
        assert_eq!(aimd.bps(), 610_000.0);
    }
}
