//! Transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1): which
//! packets arrived, and when. The parser is total; the builder never writes what it can't read.

use super::Packet;

/// Length of one tick of arrival times.
pub const TICK_US: i64 = 250;
/// Length of one unit of the reference time.
pub const REFERENCE_US: i64 = 64_000;
/// Ticks between two arrivals that one feedback packet can tell.
pub const TICKS: std::ops::RangeInclusive<i32> = -0x8000..=0x7fff;
const LONGEST_RUN: usize = 0x1fff;

/// What a feedback packet starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Base {
    /// Number of the first packet told of.
    pub sequence: u16,
    /// The reference time, 24 bits signed.
    pub reference: i32,
    /// Counts the feedback packets.
    pub number: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Symbol {
    Missing = 0,
    Small = 1,
    Large = 2,
}

impl Symbol {
    fn of(ticks: Option<i32>) -> Self {
        match ticks {
            None => Self::Missing,
            Some(0..=255) => Self::Small,
            Some(_) => Self::Large,
        }
    }

    fn read(bits: u16) -> Option<Self> {
        match bits & 3 {
            0 => Some(Self::Missing),
            1 => Some(Self::Small),
            2 => Some(Self::Large),
            // "Received without a time" was never given a meaning.
            _ => None,
        }
    }

    fn delta_len(self) -> usize {
        self as usize
    }
}

/// A feedback packet that is sound throughout.
#[derive(Clone, Copy, Debug)]
pub struct Feedback<'a> {
    pub base: Base,
    count: usize,
    chunks: &'a [u8],
    deltas: &'a [u8],
}

impl<'a> Feedback<'a> {
    /// Parse a transport-wide feedback packet; `None` when any part of it is missing.
    pub fn parse(packet: &Packet<'a>) -> Option<Self> {
        let (first, second) = (packet.word(2)?, packet.word(3)?);
        let base = Base {
            sequence: (first >> 16) as u16,
            reference: second as i32 >> 8,
            number: second as u8,
        };
        let count = (first & 0xffff) as usize;
        let body = packet.body.get(16..)?;
        let (mut told, mut chunks, mut needed) = (0, 0, 0);
        while told < count {
            let chunk = u16::from_be_bytes(*body.get(chunks..)?.first_chunk()?);
            chunks += 2;
            let len = chunk_len(chunk).min(count - told);
            if len == 0 {
                return None;
            }
            needed += deltas_len(chunk, len)?;
            told += len;
        }
        let (chunks, deltas) = body.split_at(chunks);
        (needed <= deltas.len()).then_some(Self { base, count, chunks, deltas })
    }

    /// Number of packets told of.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether it tells of nothing.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Each packet's number, and its distance in ticks from the arrival before it; `None` when it
    /// hasn't arrived. The first distance counts from the reference time.
    pub fn packets(&self) -> Statuses<'a> {
        Statuses {
            sequence: self.base.sequence,
            left: self.count,
            chunks: self.chunks,
            at: 0,
            deltas: self.deltas,
        }
    }
}

/// Iterator over a feedback's packets.
pub struct Statuses<'a> {
    sequence: u16,
    left: usize,
    chunks: &'a [u8],
    at: usize,
    deltas: &'a [u8],
}

impl Iterator for Statuses<'_> {
    type Item = (u16, Option<i32>);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let mut chunk = u16::from_be_bytes(*self.chunks.first_chunk()?);
        if self.at == chunk_len(chunk) {
            self.chunks = &self.chunks[2..];
            self.at = 0;
            chunk = u16::from_be_bytes(*self.chunks.first_chunk()?);
        }
        let symbol = symbol(chunk, self.at)?;
        self.at += 1;
        let (delta, rest) = self.deltas.split_at_checked(symbol.delta_len())?;
        self.deltas = rest;
        let ticks = match *delta {
            [] => None,
            [ticks] => Some(ticks.into()),
            [high, low, ..] => Some(i16::from_be_bytes([high, low]).into()),
        };
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        Some((sequence, ticks))
    }
}

// Packets that a chunk tells of: a run, or a vector of one-bit or two-bit symbols.
fn chunk_len(chunk: u16) -> usize {
    match chunk >> 14 {
        0 | 1 => usize::from(chunk) & LONGEST_RUN,
        2 => 14,
        _ => 7,
    }
}

// Bytes of the times of a chunk's first `len` packets.
fn deltas_len(chunk: u16, len: usize) -> Option<usize> {
    if chunk >> 15 == 0 {
        return Some(len * symbol(chunk, 0)?.delta_len());
    }
    (0..len).map(|at| symbol(chunk, at).map(Symbol::delta_len)).sum()
}

fn symbol(chunk: u16, at: usize) -> Option<Symbol> {
    match chunk >> 14 {
        0 | 1 => Symbol::read(chunk >> 13),
        2 => Symbol::read(chunk >> (13 - at) & 1),
        _ => Symbol::read(chunk >> (12 - 2 * at)),
    }
}

/// Bytes that chunks and deltas of these packets take.
pub fn body_len(ticks: &[Option<i32>]) -> usize {
    let deltas = ticks.iter().map(|ticks| Symbol::of(*ticks).delta_len());
    2 * chunks(ticks).count() + deltas.sum::<usize>()
}

