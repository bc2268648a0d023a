//! The receiving side of transport-wide feedback: what arrived when, and telling the sender so.

use super::{MS, Micros, unwrap};
use crate::rtcp::Builder;
use crate::rtcp::transport_cc::{Base, REFERENCE_US, TICK_US, TICKS};
use std::collections::VecDeque;

const AT_MOST_EVERY: Micros = 20 * MS;
const AT_LEAST_EVERY: Micros = 100 * MS;
/// Packets that wait to be told of; of a larger gap nothing is told.
const MOST: usize = 1024;
/// Packets told of that are kept, in case that what was missing among them comes late.
const KEPT: usize = 128;
/// Packets that one feedback packet tells of: it fits any path.
const TOLD: usize = 320;
/// So many packets in a row that are too late to tell of: the numbers have started over.
const LATE: u32 = 50;
/// Packets dropped unread may run ahead of the others by so much.
const UNREAD: i64 = 64;
const MISSING: Micros = Micros::MIN;

/// Arrival times of one sender's packets.
#[derive(Default)]
pub struct Arrivals {
    /// Arrival times from number `front` on.
    times: VecDeque<Micros>,
    front: i64,
    /// The first packet that the next feedback tells of.
    next: i64,
    number: u8,
    media: u32,
    /// Packets not told of yet.
    fresh: u32,
    marked: bool,
    late: u32,
    told_us: Option<Micros>,
}

impl Arrivals {
    /// Note a packet; `marker` when it ends a picture.
    pub fn packet(&mut self, sequence: u16, ssrc: u32, marker: bool, now: Micros) {
        self.media = ssrc;
        let end = self.front + self.times.len() as i64;
        let at = if self.times.is_empty() {
            self.start(sequence.into())
        } else {
            unwrap(end - 1, sequence)
        };
        if at >= end + MOST as i64 {
            self.times.clear();
            self.start(at);
        }
        let Ok(place) = usize::try_from(at - self.front) else {
            return self.too_late(sequence);
        };
        self.late = 0;
        while self.times.len() <= place {
            self.times.push_back(MISSING);
        }
        if self.times[place] != MISSING {
            return;
        }
        self.times[place] = now;
        self.next = self.next.min(at);
        self.fresh += 1;
        self.marked |= marker;
        self.trim(MOST);
    }

    /// Note a packet that was dropped unread, and so may be anybody's: it moves nothing far.
    pub fn unread(&mut self, sequence: u16, ssrc: u32, now: Micros) {
        let newest = self.front + self.times.len() as i64 - 1;
        let at = unwrap(newest, sequence);
        if !self.times.is_empty() && (self.front..newest + UNREAD).contains(&at) {
            self.packet(sequence, ssrc, false, now);
        }
    }

    // Old packets aren't told of; when nothing else comes, the sender has started over.
    fn too_late(&mut self, sequence: u16) {
        self.late += 1;
        if self.late > LATE {
            self.times.clear();
            self.late = 0;
            self.start(sequence.into());
        }
    }

    fn start(&mut self, at: i64) -> i64 {
        (self.front, self.next, self.fresh) = (at, at, 0);
        at
    }

    fn trim(&mut self, most: usize) {
        while self.times.len() > most {
            self.times.pop_front();
            self.front += 1;
        }
        self.next = self.next.max(self.front);
    }

    /// Memory held.
    pub fn memory(&self) -> usize {
        self.times.capacity() * size_of::<Micros>()
    }

    /// Whether it is time to tell the sender.
    pub fn is_due(&self, now: Micros) -> bool {
        let waited = self.told_us.map_or(Micros::MAX, |told| now - told);
        self.fresh > 0 && (waited >= AT_LEAST_EVERY || (self.marked && waited >= AT_MOST_EVERY))
    }

