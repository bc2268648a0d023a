//! Token bucket: bounds what strangers and peers can make the engine do.

use ahash::RandomState;
use std::net::IpAddr;

/// Refills at `rate` a second up to `burst`.
pub struct TokenBucket {
    rate: f64,
    burst: f64,
    tokens: f64,
    filled_ns: u64,
}

impl TokenBucket {
    /// A full bucket.
    pub fn new(rate: f64, burst: f64, now_ns: u64) -> Self {
        Self { rate, burst, tokens: burst, filled_ns: now_ns }
    }

    /// Take one token; false when none is left.
    pub fn take(&mut self, now_ns: u64) -> bool {
        let elapsed = now_ns.saturating_sub(self.filled_ns) as f64 / 1e9;
        self.filled_ns = self.filled_ns.max(now_ns);
        self.tokens = (self.tokens + elapsed * self.rate).min(self.burst);
        if self.tokens < 1.0 {
            return false;
        }
        self.tokens -= 1.0;
        true
    }
}

/// Buckets by address, shared by addresses that hash alike: one flooder starves few others.
pub struct Spread {
    buckets: Vec<TokenBucket>,
    hasher: RandomState,
}

impl Spread {
    const BUCKETS: usize = 1024;

    /// Full buckets.
    pub fn new(rate: f64, burst: f64, now_ns: u64) -> Self {
        let buckets = (0..Self::BUCKETS).map(|_| TokenBucket::new(rate, burst, now_ns)).collect();
        Self { buckets, hasher: RandomState::new() }
    }

    /// Take one token of this address; false when none is left.
    pub fn take(&mut self, address: IpAddr, now_ns: u64) -> bool {
        let at = self.hasher.hash_one(address) as usize % Self::BUCKETS;
        self.buckets[at].take(now_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::{Spread, TokenBucket};

    #[test]
    fn a_burst_passes_and_then_only_the_rate() {
        let mut bucket = TokenBucket::new(10.0, 5.0, 0);
        assert_eq!((0..20).filter(|_| bucket.take(0)).count(), 5);
        assert_eq!((0..20).filter(|_| bucket.take(200_000_000)).count(), 2);
    }

    #[test]
    fn a_clock_that_steps_back_gives_nothing_away() {
        let mut bucket = TokenBucket::new(10.0, 1.0, 1_000_000_000);
        assert!(bucket.take(1_000_000_000));
        assert!(!bucket.take(0));
        assert!(!bucket.take(1_000_000_000));
    }

    #[test]
    fn a_flooder_leaves_others_their_tokens() {
        let mut spread = Spread::new(1.0, 10.0, 0);
        let flooder = [192, 0, 2, 1].into();
        assert_eq!((0..100).filter(|_| spread.take(flooder, 0)).count(), 10);
        let served = (0..100u8).filter(|&host| spread.take([198, 51, 100, host].into(), 0));
        assert!(served.count() > 90);
    }
}
