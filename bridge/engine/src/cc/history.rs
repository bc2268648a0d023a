//! The sending side of transport-wide feedback: what left when, matched with what is told of it.

use super::{Micros, SECOND, unwrap};
use crate::rtcp::transport_cc::{Feedback, REFERENCE_US, TICK_US};
use std::collections::VecDeque;

/// Packets are forgotten after this time: feedback that is later is no news.
const WINDOW: Micros = 3 * SECOND;
const MOST: usize = 8192;
/// Some millennia: only jumps get there, and sums of times stay far from overflowing.
const FARTHEST_REFERENCE: i64 = 1 << 40;
const PRUNE_EVERY: Micros = SECOND / 4;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Flying,
    Lost,
    Acknowledged,
}

#[derive(Clone, Copy)]
struct Sent {
    at: Micros,
    size: u16,
    cluster: u16,
    state: State,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acked {
    pub sent: Micros,
    /// By the peer's clock; `None` when it was lost.
    pub received: Option<Micros>,
    /// It was told to be lost before, and has come after all.
    pub late: bool,
    pub size: usize,
    /// The probe that it was part of; 0 = none.
    pub cluster: u16,
}

/// Packets sent lately.
pub struct History {
    sent: VecDeque<Sent>,
    front: i64,
    /// When to look for what is to be forgotten. Not with each packet: the oldest isn't in the
    /// processor's cache any more.
    prune_at: Micros,
    reference: Option<i64>,
}

impl Default for History {
    fn default() -> Self {
        Self { sent: VecDeque::new(), front: 1, prune_at: 0, reference: None }
    }
}

impl History {
    /// Note a packet that leaves now; return the number to write into it.
    pub fn sent(&mut self, size: usize, cluster: u16, now: Micros) -> u16 {
        if now >= self.prune_at || self.sent.len() >= MOST {
            self.prune(now);
        }
        let number = self.front + self.sent.len() as i64;
        let size = u16::try_from(size).unwrap_or(u16::MAX);
        self.sent.push_back(Sent { at: now, size, cluster, state: State::Flying });
        number as u16
    }

    #[cold]
    fn prune(&mut self, now: Micros) {
        self.prune_at = now + PRUNE_EVERY;
        let old = self.sent.iter().take_while(|sent| sent.at + WINDOW < now).count();
        let gone = old.max((self.sent.len() + 1).saturating_sub(MOST));
        self.sent.drain(..gone);
        self.front += gone as i64;
    }

    /// When the newest packet left.
    pub fn newest(&self) -> Option<Micros> {
        self.sent.back().map(|sent| sent.at)
    }

    /// Memory held.
    pub fn memory(&self) -> usize {
        self.sent.capacity() * size_of::<Sent>()
    }

    /// Append what a feedback packet tells for the first time.
    pub fn acknowledge(&mut self, feedback: &Feedback, acked: &mut Vec<Acked>) {
        let end = self.front + self.sent.len() as i64;
        let first = unwrap(end, feedback.base.sequence);
        let mut time = self.reference(feedback.base.reference) * REFERENCE_US;
        // Beyond what was sent there is nothing to learn, however much is told.
        for (number, (_, ticks)) in (first..end).zip(feedback.packets()) {
            time += Micros::from(ticks.unwrap_or_default()) * TICK_US;
            if let Ok(place) = usize::try_from(number - self.front)
                && let Some(sent) = self.sent.get_mut(place)
            {
                acked.extend(take(sent, ticks.map(|_| time)));
            }
        }
    }

    // The reference time has 24 bits: 12 days.
    fn reference(&mut self, told: i32) -> i64 {
        let near = self.reference.unwrap_or_default();
        let next = near + i64::from(told.wrapping_sub(near as i32) << 8 >> 8);
        let plausible = self.reference.is_some() && next.abs() < FARTHEST_REFERENCE;
        *self.reference.insert(if plausible { next } else { told.into() })
    }
}

fn take(sent: &mut Sent, received: Option<Micros>) -> Option<Acked> {
    let state = if received.is_some() { State::Acknowledged } else { State::Lost };
    if sent.state == State::Acknowledged || sent.state == state {
        return None;
    }
    let late = sent.state == State::Lost;
    sent.state = state;
    Some(Acked { sent: sent.at, received, late, size: sent.size.into(), cluster: sent.cluster })
}

#[cfg(test)]
mod tests {
    use super::{Acked, History, WINDOW};
    use crate::rtcp::transport_cc::{Base, Feedback, REFERENCE_US};
    use crate::rtcp::{Builder, Packets};
    use proptest::prelude::*;

