//! One transport's congestion control: what it negotiated, and what is known of its line.

use crate::cc::{Acked, Arrivals, Estimate, Estimator, Micros, Uplink};
use crate::rtcp::Builder;
use crate::rtcp::transport_cc::Feedback;

const TELL_AT_MOST_EVERY: Micros = 100_000;
const TELL_AT_LEAST_EVERY: Micros = 1_000_000;
/// A change worth telling before its time.
const MOVED: f64 = 0.03;
const PADDING_EVERY: Micros = 15_000;
/// Padding packets are no larger than media.
const LARGEST_PADDING: usize = 1_100;
/// A probe's bytes, which may be many, hold steady padding up no longer than this many of its own.
const DEEPEST_CREDIT: f64 = 1_500.0;
/// A REMB older than this says nothing.
const REMB_STALE: Micros = 10_000_000;

/// Microseconds of the engine's clock.
pub fn micros(now_ns: u64) -> Micros {
    (now_ns / 1_000) as Micros
}

/// How a peer and we tell one another what the line carries.
enum Mode {
    /// Nothing was negotiated: senders get a fixed REMB.
    Unsaid,
    /// Nothing at all.
    Silent,
    TransportWide(Box<(Arrivals, Estimator)>),
    Remb(Box<Uplink>),
}

/// What a sender is told in REMB.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Remb {
    None,
    /// As much as the bridge takes from anyone.
    Fixed,
    Bps(f64),
}

/// Padding that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Padding {
    pub bytes: usize,
    pub largest: usize,
}

/// Congestion control of both directions.
pub struct Congestion {
    mode: Mode,
    padding_bps: f64,
    padded: Micros,
    /// Bytes of steady padding that are due and not sent; below zero, sent ahead.
    owed: f64,
    told: Option<(Micros, f64)>,
    remb: Option<(Micros, f64)>,
    /// Numbers packets where nobody tells of their arrival.
    next: u16,
}

impl Default for Congestion {
    fn default() -> Self {
        Self {
            mode: Mode::Unsaid,
            padding_bps: 0.0,
            padded: 0,
            owed: 0.0,
            told: None,
            remb: None,
            next: 0,
        }
    }
}

impl Congestion {
    /// The peer negotiated this; what is known is kept when it says the same again.
    pub fn negotiate(&mut self, transport_cc: bool, remb: bool, now: Micros) {
        self.mode = match (transport_cc, remb, std::mem::replace(&mut self.mode, Mode::Silent)) {
            (true, _, mode @ Mode::TransportWide(_)) => mode,
            (true, ..) => Mode::TransportWide(Box::new((Arrivals::default(), Estimator::new(now)))),
            (false, true, mode @ Mode::Remb(_)) => mode,
            (false, true, _) => Mode::Remb(Box::default()),
            (false, false, _) => Mode::Silent,
        };
    }

    /// The peer has new keys: its numbers start over.
    pub fn rekeyed(&mut self) {
        match &mut self.mode {
            Mode::TransportWide(both) => both.0 = Arrivals::default(),
            Mode::Remb(uplink) => **uplink = Uplink::default(),
            Mode::Unsaid | Mode::Silent => {}
        }
    }

    fn estimator(&mut self) -> Option<&mut Estimator> {
        match &mut self.mode {
            Mode::TransportWide(both) => Some(&mut both.1),
            _ => None,
        }
    }

    /// A packet arrived that carries these extensions.
    #[inline]
    pub fn arrived(&mut self, packet: &Arrival, now_ns: u64) {
        match (&mut self.mode, packet.transport_cc, packet.abs_send_time) {
            (Mode::TransportWide(both), Some(number), _) => {
                both.0.packet(number, packet.ssrc, packet.marker, micros(now_ns));
            }
            (Mode::Remb(uplink), _, Some(time)) => uplink.packet(time, packet.size, micros(now_ns)),
            _ => {}
        }
    }

    /// A packet arrived that is dropped unread: it wasn't lost on its way.
    #[inline]
    pub fn unread(&mut self, transport_cc: Option<u16>, ssrc: u32, now_ns: u64) {
        if let (Mode::TransportWide(both), Some(number)) = (&mut self.mode, transport_cc) {
            both.0.unread(number, ssrc, micros(now_ns));
        }
    }

