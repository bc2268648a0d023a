//! Congestion control: what arrived when is told to senders, and what a receiver's line can carry
//! is estimated from what it tells us.
//!
//! The estimator follows WebRTC's GoogCC (`modules/congestion_controller/goog_cc`): a delay
//! gradient, a loss rule, and probes where there isn't enough media to learn from. All of it is
//! pure: time comes as an argument, microseconds of one clock; rates are bits a second.

mod aimd;
mod alr;
mod arrivals;
mod capacity;
mod clusters;
mod delay;
mod estimator;
mod groups;
mod history;
mod loss;
mod padding;
mod probing;
mod throughput;
mod trendline;
mod uplink;

pub use arrivals::Arrivals;
pub use estimator::{Estimate, Estimator, INITIAL_BPS, MAX_BPS, MIN_BPS};
pub use history::Acked;
pub use padding::Padder;
pub use probing::Cluster;
pub use uplink::Uplink;

/// A moment or a span of one clock, microseconds.
pub type Micros = i64;

const MS: Micros = 1_000;
const SECOND: Micros = 1_000_000;

/// The number nearest to `near` that ends in these 16 bits.
fn unwrap(near: i64, sequence: u16) -> i64 {
    near + i64::from(sequence.wrapping_sub(near as u16) as i16)
}

fn seconds(span: Micros) -> f64 {
    span as f64 / SECOND as f64
}

fn bits(bytes: usize) -> f64 {
    8.0 * bytes as f64
}

#[cfg(test)]
mod tests {
    use super::unwrap;

    #[test]
    fn sixteen_bits_are_taken_for_the_nearest_number() {
        assert_eq!(unwrap(65_530, 3), 65_539);
        assert_eq!(unwrap(65_539, 65_530), 65_530);
        assert_eq!(unwrap(0, 65_535), -1);
    }
}