    fn acknowledge(history: &mut History, base: Base, ticks: &[Option<i32>]) -> Vec<Acked> {
        let mut buffer = vec![0; 64 + 3 * ticks.len()];
        let mut builder = Builder::new(&mut buffer);
        assert!(builder.transport_wide(1, 2, &base, ticks));
        let packet = Packets::new(builder.bytes()).next().unwrap().unwrap();
        let mut acked = Vec::new();
        history.acknowledge(&Feedback::parse(&packet).unwrap(), &mut acked);
        acked
    }

    fn base(sequence: u16, reference: i32) -> Base {
        Base { sequence, reference, number: 0 }
    }

    #[test]
    fn each_packet_is_taken_once_and_what_was_lost_may_still_come() {
        let mut history = History::default();
        let first = history.sent(100, 0, 0);
        history.sent(200, 3, 10);
        let told = acknowledge(&mut history, base(first, 1), &[Some(4), None]);
        assert_eq!(told[0].received, Some(REFERENCE_US + 1_000));
        assert_eq!((told[1].received, told[1].size, told[1].cluster), (None, 200, 3));
        assert_eq!(acknowledge(&mut history, base(first, 1), &[Some(4), None]), []);
        let late = acknowledge(&mut history, base(first, 1), &[Some(4), Some(1)]);
        assert_eq!((late.len(), late[0].late, told[1].late), (1, true, false));
        assert_eq!(acknowledge(&mut history, base(first + 2, 1), &[Some(4)]), [], "never sent");
    }

    #[test]
    fn the_reference_time_goes_on_over_its_end() {
        let mut history = History::default();
        let first = history.sent(100, 0, 0);
        history.sent(100, 0, 0);
        let before = acknowledge(&mut history, base(first, 0x7f_ffff), &[Some(0)])[0];
        let after = acknowledge(&mut history, base(first + 1, -0x80_0000), &[Some(0)])[0];
        assert_eq!(after.received.unwrap() - before.received.unwrap(), REFERENCE_US);
    }

    #[test]
    fn jumps_of_the_reference_time_never_overflow_it() {
        // Six days a jump, at a hundred a second, come to this in two days.
        let reference = Some(i64::MAX / REFERENCE_US);
        let mut history = History { reference, ..History::default() };
        for jump in 0..8 {
            let number = history.sent(100, 0, jump);
            let reference = (jump as i32 * 0x7f_ffff) << 8 >> 8;
            let acked = acknowledge(&mut history, base(number, reference), &[Some(0x7fff)]);
            assert!(acked[0].received.unwrap().abs() < i64::MAX / 8);
        }
    }

    #[test]
    fn what_is_old_is_forgotten() {
        let mut history = History::default();
        let first = history.sent(100, 0, 0);
        history.sent(100, 0, WINDOW + 1);
        assert_eq!(acknowledge(&mut history, base(first, 0), &[Some(0); 2]).len(), 1);
    }

    proptest! {
        #[test]
        fn any_feedback_is_taken(
            sent in 0usize..200,
            told in proptest::collection::vec(
                (any::<u16>(), -0x80_0000..=0x7f_ffff, proptest::collection::vec(
                    proptest::option::of(-0x8000..=0x7fff), 0..40)), 0..20),
        ) {
            let mut history = History::default();
            for at in 0..sent {
                history.sent(100, 0, at as i64);
            }
            let mut taken = 0;
            for (sequence, reference, ticks) in told {
                let acked = acknowledge(&mut history, base(sequence, reference), &ticks);
                taken += acked.iter().filter(|acked| acked.received.is_some()).count();
            }
            prop_assert!(taken <= sent);
        }
    }
}
