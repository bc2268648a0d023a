//! The rate that the delay of packets allows.

use super::aimd::Aimd;
use super::groups::Groups;
use super::history::Acked;
use super::trendline::{Trendline, Usage};
use super::{Micros, SECOND};

/// After such a pause what was learnt of the queue is void.
const PAUSE: Micros = 2 * SECOND;

/// What a feedback packet changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The rate comes from a probe.
    pub probed: bool,
    /// The queue had been draining, and is empty again.
    pub recovered: bool,
}

/// The delay-based estimate.
pub struct Delay {
    groups: Groups,
    trendline: Trendline,
    aimd: Aimd,
    heard: Option<Micros>,
    usage: Usage,
}

impl Delay {
    /// Start from a rate that nothing has shown yet.
    pub fn new(bps: f64) -> Self {
        Self {
            groups: Groups::default(),
            trendline: Trendline::default(),
            aimd: Aimd::new(bps),
            heard: None,
            usage: Usage::Normal,
        }
    }

    /// The rate.
    pub fn bps(&self) -> f64 {
        self.aimd.bps()
    }

    /// Fall to this rate for other reasons than delay.
    pub fn cut(&mut self, bps: f64, now: Micros) {
        self.aimd.set(bps.min(self.aimd.bps()), now);
    }

    /// The round trip.
    pub fn set_rtt(&mut self, rtt: Micros) {
        self.aimd.set_rtt(rtt);
    }

    /// Take in the packets of a feedback in the order of their arrival.
    pub fn feedback(
        &mut self,
        acked: &[Acked],
        throughput: Option<f64>,
        probed: Option<f64>,
        now: Micros,
    ) -> Outcome {
        let mut recovered = false;
        for packet in acked {
            let Some(arrival) = packet.received else {
                continue;
            };
            self.packet(packet.sent, arrival, now);
            let usage = self.trendline.usage();
            recovered |= self.usage == Usage::Under && usage == Usage::Normal;
            self.usage = usage;
        }
        let probed = self.decide(throughput, probed, now);
        Outcome { probed, recovered: recovered && self.usage != Usage::Over }
    }

    fn packet(&mut self, sent: Micros, arrival: Micros, now: Micros) {
        if self.heard.is_some_and(|heard| now - heard > PAUSE) {
            self.groups = Groups::default();
            self.trendline = Trendline::default();
        }
        self.heard = Some(now);
        if let Some(delta) = self.groups.packet(sent, arrival, now) {
            self.trendline.update(delta, arrival);
        }
    }

    // True when the rate was taken from a probe.
    fn decide(&mut self, throughput: Option<f64>, probed: Option<f64>, now: Micros) -> bool {
        match (self.usage, probed) {
            (Usage::Over, _) if !self.aimd.may_cut(throughput, now) => {}
            // Nothing has told yet what arrives.
            (Usage::Over, _) if throughput.is_none() => {
                self.aimd.set(self.aimd.bps() / 2.0, now);
            }
            (Usage::Normal | Usage::Under, Some(probed)) => {
                self.aimd.probed(probed, now);
                return true;
            }
            (usage, _) => self.aimd.update(usage, throughput, now),
        }
        false
    }
}