    /// A packet of `size` bytes leaves; the transport-wide number to write into it.
    #[inline]
    pub fn leaving(&mut self, size: usize, now_ns: u64) -> u16 {
        if let Mode::TransportWide(both) = &mut self.mode {
            return both.1.sent(size, micros(now_ns));
        }
        self.next = self.next.wrapping_add(1);
        self.next
    }

    /// Add transport-wide feedback that is due; false when there is none.
    pub fn tell(&mut self, builder: &mut Builder, sender: u32, now_ns: u64) -> bool {
        let now = micros(now_ns);
        match &mut self.mode {
            Mode::TransportWide(both) => both.0.tell(builder, sender, now),
            _ => false,
        }
    }

    /// Whether transport-wide feedback is due.
    pub fn is_due(&self, now_ns: u64) -> bool {
        matches!(&self.mode, Mode::TransportWide(both) if both.0.is_due(micros(now_ns)))
    }

    /// Transport-wide feedback came; false when none was negotiated.
    pub fn feedback(&mut self, feedback: &Feedback, acked: &mut Vec<Acked>, now_ns: u64) -> bool {
        let Some(estimator) = self.estimator() else {
            return false;
        };
        estimator.feedback(feedback, acked, micros(now_ns));
        true
    }

    /// A REMB came; beside transport-wide feedback it says nothing.
    pub fn remb_received(&mut self, bps: f64, now_ns: u64) {
        if matches!(self.mode, Mode::Remb(_) | Mode::Unsaid) {
            self.remb = Some((micros(now_ns), bps));
        }
    }

    /// What to tell the peer in REMB of what it sends.
    pub fn remb(&self, now_ns: u64) -> Remb {
        match &self.mode {
            Mode::Unsaid => Remb::Fixed,
            Mode::Remb(uplink) => uplink.bps(micros(now_ns)).map_or(Remb::None, Remb::Bps),
            Mode::Silent | Mode::TransportWide(_) => Remb::None,
        }
    }

    /// Time passed; what is known of the line, if it is time to tell.
    pub fn process(&mut self, rtt_ns: Option<u64>, now_ns: u64) -> Option<Estimate> {
        let now = micros(now_ns);
        match &mut self.mode {
            Mode::TransportWide(both) => {
                if let Some(rtt) = rtt_ns {
                    both.1.set_rtt(micros(rtt));
                }
                both.1.process(now);
            }
            Mode::Remb(uplink) => uplink.process(now),
            Mode::Unsaid | Mode::Silent => {}
        }
        let estimate = self.estimate(now_ns)?;
        let due = self.told.is_none_or(|(at, bps)| {
            let moved = (estimate.bps - bps).abs() >= MOVED * bps;
            now - at >= TELL_AT_LEAST_EVERY || (moved && now - at >= TELL_AT_MOST_EVERY)
        });
        if !due {
            return None;
        }
        self.told = Some((now, estimate.bps));
        Some(estimate)
    }

    /// What is known of the line; `None` before the peer has told anything.
    pub fn estimate(&self, now_ns: u64) -> Option<Estimate> {
        match &self.mode {
            Mode::TransportWide(both) => both.1.has_heard().then(|| both.1.estimate()),
            Mode::Remb(_) | Mode::Unsaid => {
                let fresh = |remb: &(Micros, f64)| micros(now_ns) - remb.0 < REMB_STALE;
                let (_, bps) = self.remb.filter(fresh)?;
                Some(Estimate { bps, loss: 0.0, rtt: None })
            }
            Mode::Silent => None,
        }
    }

    /// Send this much padding a second from now on, and probe.
    pub fn set_padding(&mut self, bps: f64, now_ns: u64) {
        self.padding_bps = bps;
        self.padded = self.padded.max(micros(now_ns) - PADDING_EVERY);
        if let Some(estimator) = self.estimator() {
            estimator.want_more(bps > 0.0);
        }
    }

    /// Padding to be sent now: of the probe under way, or the steady one.
    pub fn padding(&mut self, now_ns: u64) -> Option<Padding> {
        let now = micros(now_ns);
        if let Some((bytes, largest)) = self.estimator().and_then(|known| known.probe_due(now)) {
            self.padded = now;
            return (bytes > 0).then_some(Padding { bytes, largest: largest.min(LARGEST_PADDING) });
        }
        let elapsed = now - self.padded;
        if self.padding_bps <= 0.0 || elapsed < PADDING_EVERY {
            return None;
        }
        self.padded = now;
        let due = |micros: Micros| self.padding_bps * micros as f64 / 8e6;
        let most = due(4 * PADDING_EVERY);
        self.owed = (self.owed + due(elapsed)).min(most);
        // Below zero it casts to zero.
        let bytes = self.owed as usize;
        (bytes > 0).then_some(Padding { bytes, largest: LARGEST_PADDING })
    }

