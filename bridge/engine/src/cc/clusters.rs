//! What a probe showed: the rate at which its packets arrived.

use super::history::Acked;
use super::probing::Cluster;
use super::{MS, Micros, SECOND, bits, seconds};

const MOST: usize = 8;
const FORGET: Micros = SECOND;
/// So much of a probe must have arrived.
const ENOUGH: f64 = 0.8;
/// Packets don't arrive this much faster than they were sent, unless something held them up.
const FASTEST: f64 = 2.0;
/// Arriving slower than this, of what was sent: the link was full.
const FULL: f64 = 0.9;
/// A little below a full link, so that its queue empties.
const BELOW: f64 = 0.95;
const SHORTEST: Micros = MS;

/// What a probe showed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shown {
    pub bps: f64,
    /// The line carries no more; else it carries this much at least.
    pub full: bool,
}

struct Measured {
    cluster: Cluster,
    started: Micros,
    packets: u32,
    bytes: usize,
    /// First and last: when, and how large.
    sent: [(Micros, usize); 2],
    received: [(Micros, usize); 2],
}

/// Probes that are being measured.
#[derive(Default)]
pub struct Clusters(Vec<Measured>);

impl Clusters {
    /// A probe begins.
    pub fn begin(&mut self, cluster: Cluster, now: Micros) {
        self.0.retain(|measured| now - measured.started < FORGET);
        if self.0.len() == MOST {
            self.0.remove(0);
        }
        let sent = [(Micros::MAX, 0), (Micros::MIN, 0)];
        let measured =
            Measured { cluster, started: now, packets: 0, bytes: 0, sent, received: sent };
        self.0.push(measured);
    }

    /// Take in a packet; the rate that its probe shows so far.
    pub fn packet(&mut self, packet: &Acked) -> Option<Shown> {
        let received = packet.received?;
        let of_this = |measured: &&mut Measured| measured.cluster.id == packet.cluster;
        let measured = self.0.iter_mut().find(of_this)?;
        measured.packets += 1;
        measured.bytes += packet.size;
        note(&mut measured.sent, packet.sent, packet.size);
        note(&mut measured.received, received, packet.size);
        measured.rate()
    }
}

fn note(ends: &mut [(Micros, usize); 2], at: Micros, size: usize) {
    if at < ends[0].0 {
        ends[0] = (at, size);
    }
    if at >= ends[1].0 {
        ends[1] = (at, size);
    }
}

impl Measured {
    fn rate(&self) -> Option<Shown> {
        let enough = f64::from(self.packets) >= ENOUGH * f64::from(self.cluster.packets)
            && self.bytes as f64 >= ENOUGH * self.cluster.bytes as f64;
        let spans = [self.sent, self.received].map(|ends| ends[1].0 - ends[0].0);
        if !enough || spans.iter().any(|span| !(SHORTEST..=SECOND).contains(span)) {
            return None;
        }
        // The last packet's own time isn't in the span of sending, nor the first's in receiving.
        let sent = bits(self.bytes - self.sent[1].1) / seconds(spans[0]);
        let received = bits(self.bytes - self.received[0].1) / seconds(spans[1]);
        if received > FASTEST * sent {
            return None;
        }
        let full = received < FULL * sent;
        let bps = if full { BELOW * received } else { sent.min(received) };
        // A picture sent during the probe makes it faster than planned, too shortly to tell.
        Some(Shown { bps: bps.min(self.cluster.bps), full })
    }
}

#[cfg(test)]
mod tests {
    use super::{Acked, Cluster, Clusters, Shown};

    fn probe(clusters: &mut Clusters, gap_sent: i64, gap_received: i64) -> Option<Shown> {
        clusters.begin(Cluster { id: 1, bps: 4e6, bytes: 8_000, packets: 5 }, 0);
        let packet = |at: i64| Acked {
            sent: at * gap_sent,
            received: Some(70_000 + at * gap_received),
            late: false,
            size: 1_000,
            cluster: 1,
        };
        (0..9).fold(None, |_, at| clusters.packet(&packet(at)))
    }

    #[test]
    fn a_link_that_is_not_full_shows_the_rate_sent() {
        let shown = probe(&mut Clusters::default(), 2_000, 2_100).unwrap();
        assert!((shown.bps - 8_000.0 / 2_100e-6).abs() < 1.0 && !shown.full, "{shown:?}");
    }

    #[test]
    fn a_full_link_shows_a_little_less_than_its_own_rate() {
        let shown = probe(&mut Clusters::default(), 2_000, 4_000).unwrap();
        assert!((shown.bps - 1.9e6).abs() < 1.0 && shown.full, "{shown:?}");
    }

    #[test]
    fn a_picture_sent_meanwhile_shows_no_more_than_the_probe_was_to_show() {
        let shown = probe(&mut Clusters::default(), 500, 510).unwrap();
        assert_eq!(shown, Shown { bps: 4e6, full: false });
    }

    #[test]
    fn what_was_held_up_or_is_unknown_shows_nothing() {
        assert_eq!(probe(&mut Clusters::default(), 2_000, 500), None);
        let packet = Acked { sent: 0, received: Some(1), late: false, size: 1_000, cluster: 9 };
        assert_eq!(Clusters::default().packet(&packet), None);
    }
}
