//! What a synthetic participant notes of a source: delay, keyframes, and what it asks for again.

use crate::delays;
use crate::mark::Mark;
use crate::pictures::Pictures;
use crate::rtcp::Nack;
use crate::rtp::vp8;

const MOST_MISSING: usize = 256;
const MOST_TRIES: u8 = 10;
/// Room for reordering before the first NACK, and between NACKs of the same packet.
const FIRST_WAIT_NS: u64 = 10_000_000;
const NEXT_WAIT_NS: u64 = 50_000_000;
const PLI_WAIT_NS: u64 = 1_000_000_000;

#[derive(Clone, Copy)]
struct Missing {
    index: u64,
    due_ns: u64,
    tries: u8,
}

/// Where a packet stands in its stream.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub index: u64,
    pub marker: bool,
}

/// A sink's view of one source.
#[derive(Default)]
pub struct Sink {
    pub keyframes: u64,
    /// Its packets carry our trailer, so `video` is known.
    pub marked: bool,
    pub video: bool,
    delay_ns_sum: u128,
    delay_ns_max: u64,
    delays: u64,
    pub pictures: Pictures,
    /// Of the latest keyframe.
    pub size: (u16, u16),
    /// Packets that came as repairs.
    pub recovered: u64,
    missing: Vec<Missing>,
    overrun: bool,
    asked_ns: Option<u64>,
    /// Whether it stands in its transport's list of sources to ask about.
    pub listed: bool,
}

impl Sink {
    /// Take in a plain payload. `video` when the source was announced as video.
    pub fn packet(&mut self, payload: &[u8], place: Place, video: bool, now_ns: u64) {
        self.video |= video;
        if let Some(mark) = Mark::read(payload) {
            self.marked = true;
            self.video |= mark.video;
            let delay = now_ns.saturating_sub(mark.sent_ns);
            self.delay_ns_sum += u128::from(delay);
            self.delay_ns_max = self.delay_ns_max.max(delay);
            self.delays += 1;
            delays::note(delay);
        }
        if self.video
            && let Some(descriptor) = vp8::parse(payload)
        {
            self.keyframes += u64::from(descriptor.keyframe);
            self.size = vp8::size(payload, &descriptor).unwrap_or(self.size);
            if let Some(id) = descriptor.numbers.picture_id {
                self.pictures.packet(id, descriptor.frame_start, place.marker, place.index);
            }
        }
    }

    /// Follow the numbering: `before` was the highest index until this packet.
    pub fn sequence(&mut self, before: Option<u64>, index: u64, now_ns: u64) {
        let Some(before) = before else {
            return;
        };
        if index <= before {
            self.missing.retain(|missing| missing.index != index);
            return;
        }
        for index in before + 1..index {
            if self.missing.len() == MOST_MISSING {
                self.overrun = true;
                return;
            }
            self.missing.push(Missing { index, due_ns: now_ns + FIRST_WAIT_NS, tries: 0 });
        }
    }

    /// The packet with this number has been repaired; its index, if it was missing.
    pub fn repaired(&mut self, sequence: u16) -> Option<u64> {
        let at = self.missing.iter().position(|missing| missing.index as u16 == sequence)?;
        Some(self.missing.remove(at).index)
    }

    /// Numbers start over: what was missing of the old ones never comes.
    pub fn rekeyed(&mut self) {
        self.missing.clear();
    }

    /// The NACK entries due now; empty for audio, which isn't sent again.
    pub fn nacks(&mut self, now_ns: u64, entries: &mut Vec<Nack>) {
        entries.clear();
        if !self.video {
            self.missing.clear();
            return;
        }
        self.missing.retain(|missing| missing.tries < MOST_TRIES);
        for missing in self.missing.iter_mut().filter(|missing| missing.due_ns <= now_ns) {
            missing.due_ns = now_ns + NEXT_WAIT_NS;
            missing.tries += 1;
            append(entries, missing.index as u16);
        }
    }

