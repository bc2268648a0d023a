//! Is the queue growing? The slope of the smoothed one-way delay, judged by a threshold that
//! adapts to how noisy the path is.

use super::groups::Delta;
use super::{MS, Micros};
use std::collections::VecDeque;

const WINDOW: usize = 20;
const SMOOTHING: f64 = 0.9;
const GAIN: f64 = 4.0;
/// Until so many groups were seen, slopes count for less.
const MOST_DELTAS: u32 = 60;
const OVERUSE_FOR_MS: f64 = 10.0;
const FIRST_THRESHOLD: f64 = 12.5;
const THRESHOLDS: (f64, f64) = (6.0, 600.0);
const RISE: f64 = 0.0087;
const FALL: f64 = 0.039;
/// A slope this far beyond the threshold is a spike: no reason to adapt.
const SPIKE: f64 = 15.0;
const LONGEST_STEP_MS: f64 = 100.0;

/// What the path's queue does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Usage {
    #[default]
    Normal,
    Over,
    Under,
}

/// Estimates the slope and judges it.
pub struct Trendline {
    first_arrival: Option<Micros>,
    accumulated_ms: f64,
    smoothed_ms: f64,
    /// Arrival and smoothed delay of the latest groups, ms.
    points: VecDeque<(f64, f64)>,
    deltas: u32,
    slope: f64,
    threshold: f64,
    adapted: Option<Micros>,
    over_for_ms: Option<f64>,
    over_count: u32,
    usage: Usage,
}

impl Default for Trendline {
    fn default() -> Self {
        Self {
            first_arrival: None,
            accumulated_ms: 0.0,
            smoothed_ms: 0.0,
            points: VecDeque::with_capacity(WINDOW + 1),
            deltas: 0,
            slope: 0.0,
            threshold: FIRST_THRESHOLD,
            adapted: None,
            over_for_ms: None,
            over_count: 0,
            usage: Usage::Normal,
        }
    }
}

impl Trendline {
    /// Take in the times between two groups; `arrival` is that of the later one.
    pub fn update(&mut self, delta: Delta, arrival: Micros) {
        let step_ms = (delta.arrived - delta.sent) as f64 / MS as f64;
        self.deltas = (self.deltas + 1).min(1_000);
        let first = *self.first_arrival.get_or_insert(arrival);
        self.accumulated_ms += step_ms;
        self.smoothed_ms = SMOOTHING * self.smoothed_ms + (1.0 - SMOOTHING) * self.accumulated_ms;
        self.points.push_back(((arrival - first) as f64 / MS as f64, self.smoothed_ms));
        if self.points.len() > WINDOW {
            self.points.pop_front();
        }
        let before = self.slope;
        if self.points.len() == WINDOW {
            self.slope = slope(&self.points).unwrap_or(self.slope);
        }
        self.detect(before, delta.sent as f64 / MS as f64, arrival);
    }

    fn detect(&mut self, before: f64, sent_ms: f64, now: Micros) {
        if self.deltas < 2 {
            return;
        }
        let weighted = f64::from(self.deltas.min(MOST_DELTAS)) * self.slope * GAIN;
        if weighted > self.threshold {
            let lasted = self.over_for_ms.map_or(sent_ms / 2.0, |lasted| lasted + sent_ms);
            self.over_for_ms = Some(lasted);
            self.over_count += 1;
            if lasted > OVERUSE_FOR_MS && self.over_count > 1 && self.slope >= before {
                self.over_for_ms = Some(0.0);
                self.over_count = 0;
                self.usage = Usage::Over;
            }
        } else {
            self.over_for_ms = None;
            self.over_count = 0;
            self.usage = if weighted < -self.threshold { Usage::Under } else { Usage::Normal };
        }
        self.adapt(weighted.abs(), now);
    }

    fn adapt(&mut self, weighted: f64, now: Micros) {
        let before = self.adapted.replace(now).unwrap_or(now);
        if weighted > self.threshold + SPIKE {
            return;
        }
        let rate = if weighted < self.threshold { FALL } else { RISE };
        let step_ms = ((now - before) as f64 / MS as f64).clamp(0.0, LONGEST_STEP_MS);
        self.threshold += rate * (weighted - self.threshold) * step_ms;
        self.threshold = self.threshold.clamp(THRESHOLDS.0, THRESHOLDS.1);
    }

    /// What the queue does, as far as known.
    pub fn usage(&self) -> Usage {
        self.usage
    }
}

// Least squares.
fn slope(points: &VecDeque<(f64, f64)>) -> Option<f64> {
    let count = points.len() as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
    let (x, y) = (x / count, y / count);
    let (mut upper, mut lower) = (0.0, 0.0);
    for point in points {
        upper += (point.0 - x) * (point.1 - y);
        lower += (point.0 - x) * (point.0 - x);
    }
    (lower > 0.0).then(|| upper / lower)
}

#[cfg(test)]
mod tests {
    use super::{Delta, MS, Trendline, Usage};

    fn run(trendline: &mut Trendline, groups: i64, from: i64, step: impl Fn(i64) -> i64) -> Usage {
        let mut arrival = from;
        for at in 0..groups {
            let arrived = 20 * MS + step(at);
            arrival += arrived;
            trendline.update(Delta { sent: 20 * MS, arrived }, arrival);
        }
        trendline.usage()
    }

    #[test]
    fn a_growing_queue_is_overuse_and_a_shrinking_one_underuse() {
        let mut trendline = Trendline::default();
        assert_eq!(run(&mut trendline, 60, 0, |_| 0), Usage::Normal);
        assert_eq!(run(&mut trendline, 30, 2_000 * MS, |_| 2 * MS), Usage::Over);
        assert_eq!(run(&mut trendline, 30, 3_000 * MS, |_| -2 * MS), Usage::Under);
        assert_eq!(run(&mut trendline, 100, 4_000 * MS, |_| 0), Usage::Normal);
    }

    #[test]
    fn jitter_alone_is_normal() {
        let mut trendline = Trendline::default();
        let usage = run(&mut trendline, 300, 0, |at| [3, -2, 4, -5][at as usize % 4] * MS);
        assert_eq!(usage, Usage::Normal);
    }
}
