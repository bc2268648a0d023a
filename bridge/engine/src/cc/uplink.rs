//! What a sender's line carries, estimated here: for peers that know REMB but not transport-wide
//! feedback. The delay estimator of the other direction, on the send times that packets tell.

use super::delay::Delay;
use super::estimator::INITIAL_BPS;
use super::history::Acked;
use super::throughput::Throughput;
use super::{Micros, SECOND};

/// Packets taken in between two calls of `process`; more of a burst tell nothing new.
const MOST: usize = 256;
/// Send times have 24 bits, 18 of them fractions of a second.
const BITS: u32 = 24;
const PER_SECOND: i64 = 1 << 18;

/// Estimate of one sender's line.
pub struct Uplink {
    delay: Delay,
    throughput: Throughput,
    pending: Vec<Acked>,
    time: Option<i64>,
    heard: Option<Micros>,
}

impl Default for Uplink {
    fn default() -> Self {
        Self {
            delay: Delay::new(INITIAL_BPS),
            throughput: Throughput::default(),
            pending: Vec::new(),
            time: None,
            heard: None,
        }
    }
}

impl Uplink {
    /// Take in a packet that says when it left.
    pub fn packet(&mut self, abs_send_time: u32, size: usize, now: Micros) {
        let near = self.time.unwrap_or_else(|| abs_send_time.into());
        let step = (abs_send_time.wrapping_sub(near as u32) << (32 - BITS)) as i32 >> (32 - BITS);
        let time = near + i64::from(step);
        self.time = Some(time);
        // Seconds first: a peer whose times jump doesn't bring the product to overflow.
        let sent = time / PER_SECOND * SECOND + time % PER_SECOND * SECOND / PER_SECOND;
        self.throughput.packet(sent, now, size, now);
        self.heard = Some(now);
        if self.pending.len() < MOST {
            self.pending.push(Acked { sent, received: Some(now), late: false, size, cluster: 0 });
        }
    }

    /// Time passed; call it every 20 ms or so.
    pub fn process(&mut self, now: Micros) {
        if !self.pending.is_empty() {
            self.delay.feedback(&self.pending, self.throughput.bps(), None, now);
            self.pending.clear();
        }
    }

    /// The estimate; `None` unless packets come that say when they left.
    pub fn bps(&self, now: Micros) -> Option<f64> {
        self.heard.filter(|heard| now - heard < 2 * SECOND).map(|_| self.delay.bps())
    }
}

#[cfg(test)]
mod tests {
    use super::{PER_SECOND, SECOND, Uplink};

    /// Send packets of 1,000 bytes over a line that takes 1 Mbit/s, from `start` of the sender's
    /// clock.
    fn run(bps: f64, start: i64) -> f64 {
        let (mut uplink, mut free) = (Uplink::default(), 0);
        let gap = (8_000.0 / bps * SECOND as f64) as i64;
        for at in 0..20 * SECOND / gap {
            let sent = at * gap;
            free = sent.max(free) + 8_000;
            let told = start + sent * PER_SECOND / SECOND;
            uplink.packet(told as u32 & 0xff_ffff, 1_000, free);
            if at % 10 == 0 {
                uplink.process(free);
            }
        }
        assert_eq!(uplink.bps(free + 3 * SECOND), None);
        uplink.bps(free).unwrap()
    }

    #[test]
    fn send_times_that_jump_never_overflow() {
        let mut uplink = Uplink { time: Some(i64::MAX / SECOND - 0x40_0000), ..Uplink::default() };
        for at in 0..20u32 {
            let told = at.wrapping_mul(0x7f_ffff) & 0xff_ffff;
            uplink.packet(told, 1_000, i64::from(at) * 20_000);
            uplink.process(i64::from(at) * 20_000);
        }
        assert!(uplink.bps(400_000).is_some());
    }

    #[test]
    fn a_line_with_room_allows_more_than_comes_and_a_full_one_less() {
        for start in [0, 0xff_0000] {
            assert!(run(8e5, start) > 8e5);
            assert!(run(1.5e6, start) < 1e6);
        }
    }
}
