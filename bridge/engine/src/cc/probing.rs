//! When to probe and how fast: short bursts of padding that show whether the line carries more.
//!
//! Probes are sent only while somebody wants more than the estimate allows: a line that carries
//! all there is to send needs no probe.

use super::{MAX_BPS, MS, Micros, SECOND, seconds};

/// A probe lasts this long; a slow one longer, since a few packets' jitter would drown it.
const SHORTEST: Micros = 15 * MS;
const LONGEST: Micros = 80 * MS;
const ENOUGH_BYTES: f64 = 5_000.0;
const PACKETS: u32 = 5;
const STEP: f64 = 2.0;
/// A probe that shows this much of its rate is followed by a faster one.
const GO_ON: f64 = 0.7;
const RESULT_WITHIN: Micros = SECOND;
const EVERY: Micros = 5 * SECOND;
/// A fall below this much of the estimate is a large one; once it is over, a probe at this much
/// of what was there before tells whether it was passing.
const LARGE_DROP: f64 = 0.66;
const AFTER_DROP: f64 = 0.85;
const DROP_FORGOTTEN: Micros = 5 * SECOND;
/// A probe this close to the estimate tells nothing.
const UNCERTAINTY: f64 = 0.05;
/// A probe that couldn't be sent in this time is given up.
const PATIENCE: Micros = 300 * MS;

/// One probe.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cluster {
    pub id: u16,
    pub bps: f64,
    pub bytes: usize,
    pub packets: u32,
}

struct Active {
    cluster: Cluster,
    started: Micros,
    bytes: usize,
    packets: u32,
}

/// Decides on probes, and paces the one under way.
#[derive(Default)]
pub struct Probing {
    wanted: bool,
    active: Option<Active>,
    ids: u16,
    /// An estimate above this, in time, calls for a faster probe.
    go_on: Option<(f64, Micros)>,
    last: Option<Micros>,
    bps: f64,
    dropped: Option<(Micros, f64)>,
    drop_probed: Option<Micros>,
}

impl Probing {
    /// Whether somebody wants more than the estimate allows.
    pub fn want(&mut self, wanted: bool) {
        self.wanted = wanted;
    }

    /// The estimate is this now.
    pub fn estimated(&mut self, bps: f64, now: Micros) -> Option<Cluster> {
        if bps < LARGE_DROP * self.bps {
            self.dropped = Some((now, self.bps));
        }
        self.bps = bps;
        match self.go_on {
            Some((above, until)) if bps > above && now < until => self.begin(STEP * bps, now),
            _ => None,
        }
    }

    /// Time passed: a probe, if one is due.
    pub fn process(&mut self, now: Micros) -> Option<Cluster> {
        if self.active.as_ref().is_some_and(|active| now - active.started > PATIENCE) {
            self.active = None;
        }
        let due = self.last.is_none_or(|last| now - last >= EVERY);
        if due { self.begin(STEP * self.bps, now) } else { None }
    }

    /// The queue has emptied after an overuse: see whether the fall was passing.
    pub fn recovered(&mut self, now: Micros) -> Option<Cluster> {
        let (at, before) = self.dropped?;
        let bps = AFTER_DROP * before;
        let due = self.drop_probed.is_none_or(|last| now - last > EVERY);
        if !due || now - at > DROP_FORGOTTEN || (1.0 - UNCERTAINTY) * bps < self.bps {
            return None;
        }
        self.drop_probed = Some(now);
        self.begin(bps, now)
    }

    fn begin(&mut self, bps: f64, now: Micros) -> Option<Cluster> {
        let bps = bps.min(MAX_BPS);
        if !self.wanted || self.active.is_some() || bps < self.bps * (1.0 + UNCERTAINTY) {
            return None;
        }
        // 0 stands for packets of no probe.
        self.ids = self.ids.checked_add(1).unwrap_or(1);
        let bytes = ENOUGH_BYTES.min(bps * seconds(LONGEST) / 8.0);
        let bytes = bytes.max(bps * seconds(SHORTEST) / 8.0) as usize;
        let cluster = Cluster { id: self.ids, bps, bytes, packets: PACKETS };
        self.active = Some(Active { cluster, started: now, bytes: 0, packets: 0 });
        self.last = Some(now);
        self.go_on = Some((GO_ON * bps, now + RESULT_WITHIN));
        Some(cluster)
    }

