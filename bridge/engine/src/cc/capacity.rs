//! The link's capacity as overuses showed it, and how sure that is.

const OVERUSE_WEIGHT: f64 = 0.05;
const PROBE_WEIGHT: f64 = 0.5;
/// Bounds of the variance over the estimate, kbit/s.
const VARIANCES: (f64, f64) = (0.4, 2.5);

/// Average and spread of the rates at which the link was full.
pub struct Capacity {
    kbps: Option<f64>,
    variance: f64,
}

impl Default for Capacity {
    fn default() -> Self {
        Self { kbps: None, variance: VARIANCES.0 }
    }
}

impl Capacity {
    /// The link was full at this rate.
    pub fn overused(&mut self, bps: f64) {
        self.update(bps, OVERUSE_WEIGHT);
    }

    /// A probe got this rate through.
    pub fn probed(&mut self, bps: f64) {
        self.update(bps, PROBE_WEIGHT);
    }

    /// What was known is no longer true.
    pub fn forget(&mut self) {
        self.kbps = None;
    }

    fn update(&mut self, bps: f64, weight: f64) {
        let sample = bps / 1_000.0;
        let kbps = self.kbps.map_or(sample, |kbps| (1.0 - weight) * kbps + weight * sample);
        self.kbps = Some(kbps);
        let error = kbps - sample;
        let variance = (1.0 - weight) * self.variance + weight * error * error / kbps.max(1.0);
        self.variance = variance.clamp(VARIANCES.0, VARIANCES.1);
    }

    /// The capacity, if an overuse showed it lately.
    pub fn bps(&self) -> Option<f64> {
        self.kbps.map(|kbps| kbps * 1_000.0)
    }

    /// Whether the capacity must have grown for this rate to arrive.
    pub fn is_exceeded(&self, bps: f64) -> bool {
        self.kbps.is_some_and(|kbps| bps / 1_000.0 > kbps + self.spread(kbps))
    }

    /// Whether the capacity must have shrunk when the link is full at this rate.
    pub fn is_missed(&self, bps: f64) -> bool {
        self.kbps.is_some_and(|kbps| bps / 1_000.0 < kbps - self.spread(kbps))
    }

    fn spread(&self, kbps: f64) -> f64 {
        3.0 * (self.variance * kbps).sqrt()
    }
}
