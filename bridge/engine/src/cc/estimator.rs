//! What a receiver's line can carry: delay, loss and probes together.

use super::alr::Alr;
use super::clusters::Clusters;
use super::delay::Delay;
use super::history::{Acked, History};
use super::loss::{Loss, Told};
use super::probing::{Cluster, Probing};
use super::throughput::Throughput;
use super::{Micros, SECOND};
use crate::prefetch::prefetch;
use crate::rtcp::transport_cc::Feedback;

/// The estimate before anything is known, and its bounds.
pub const INITIAL_BPS: f64 = 2_500_000.0;
pub const MIN_BPS: f64 = 30_000.0;
pub const MAX_BPS: f64 = 20_000_000.0;
/// A probe that shows less than arrives anyway doesn't cut the estimate below this much of it.
const PROBE_FLOOR: f64 = 0.85;

/// What is known of a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    pub bps: f64,
    /// Fraction of packets lost, 0..1.
    pub loss: f64,
    pub rtt: Option<Micros>,
}

/// The estimator of one line; feed it what is sent and what comes back.
pub struct Estimator {
    history: History,
    delay: Delay,
    loss: Loss,
    throughput: Throughput,
    alr: Alr,
    was_idle: bool,
    probing: Probing,
    clusters: Clusters,
    /// From receiver reports, which tell it without the time that feedback waits.
    reported_rtt: Option<Micros>,
    feedback_rtt: Option<Micros>,
    heard: Option<Micros>,
    /// When the first packet left of which nothing was heard.
    unanswered: Option<Micros>,
}

impl Estimator {
    /// An estimator that knows nothing yet.
    pub fn new(now: Micros) -> Self {
        let mut probing = Probing::default();
        probing.estimated(INITIAL_BPS, now);
        Self {
            history: History::default(),
            delay: Delay::new(INITIAL_BPS),
            loss: Loss::new(INITIAL_BPS, now),
            throughput: Throughput::default(),
            alr: Alr::default(),
            was_idle: false,
            probing,
            clusters: Clusters::default(),
            reported_rtt: None,
            feedback_rtt: None,
            heard: None,
            unanswered: None,
        }
    }

    /// Fetch what `sent` needs.
    #[inline]
    pub fn prefetch(&self) {
        prefetch(&self.history);
        prefetch(&self.alr);
        prefetch(&self.loss);
        prefetch(&self.probing);
    }

    /// A packet of `size` bytes leaves now; return the number to write into it.
    #[inline]
    pub fn sent(&mut self, size: usize, now: Micros) -> u16 {
        // A pause in sending is no silence of the line.
        if self.history.newest().is_none_or(|newest| now - newest > SECOND) {
            self.unanswered = None;
        }
        self.unanswered.get_or_insert(now);
        self.alr.sent(size, self.loss.bps(), now);
        let cluster = self.probing.sent(size);
        self.history.sent(size, cluster, now)
    }

    /// Take in a feedback packet; `scratch` is emptied and used.
    pub fn feedback(&mut self, feedback: &Feedback, scratch: &mut Vec<Acked>, now: Micros) {
        scratch.clear();
        self.history.acknowledge(feedback, scratch);
        if scratch.is_empty() {
            return;
        }
        (self.heard, self.unanswered) = (Some(now), None);
        self.loss.set_arriving(self.throughput.at_least_bps(now));
        self.loss.report(&Told::of(scratch), now);
        scratch.retain(|packet| packet.received.is_some());
        if scratch.is_empty() {
            return;
        }
        scratch.sort_unstable_by_key(|packet| packet.received);
        self.measure_rtt(scratch, now);
        self.follow_idleness(now);
        let probed = self.measure(scratch, now);
        let throughput = self.throughput.bps();
        let outcome = self.delay.feedback(scratch, throughput, probed, now);
        if outcome.probed {
            self.loss.probed(self.delay.bps());
        }
        self.loss.set_limit(self.delay.bps(), now);
        let further = self.probing.estimated(self.loss.bps(), now);
        self.begin(further, now);
        if outcome.recovered {
            let again = self.probing.recovered(now);
            self.begin(again, now);
        }
    }

    // What arrives, and what the probes among it show.
    fn measure(&mut self, acked: &[Acked], now: Micros) -> Option<f64> {
        let mut probed = None;
        for packet in acked {
            if let Some(received) = packet.received {
                self.throughput.packet(packet.sent, received, packet.size, now);
            }
            if packet.cluster != 0 {
                probed = self.clusters.packet(packet).or(probed);
            }
        }
        // Who had no time, or nowhere, to send all of a probe learns nothing of the line's end.
        let probed = probed.filter(|shown| shown.full || shown.bps > self.loss.bps())?.bps;
        let floor = self.throughput.bps().map(|bps| (PROBE_FLOOR * bps).min(self.delay.bps()));
        Some(probed.max(floor.unwrap_or(0.0)))
    }

    fn measure_rtt(&mut self, acked: &[Acked], now: Micros) {
        let newest = acked.last().and_then(|packet| packet.received);
        let held = |packet: &Acked| Some(newest? - packet.received?);
        let trips = acked.iter().filter_map(|packet| Some(now - packet.sent - held(packet)?));
        if let Some(rtt) = trips.min().filter(|rtt| *rtt >= 0) {
            self.feedback_rtt = Some(rtt);
        }
        if let Some(rtt) = self.rtt() {
            self.delay.set_rtt(rtt);
            self.loss.set_rtt(rtt);
        }
    }

    fn follow_idleness(&mut self, now: Micros) {
        let idle = self.alr.since().is_some();
        if self.was_idle && !idle {
            self.throughput.busy_again(now);
        }
        self.was_idle = idle;
    }

    /// The round trip as receiver reports tell it.
    pub fn set_rtt(&mut self, rtt: Micros) {
        self.reported_rtt = Some(rtt);
    }

    fn rtt(&self) -> Option<Micros> {
        self.reported_rtt.or(self.feedback_rtt)
    }

    /// Time passed; call it every 20 ms or so.
    pub fn process(&mut self, now: Micros) {
        self.loss.update(now);
        if let (Some(newest), Some(first)) = (self.history.newest(), self.unanswered) {
            if now - newest < SECOND && self.loss.silent(newest - first, now) {
                self.delay.cut(self.loss.bps(), now);
            }
        }
        if self.heard.is_some_and(|heard| now - heard < SECOND) {
            let probe = self.probing.process(now);
            self.begin(probe, now);
        }
    }

    fn begin(&mut self, cluster: Option<Cluster>, now: Micros) {
        if let Some(cluster) = cluster {
            self.clusters.begin(cluster, now);
        }
    }

    /// Whether somebody wants more than the estimate allows: then probes are worth their bytes.
    pub fn want_more(&mut self, wanted: bool) {
        self.probing.want(wanted);
    }

    /// Whether a probe is under way.
    pub fn is_probing(&self) -> bool {
        self.probing.is_active()
    }

    /// Padding that a probe under way needs now, and the most that one packet of it may have.
    pub fn probe_due(&self, now: Micros) -> Option<(usize, usize)> {
        self.probing.due(now)
    }

    /// Memory held, itself aside.
    pub fn memory(&self) -> usize {
        self.history.memory()
    }

    /// Whether feedback has come.
    pub fn has_heard(&self) -> bool {
        self.heard.is_some()
    }

    /// What is known.
    pub fn estimate(&self) -> Estimate {
        Estimate { bps: self.loss.bps(), loss: self.loss.fraction(), rtt: self.rtt() }
    }
}
