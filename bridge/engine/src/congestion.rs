//! One transport's congestion control: what it negotiated, and what is known of its line.

use crate::cc::{Acked, Arrivals, Estimate, Estimator, Micros, Padder, Uplink};
use crate::rtcp::Builder;
use crate::rtcp::transport_cc::Feedback;

const TELL_AT_MOST_EVERY: Micros = 100_000;
const TELL_AT_LEAST_EVERY: Micros = 1_000_000;
/// A change worth telling before its time.
const MOVED: f64 = 0.03;
/// Padding packets are no larger than media.
const LARGEST_PADDING: usize = 1_100;
/// A REMB older than this says nothing.
const REMB_STALE: Micros = 10_000_000;

/// Microseconds of the engine's clock.
pub fn micros(now_ns: u64) -> Micros {
    (now_ns / 1_000) as Micros
}

/// How a peer and we tell one another what the line carries.
#[derive(Default)]
enum Mode {
    /// Nothing was negotiated: senders get a fixed REMB.
    #[default]
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
#[derive(Default)]
pub struct Congestion {
    mode: Mode,
    padder: Padder,
    told: Option<(Micros, f64)>,
    remb: Option<(Micros, f64)>,
    /// Numbers packets where nobody tells of their arrival.
    next: u16,
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
        self.want_more();
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

    /// Fetch what `leaving` needs.
    #[inline]
    pub fn prefetch(&self) {
        if let Mode::TransportWide(both) = &self.mode {
            both.1.prefetch();
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
        self.padder.set(bps, micros(now_ns));
        self.want_more();
    }

    fn want_more(&mut self) {
        let wanted = self.padder.is_wanted();
        if let Some(estimator) = self.estimator() {
            estimator.want_more(wanted);
        }
    }

    /// Padding to be sent now: of the probe under way, or the steady one.
    pub fn padding(&mut self, now_ns: u64) -> Option<Padding> {
        let now = micros(now_ns);
        if let Some((bytes, largest)) = self.estimator().and_then(|known| known.probe_due(now)) {
            self.padder.hold(now);
            return (bytes > 0).then_some(Padding { bytes, largest: largest.min(LARGEST_PADDING) });
        }
        let bytes = self.padder.due(now)?;
        Some(Padding { bytes, largest: LARGEST_PADDING })
    }

    /// This much padding was sent.
    pub fn sent_padding(&mut self, bytes: usize) {
        self.padder.sent(bytes);
    }

    /// Whether padding is due soon, and how finely: a probe's packets every few milliseconds.
    pub fn is_probing(&self) -> bool {
        matches!(&self.mode, Mode::TransportWide(both) if both.1.is_probing())
    }

    /// Memory held, itself aside.
    pub fn memory(&self) -> usize {
        match &self.mode {
            Mode::TransportWide(both) => size_of_val(&**both) + both.0.memory() + both.1.memory(),
            Mode::Remb(uplink) => size_of_val(&**uplink),
            Mode::Unsaid | Mode::Silent => 0,
        }
    }

    /// Whether steady padding is wanted.
    pub fn is_padding(&self) -> bool {
        self.padder.is_wanted()
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
    use super::{Arrival, Congestion, Remb};
    use crate::rtp::extension::abs_send_time;

    const MS: u64 = 1_000_000;

    #[test]
    fn without_negotiation_senders_get_a_fixed_remb_and_receivers_are_believed() {
        let mut congestion = Congestion::default();
        assert_eq!((congestion.remb(0), congestion.memory()), (Remb::Fixed, 0));
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
        assert!((1..100_000).contains(&congestion.memory()));
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
}