/// Write chunks and deltas; `out` has `body_len` bytes at least.
pub fn write(out: &mut [u8], ticks: &[Option<i32>]) {
    let mut at = 0;
    for chunk in chunks(ticks) {
        out[at..at + 2].copy_from_slice(&chunk.to_be_bytes());
        at += 2;
    }
    for ticks in ticks {
        let bytes = ticks.unwrap_or_default().to_be_bytes();
        let len = Symbol::of(*ticks).delta_len();
        out[at..at + len].copy_from_slice(&bytes[4 - len..]);
        at += len;
    }
}

// Greedy: the longest run or vector that tells of the next packets.
fn chunks(ticks: &[Option<i32>]) -> impl Iterator<Item = u16> + '_ {
    let mut rest = ticks;
    std::iter::from_fn(move || {
        let first = Symbol::of(*rest.first()?);
        let run = rest.iter().take(LONGEST_RUN).take_while(|ticks| Symbol::of(**ticks) == first);
        let run = run.count();
        let plain = rest.iter().take(14).all(|ticks| Symbol::of(*ticks) != Symbol::Large);
        let (each, bits) = if plain { (14, 1) } else { (7, 2) };
        if run >= each.min(rest.len()) {
            rest = &rest[run..];
            return Some((first as u16) << 13 | run as u16);
        }
        let taken = &rest[..rest.len().min(each)];
        rest = &rest[taken.len()..];
        let mut chunk = if plain { 0b10 } else { 0b11 };
        for at in 0..each {
            let symbol = taken.get(at).map_or(0, |ticks| Symbol::of(*ticks) as u16);
            chunk = chunk << bits | symbol;
        }
        Some(chunk)
    })
}

#[cfg(test)]
mod tests {
    use super::{Base, Feedback};
    use crate::rtcp::{Builder, Packets};
    use proptest::prelude::*;

    fn round(base: Base, ticks: &[Option<i32>]) -> (Base, Vec<(u16, Option<i32>)>) {
        let mut buffer = vec![0xff; 40 + 3 * ticks.len()];
        let mut builder = Builder::new(&mut buffer);
        assert!(builder.transport_wide(1, 2, &base, ticks));
        let packet = Packets::new(builder.bytes()).next().unwrap().unwrap();
        let feedback = Feedback::parse(&packet).unwrap();
        assert_eq!(feedback.len(), ticks.len());
        (feedback.base, feedback.packets().collect())
    }

    #[test]
    fn numbers_wrap() {
        let base = Base { sequence: 65_535, reference: -1, number: 255 };
        let (read, packets) = round(base, &[Some(3), None, Some(-300)]);
        assert_eq!(read, base);
        assert_eq!(packets, [(65_535, Some(3)), (0, None), (1, Some(-300))]);
    }

    #[test]
    fn a_packet_as_libwebrtc_makes_it_is_read() {
        // Three received 1 ms apart, the first 1 ms after the reference; 3 bytes of padding.
        let bytes = [
            0xaf, 205, 0, 6, 0, 0, 0, 1, 0, 0, 0, 2, 0, 7, 0, 3, 0, 0, 9, 4, 0xb8, 0x00, 4, 4, 4,
            0, 0, 3,
        ];
        let packet = Packets::new(&bytes).next().unwrap().unwrap();
        let packets: Vec<_> = Feedback::parse(&packet).unwrap().packets().collect();
        assert_eq!(packets, [(7, Some(4)), (8, Some(4)), (9, Some(4))]);
    }

    #[test]
    fn what_lacks_its_times_is_refused() {
        let mut buffer = [0; 64];
        let mut builder = Builder::new(&mut buffer);
        let base = Base { sequence: 0, reference: 0, number: 0 };
        builder.transport_wide(1, 2, &base, &[Some(1); 4]);
        let mut packet = Packets::new(builder.bytes()).next().unwrap().unwrap();
        assert!(Feedback::parse(&packet).is_some());
        packet.body = &packet.body[..packet.body.len() - 1];
        assert!(Feedback::parse(&packet).is_none());
    }

    fn ticks() -> impl Strategy<Value = Vec<Option<i32>>> {
        let one = prop_oneof![
            4 => (0..=255).prop_map(Some),
            2 => Just(None),
            1 => super::TICKS.prop_map(Some),
        ];
        let runs = proptest::collection::vec((one, 1..30usize), 0..30);
        runs.prop_map(|runs| {
            runs.into_iter().flat_map(|(ticks, count)| std::iter::repeat_n(ticks, count)).collect()
        })
    }

    proptest! {
        #[test]
        fn what_is_built_is_read_back(
            sequence: u16, reference in -0x80_0000..=0x7f_ffff, number: u8, ticks in ticks(),
        ) {
            let base = Base { sequence, reference, number };
            let (read, packets) = round(base, &ticks);
            prop_assert_eq!(read, base);
            prop_assert!(packets.iter().map(|packet| packet.1).eq(ticks));
        }

        #[test]
        fn any_body_is_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..120)) {
            let mut bytes = vec![0x8f, 205, 0, (body.len() / 4) as u8];
            bytes.extend_from_slice(&body);
            for packet in Packets::new(&bytes).flatten() {
                if let Some(feedback) = Feedback::parse(&packet) {
                    prop_assert_eq!(feedback.packets().count(), feedback.len());
                }
            }
        }
    }
}
