//! What one peer can make us do and keep.

use crate::bucket::TokenBucket;

/// Sources of one person.
const SOURCES: usize = 4096;
/// A relay asks and answers for everyone behind it.
const PEOPLE: u32 = 16;

/// Limits on one peer.
pub struct Limits {
    /// Sources it may have, and streams its SRTP session may know.
    pub sources: usize,
    pub stun: TokenBucket,
    pub dtls: TokenBucket,
    pub feedback: TokenBucket,
    pub rtcp_events: TokenBucket,
    pub failures: TokenBucket,
    pub repairs: TokenBucket,
    pub arrivals: TokenBucket,
}

impl Limits {
    /// Those of a person, or of a relay.
    pub fn new(relay: bool, now_ns: u64) -> Self {
        let people = if relay { PEOPLE } else { 1 };
        let bucket = |rate: f64, burst: f64| {
            TokenBucket::new(rate * f64::from(people), burst * f64::from(people), now_ns)
        };
        Self {
            sources: people as usize * SOURCES,
            stun: TokenBucket::new(200.0, 200.0, now_ns),
            dtls: TokenBucket::new(5_000.0, 2_000.0, now_ns),
            feedback: bucket(500.0, 200.0),
            rtcp_events: TokenBucket::new(20.0, 20.0, now_ns),
            failures: TokenBucket::new(1.0, 1.0, now_ns),
            arrivals: bucket(100.0, 100.0),
            repairs: bucket(2_000.0, 1_000.0),
        }
    }
}
