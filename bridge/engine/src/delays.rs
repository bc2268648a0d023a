//! How long synthetic packets took to all sinks of this process: a histogram, for percentiles.
//!
//! One for the process, since a load test asks of everyone together: engines only ever add to it.

use std::sync::atomic::{AtomicU64, Ordering};

/// Buckets of each doubling: bounds are at most a quarter apart.
const STEPS: u32 = 4;
const BUCKETS: usize = 128;

static COUNTS: [AtomicU64; BUCKETS] = [const { AtomicU64::new(0) }; BUCKETS];

/// Count one packet.
pub fn note(delay_ns: u64) {
    COUNTS[bucket(delay_ns / 1_000)].fetch_add(1, Ordering::Relaxed);
}

/// Each bucket's upper bound in milliseconds, and how many packets it holds; none that are empty.
pub fn counted() -> Vec<(f64, u64)> {
    let counts = COUNTS.iter().map(|count| count.load(Ordering::Relaxed));
    let bounded = counts.enumerate().map(|(at, count)| (bound(at) as f64 / 1e3, count));
    bounded.filter(|(_, count)| *count > 0).collect()
}

// Below 4 µs a bucket a microsecond; above, the two bits after the leading one tell the bucket.
fn bucket(delay_us: u64) -> usize {
    if delay_us < STEPS.into() {
        return delay_us as usize;
    }
    let exponent = delay_us.ilog2();
    let step = (delay_us >> (exponent - 2)) & 3;
    let at = STEPS * (exponent - 1) + step as u32;
    (at as usize).min(BUCKETS - 1)
}

// The first microsecond beyond a bucket.
fn bound(bucket: usize) -> u64 {
    let at = bucket as u32;
    if at < STEPS {
        return u64::from(at) + 1;
    }
    let (exponent, step) = (at / STEPS + 1, at % STEPS);
    (u64::from(STEPS + step) + 1) << (exponent - 2)
}

#[cfg(test)]
mod tests {
    use super::{BUCKETS, bound, bucket, counted, note};

    #[test]
    fn every_delay_lies_below_its_buckets_bound_and_not_below_the_one_before() {
        for delay in (0..5_000).chain((1..33).map(|shift| (1 << shift) - 1)) {
            let at = bucket(delay);
            assert!(delay < bound(at), "{delay} {at}");
            assert!(at == 0 || delay >= bound(at - 1), "{delay} {at}");
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn bounds_are_at_most_a_quarter_apart_from_sixteen_microseconds_on() {
        for at in bucket(16)..BUCKETS - 1 {
            assert!(bound(at + 1) as f64 / (bound(at) as f64) <= 1.25, "{at}");
        }
    }

    #[test]
    fn what_is_noted_is_counted() {
        let of = |bound: f64| counted().iter().find(|row| row.0 == bound).map_or(0, |row| row.1);
        let bound = bound(bucket(3_000_000)) as f64 / 1e3;
        let before = of(bound);
        note(3_000_000_000);
        note(3_000_000_000);
        assert_eq!(of(bound), before + 2);
    }
}