    /// Whether a probe is under way.
    pub fn is_active(&self) -> bool {
        self.active.is_some()
    }

    /// Bytes that the probe under way is behind, and the most that one of its packets may have.
    pub fn due(&self, now: Micros) -> Option<(usize, usize)> {
        let Active { cluster, started, bytes, .. } = self.active.as_ref()?;
        let planned = cluster.bps * seconds(now - started) / 8.0;
        let largest = cluster.bytes / PACKETS as usize;
        Some(((planned as usize + largest).saturating_sub(*bytes), largest))
    }

    /// A packet leaves; the probe it is part of, or 0.
    pub fn sent(&mut self, size: usize) -> u16 {
        let Some(active) = &mut self.active else {
            return 0;
        };
        let id = active.cluster.id;
        active.bytes += size;
        active.packets += 1;
        if active.bytes >= active.cluster.bytes && active.packets >= active.cluster.packets {
            self.active = None;
        }
        id
    }
}

/// The rate a probe of these bytes and this length has.
#[cfg(test)]
fn rate(bytes: usize, length: Micros) -> f64 {
    super::bits(bytes) / seconds(length)
}

#[cfg(test)]
mod tests {
    use super::{MS, Probing, SECOND, rate};

    /// Send the probe under way in packets of 1,000 bytes; its bytes and how long it took.
    fn send(probing: &mut Probing, from: i64) -> (usize, i64) {
        let (mut now, mut bytes) = (from, 0);
        while probing.is_active() {
            let (mut behind, _) = probing.due(now).unwrap();
            while behind > 0 && probing.is_active() {
                assert_ne!(probing.sent(1_000), 0);
                bytes += 1_000;
                behind = behind.saturating_sub(1_000);
            }
            now += MS;
        }
        (bytes, now - from)
    }

    #[test]
    fn nothing_is_probed_that_nobody_wants() {
        let mut probing = Probing::default();
        probing.estimated(1e6, 0);
        assert_eq!(probing.process(0), None);
        probing.want(true);
        assert_eq!(probing.process(0).unwrap().bps, 2e6);
    }

    #[test]
    fn a_probe_is_paced_at_its_rate() {
        let mut probing = Probing::default();
        probing.want(true);
        probing.estimated(4e6, 0);
        probing.process(0).unwrap();
        let (bytes, took) = send(&mut probing, 0);
        assert!((7e6..10e6).contains(&rate(bytes, took)), "{bytes} {took}");
        assert_eq!(probing.sent(1_000), 0);
    }

    #[test]
    fn a_result_calls_for_a_faster_one_until_it_shows_no_more() {
        let mut probing = Probing::default();
        probing.want(true);
        probing.estimated(1e6, 0);
        probing.process(0).unwrap();
        send(&mut probing, 0);
        assert_eq!(probing.estimated(1.9e6, 100 * MS).unwrap().bps, 3.8e6);
        send(&mut probing, 100 * MS);
        assert_eq!(probing.estimated(2.0e6, 200 * MS), None);
        assert_eq!(probing.process(4 * SECOND), None);
        assert_eq!(probing.process(6 * SECOND).unwrap().bps, 4e6);
    }

    #[test]
    fn a_passing_fall_is_found_out() {
        let mut probing = Probing::default();
        probing.want(true);
        probing.estimated(4e6, 0);
        probing.estimated(1e6, SECOND);
        assert_eq!(probing.recovered(2 * SECOND).unwrap().bps, 3.4e6);
        send(&mut probing, 2 * SECOND);
        assert_eq!(probing.recovered(3 * SECOND), None);
    }

    #[test]
    fn a_probe_that_cannot_be_sent_is_given_up() {
        let mut probing = Probing::default();
        probing.want(true);
        probing.estimated(4e6, 0);
        probing.process(0).unwrap();
        probing.process(400 * MS);
        assert!(!probing.is_active());
    }
}