    /// Whether to ask for a keyframe now: until the first one, and after a gap beyond mending.
    pub fn take_pli(&mut self, now_ns: u64) -> bool {
        let wanted = self.video && (self.keyframes == 0 || self.overrun);
        if !wanted || self.asked_ns.is_some_and(|at| now_ns < at + PLI_WAIT_NS) {
            return false;
        }
        self.overrun = false;
        self.asked_ns = Some(now_ns);
        true
    }

    /// Whether there is, or may soon be, something to ask for.
    pub fn wants(&self) -> bool {
        self.overrun || !self.missing.is_empty() || (self.video && self.keyframes == 0)
    }

    /// Name of the kind that the trailers tell.
    pub fn kind_name(&self) -> &'static str {
        if self.video { "video" } else { "audio" }
    }

    /// Mean delay, milliseconds; -1 = no packet carried its send time.
    pub fn delay_ms_mean(&self) -> f64 {
        if self.delays == 0 {
            return -1.0;
        }
        self.delay_ns_sum as f64 / self.delays as f64 / 1e6
    }

    /// Longest delay, milliseconds; -1 = no packet carried its send time.
    pub fn delay_ms_max(&self) -> f64 {
        if self.delays == 0 { -1.0 } else { self.delay_ns_max as f64 / 1e6 }
    }
}

// Ascending sequences share an entry when they are at most 16 apart.
fn append(entries: &mut Vec<Nack>, sequence: u16) {
    if let Some(last) = entries.last_mut() {
        let distance = sequence.wrapping_sub(last.first);
        if (1..=16).contains(&distance) {
            last.following |= 1 << (distance - 1);
            return;
        }
    }
    entries.push(Nack { first: sequence, following: 0 });
}

#[cfg(test)]
mod tests {
    use super::Sink;

    fn asked(sink: &mut Sink, now_ns: u64) -> Vec<u16> {
        let mut entries = Vec::new();
        sink.nacks(now_ns, &mut entries);
        entries.iter().flat_map(|entry| entry.sequences()).collect()
    }

    #[test]
    fn a_gap_is_asked_for_until_it_is_filled() {
        let mut sink = Sink { video: true, ..Sink::default() };
        sink.sequence(Some(65_534), 65_540, 0);
        assert_eq!(asked(&mut sink, 0), [] as [u16; 0]);
        assert_eq!(asked(&mut sink, 10_000_000), [65_535, 0, 1, 2, 3]);
        sink.sequence(Some(65_540), 65_536, 20_000_000);
        assert_eq!(asked(&mut sink, 60_000_000), [65_535, 1, 2, 3]);
        for round in 2..20 {
            asked(&mut sink, 60_000_000 * round);
        }
        assert_eq!(asked(&mut sink, 60_000_000 * 30), [] as [u16; 0]);
    }

    #[test]
    fn a_repair_fills_a_gap_once() {
        let mut sink = Sink { video: true, ..Sink::default() };
        sink.sequence(Some(65_534), 65_537, 0);
        assert_eq!((sink.repaired(0), sink.repaired(0)), (Some(65_536), None));
        assert_eq!(asked(&mut sink, 10_000_000), [65_535]);
    }

    #[test]
    fn a_gap_beyond_mending_asks_for_a_keyframe() {
        let mut sink = Sink { video: true, keyframes: 1, ..Sink::default() };
        assert!(!sink.take_pli(0));
        sink.sequence(Some(0), 1_000_000, 0);
        assert!(sink.take_pli(0));
        assert!(!sink.take_pli(2_000_000_000));
    }

    #[test]
    fn audio_is_not_asked_for() {
        let mut sink = Sink::default();
        sink.sequence(Some(1), 5, 0);
        assert_eq!(asked(&mut sink, 1_000_000_000), [] as [u16; 0]);
    }
}