    /// This much padding was sent. Whole packets are, so often more than was due: later padding
    /// waits for that, or a line that can take little would get a packet at every tick.
    pub fn sent_padding(&mut self, bytes: usize) {
        self.owed = (self.owed - bytes as f64).max(-DEEPEST_CREDIT);
    }

    /// Whether padding is due soon, and how finely: a probe's packets every few milliseconds.
    pub fn is_probing(&self) -> bool {
        matches!(&self.mode, Mode::TransportWide(both) if both.1.is_probing())
    }

    /// Whether steady padding is wanted.
    pub fn is_padding(&self) -> bool {
        self.padding_bps > 0.0
    }
}

/// What is noted of a packet that arrived.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    pub transport_cc: Option<u16>,
    pub abs_send_time: Option<u32>,
    pub ssrc: u32,
    pub marker: bool,
    pub size: usize,
}

#[cfg(test)]
mod tests {
    use super::{Arrival, Congestion, Padding, Remb};
    use crate::rtp::extension::abs_send_time;

    const MS: u64 = 1_000_000;

    #[test]
    fn without_negotiation_senders_get_a_fixed_remb_and_receivers_are_believed() {
        let mut congestion = Congestion::default();
        assert_eq!(congestion.remb(0), Remb::Fixed);
        assert_eq!(congestion.estimate(0), None);
        congestion.remb_received(3e6, 0);
        assert_eq!(congestion.process(None, 0).unwrap().bps, 3e6);
        assert_eq!(congestion.process(None, 900 * MS), None);
        congestion.remb_received(1e6, 950 * MS);
        assert_eq!(congestion.process(None, 950 * MS).unwrap().bps, 1e6);
        assert_eq!(congestion.estimate(60_000 * MS), None);
    }

    #[test]
    fn transport_wide_feedback_makes_remb_mute() {
        let mut congestion = Congestion::default();
        congestion.negotiate(true, true, 0);
        congestion.remb_received(3e6, 0);
        assert_eq!((congestion.remb(0), congestion.estimate(0)), (Remb::None, None));
        assert_eq!(congestion.leaving(1_000, 0), 1);
        congestion.negotiate(true, false, 0);
        assert_eq!(congestion.leaving(1_000, 0), 2, "the numbers go on");
    }

    #[test]
    fn remb_tells_what_a_sender_s_line_carries() {
        let mut congestion = Congestion::default();
        congestion.negotiate(false, true, 0);
        assert_eq!(congestion.remb(0), Remb::None);
        let packet = Arrival {
            transport_cc: None,
            abs_send_time: Some(abs_send_time(5_000 * MS)),
            ssrc: 1,
            marker: true,
            size: 1_000,
        };
        congestion.arrived(&packet, 5_010 * MS);
        assert_eq!(congestion.remb(5_010 * MS), Remb::Bps(2_500_000.0));
    }

    #[test]
    fn padding_comes_every_fifteen_milliseconds() {
        let mut congestion = Congestion::default();
        congestion.set_padding(800_000.0, 1_000 * MS);
        assert_eq!(congestion.padding(1_000 * MS), Some(Padding { bytes: 1_500, largest: 1_100 }));
        congestion.sent_padding(1_500);
        assert_eq!(congestion.padding(1_010 * MS), None);
        assert_eq!(congestion.padding(1_020 * MS), Some(Padding { bytes: 2_000, largest: 1_100 }));
        congestion.set_padding(0.0, 1_030 * MS);
        assert_eq!(congestion.padding(2_000 * MS), None);
    }

    #[test]
    fn padding_in_whole_packets_is_no_more_than_was_asked() {
        let mut congestion = Congestion::default();
        congestion.set_padding(100_000.0, 1_000 * MS);
        let mut sent = 0;
        for tick in 0..2_000 {
            if congestion.padding((1_000 + 5 * tick) * MS).is_some() {
                sent += 900;
                congestion.sent_padding(900);
            }
        }
        // Ten seconds of 100 kbit/s.
        assert!((120_000..=126_000).contains(&sent), "{sent}");
    }
}