    /// Add one feedback packet about what wasn't told yet; false when there is nothing to tell.
    pub fn tell(&mut self, builder: &mut Builder, sender: u32, now: Micros) -> bool {
        let from = (self.next - self.front) as usize;
        let Some(first) = self.times.range(from..).copied().find(|time| *time != MISSING) else {
            (self.fresh, self.marked) = (0, false);
            return false;
        };
        let mut ticks = [None; TOLD];
        let reference = first.div_euclid(REFERENCE_US);
        let mut before = reference * REFERENCE_US;
        let (mut count, mut told) = (0, 0);
        for (place, &time) in ticks.iter_mut().zip(self.times.range(from..)) {
            if time != MISSING {
                let step = (time - before).div_euclid(TICK_US);
                let Some(step) = i32::try_from(step).ok().filter(|step| TICKS.contains(step))
                else {
                    break;
                };
                *place = Some(step);
                before += Micros::from(step) * TICK_US;
                told += 1;
            }
            count += 1;
        }
        let base = Base {
            sequence: self.next as u16,
            // Of the reference time 24 bits are told.
            reference: (reference as i32) << 8 >> 8,
            number: self.number,
        };
        if !builder.transport_wide(sender, self.media, &base, &ticks[..count]) {
            return false;
        }
        self.number = self.number.wrapping_add(1);
        self.next += count as i64;
        self.told_us = Some(now);
        self.fresh = self.fresh.saturating_sub(told);
        self.marked &= self.fresh > 0;
        let waiting = self.times.len() - (self.next - self.front) as usize;
        self.trim(waiting + KEPT);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{Arrivals, MS, Micros};
    use crate::rtcp::transport_cc::{Feedback, REFERENCE_US, TICK_US};
    use crate::rtcp::{Builder, Packets};
    use proptest::prelude::*;

    /// All that is to be told: numbers, and arrival times of those that arrived.
    fn told(arrivals: &mut Arrivals) -> Vec<(u16, Option<Micros>)> {
        let mut all = Vec::new();
        for _ in 0..50 {
            let mut buffer = [0; 1_200];
            let mut builder = Builder::new(&mut buffer);
            if !arrivals.tell(&mut builder, 1, 0) {
                return all;
            }
            let packet = Packets::new(builder.bytes()).next().unwrap().unwrap();
            let feedback = Feedback::parse(&packet).unwrap();
            let mut time = Micros::from(feedback.base.reference) * REFERENCE_US;
            all.extend(feedback.packets().map(|(sequence, ticks)| {
                let arrived = ticks.map(|ticks| {
                    time += Micros::from(ticks) * TICK_US;
                    time
                });
                (sequence, arrived)
            }));
        }
        panic!("there is no end to it");
    }

    #[test]
    fn what_arrived_and_what_did_not_is_told_once() {
        let mut arrivals = Arrivals::default();
        for (sequence, at) in [(65_534, 10), (0, 20), (1, 15)] {
            arrivals.packet(sequence, 7, false, at * MS);
        }
        let expected =
            [(65_534, Some(10_000)), (65_535, None), (0, Some(20_000)), (1, Some(15_000))];
        assert_eq!(told(&mut arrivals), expected);
        assert!(!arrivals.is_due(10_000 * MS));
        assert_eq!(told(&mut arrivals), []);
    }

    #[test]
    fn what_comes_late_is_told_later() {
        let mut arrivals = Arrivals::default();
        arrivals.packet(5, 7, false, 0);
        arrivals.packet(7, 7, false, MS);
        told(&mut arrivals);
        arrivals.packet(6, 7, false, 30 * MS);
        assert_eq!(told(&mut arrivals), [(6, Some(30_000)), (7, Some(1_000))]);
    }

    #[test]
    fn a_picture_s_end_hurries_it() {
        let mut arrivals = Arrivals::default();
        arrivals.packet(1, 7, false, 0);
        assert!(arrivals.is_due(0), "the first at once");
        told(&mut arrivals);
        arrivals.packet(2, 7, false, 10 * MS);
        assert!(!arrivals.is_due(99 * MS) && arrivals.is_due(100 * MS));
        arrivals.packet(3, 7, true, 15 * MS);
        assert!(!arrivals.is_due(19 * MS) && arrivals.is_due(20 * MS));
    }

    #[test]
    fn a_jump_starts_over() {
        let mut arrivals = Arrivals::default();
        arrivals.packet(1, 7, false, 0);
        arrivals.packet(20_000, 7, false, MS);
        assert_eq!(told(&mut arrivals), [(20_000, Some(1_000))]);
        arrivals.packet(2, 7, false, 2 * MS);
        assert_eq!(told(&mut arrivals), []);
    }

    #[test]
    fn what_is_dropped_unread_is_told_of_but_moves_nothing_far() {
        let mut arrivals = Arrivals::default();
        arrivals.unread(9, 7, 0);
        arrivals.packet(10, 7, false, MS);
        arrivals.unread(11, 7, 2 * MS);
        arrivals.unread(5_000, 7, 2 * MS);
        arrivals.unread(40_000, 7, 2 * MS);
        assert_eq!(told(&mut arrivals), [(10, Some(1_000)), (11, Some(2_000))]);
    }

    #[test]
    fn a_sender_that_starts_over_is_followed() {
        let mut arrivals = Arrivals::default();
        (0..400).for_each(|number| arrivals.packet(20_000 + number, 7, false, 0));
        told(&mut arrivals);
        (0..100).for_each(|number| arrivals.packet(number, 7, false, MS));
        assert_eq!(told(&mut arrivals).last(), Some(&(99, Some(1_000))));
    }

    proptest! {
        #[test]
        fn any_numbers_at_any_time_are_told_bounded(
            packets in proptest::collection::vec((any::<u16>(), 0i64..100_000_000), 1..300),
        ) {
            let mut arrivals = Arrivals::default();
            for (at, (sequence, time)) in packets.iter().enumerate() {
                arrivals.packet(*sequence, 7, false, *time);
                prop_assert!(arrivals.times.len() <= super::MOST);
                if at % 40 == 0 {
                    told(&mut arrivals);
                }
            }
            told(&mut arrivals);
        }

        #[test]
        fn all_that_arrives_is_told(
            gaps in proptest::collection::vec((1u16..5, 0i64..400_000), 1..900),
        ) {
            let (mut arrivals, mut sequence, mut time) = (Arrivals::default(), 60_000u16, 0);
            let mut expected = Vec::new();
            for (gap, wait) in gaps {
                sequence = sequence.wrapping_add(gap);
                time += wait;
                arrivals.packet(sequence, 7, false, time);
                expected.push((sequence, time));
            }
            expected.drain(..expected.len().saturating_sub(200));
            let read = told(&mut arrivals);
            for (sequence, time) in expected {
                let arrived = read.iter().find(|packet| packet.0 == sequence).unwrap().1.unwrap();
                prop_assert!((time - arrived).abs() <= TICK_US, "{time} {arrived}");
            }
        }
    }
}
