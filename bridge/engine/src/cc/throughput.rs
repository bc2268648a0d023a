//! What the peer says it received, bits a second: windows of 150 ms, smoothed by their weight.

use super::{MS, Micros, bits};

const FIRST_WINDOW: Micros = 500 * MS;
const WINDOW: Micros = 150 * MS;
/// A window this old says nothing of what arrives now.
const FRESH: Micros = 500 * MS;
const UNCERTAINTY: f64 = 10.0;
const DRIFT: f64 = 5.0;
const FIRST_VARIANCE: f64 = 50.0;
/// After a time with little to send the rate may change at once.
const LOOSENED: f64 = 200.0;

/// Estimate of the rate at which packets arrive.
pub struct Throughput {
    window_bytes: usize,
    window: Micros,
    before: Option<Micros>,
    kbps: Option<f64>,
    newest_kbps: f64,
    variance: f64,
    loosen_after: Option<Micros>,
    /// When the newest window was complete, by our clock.
    sampled: Micros,
}

impl Default for Throughput {
    fn default() -> Self {
        Self {
            window_bytes: 0,
            window: 0,
            before: None,
            kbps: None,
            newest_kbps: 0.0,
            variance: FIRST_VARIANCE,
            loosen_after: None,
            sampled: 0,
        }
    }
}

impl Throughput {
    /// Take in a packet that arrived, in the order of arrivals; we hear of it now.
    pub fn packet(&mut self, sent: Micros, arrival: Micros, size: usize, now: Micros) {
        if self.loosen_after.is_some_and(|ended| sent > ended) {
            self.variance += LOOSENED;
            self.loosen_after = None;
        }
        if let Some(kbps) = self.sample(arrival, size) {
            self.newest_kbps = kbps;
            self.sampled = now;
            self.smooth(kbps);
        }
    }

    /// What arrives at least: no more than it was in the newest window, which a rate that fell
    /// shows at once. `None` when packets come too seldom to tell.
    pub fn at_least_bps(&self, now: Micros) -> Option<f64> {
        let bps = self.bps().filter(|_| now - self.sampled < FRESH)?;
        Some(bps.min(1_000.0 * self.newest_kbps))
    }

    /// The time with little to send ended; what is sent from now on tells more.
    pub fn busy_again(&mut self, now: Micros) {
        self.loosen_after = Some(now);
    }

    // The rate of the window that this packet completes, kbit/s.
    fn sample(&mut self, arrival: Micros, size: usize) -> Option<f64> {
        let length = if self.kbps.is_none() { FIRST_WINDOW } else { WINDOW };
        let step = self.before.map_or(0, |before| arrival - before);
        if step < 0 {
            (self.window_bytes, self.window) = (0, 0);
        } else {
            self.window += step;
            // An empty window says nothing.
            if step > length {
                self.window_bytes = 0;
                self.window %= length;
            }
        }
        self.before = Some(arrival);
        let mut sample = None;
        if self.window >= length {
            sample = Some(bits(self.window_bytes) / (length / MS) as f64);
            self.window -= length;
            self.window_bytes = 0;
        }
        self.window_bytes += size;
        sample
    }

    fn smooth(&mut self, sample: f64) {
        let Some(kbps) = self.kbps else {
            self.kbps = Some(sample);
            return;
        };
        // The farther off and the lower the estimate, the less a sample is believed.
        let uncertainty = UNCERTAINTY * (kbps - sample).abs() / kbps.max(1.0);
        let (sample_variance, predicted) = (uncertainty * uncertainty, self.variance + DRIFT);
        let sum = sample_variance + predicted;
        self.kbps = Some((sample_variance * kbps + predicted * sample) / sum);
        self.variance = sample_variance * predicted / sum;
    }

    /// The rate; `None` until half a second of packets has arrived.
    pub fn bps(&self) -> Option<f64> {
        self.kbps.map(|kbps| kbps * 1_000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{MS, Throughput};

    fn feed(throughput: &mut Throughput, from_ms: i64, to_ms: i64, size: usize) {
        for at in (from_ms..to_ms).step_by(10) {
            throughput.packet(at * MS, at * MS, size, at * MS);
        }
    }

    #[test]
    fn a_constant_rate_is_found_and_a_change_followed() {
        let mut throughput = Throughput::default();
        feed(&mut throughput, 0, 400, 1_250);
        assert_eq!(throughput.bps(), None);
        feed(&mut throughput, 400, 2_000, 1_250);
        assert!((throughput.bps().unwrap() - 1e6).abs() < 3e4);
        feed(&mut throughput, 2_000, 4_000, 250);
        assert!((throughput.bps().unwrap() - 2e5).abs() < 6e4, "{:?}", throughput.bps());
    }

    #[test]
    fn what_arrived_before_is_no_promise_of_what_arrives() {
        let mut throughput = Throughput::default();
        feed(&mut throughput, 0, 2_000, 1_250);
        assert!(throughput.at_least_bps(2_000 * MS).is_some());
        for at in (2_200..3_000).step_by(200) {
            throughput.packet(at * MS, at * MS, 1_250, at * MS);
        }
        assert_eq!(throughput.at_least_bps(3_000 * MS), None);
    }

    #[test]
    fn a_pause_is_no_rate() {
        let mut throughput = Throughput::default();
        feed(&mut throughput, 0, 2_000, 1_250);
        feed(&mut throughput, 60_000, 60_100, 1_250);
        assert!(throughput.bps().unwrap() > 9e5);
    }
}
