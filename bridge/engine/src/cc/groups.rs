//! Packets sent together are measured together: bursts, and the times between them.
//!
//! WebRTC compares the last packets of groups, since its pacer spreads each picture out. A bridge
//! forwards pictures as they come, and a larger picture takes the line longer without any queue
//! being left when the next one starts; so here the first packets are compared.

use super::{MS, Micros, SECOND};

/// Packets sent within this time are one group.
const GROUP: Micros = 5 * MS;
/// Packets that arrive this close although sent apart were held up together.
const BURST: Micros = 5 * MS;
const LONGEST_BURST: Micros = 100 * MS;
/// The peer's clock jumped when its time between groups exceeds ours by this.
const JUMP: Micros = 3 * SECOND;
const MOST_REORDERED: u32 = 3;

#[derive(Clone, Copy)]
struct Group {
    first_sent: Micros,
    sent: Micros,
    first_arrival: Micros,
    arrival: Micros,
    /// When we heard of it.
    heard: Micros,
}

/// How much later one group was sent, and arrived, than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delta {
    pub sent: Micros,
    pub arrived: Micros,
}

/// Groups packets by the time they were sent.
#[derive(Default)]
pub struct Groups {
    current: Option<Group>,
    previous: Option<Group>,
    reordered: u32,
}

impl Groups {
    /// Take in a packet; a packet that starts a group completes the one before.
    pub fn packet(&mut self, sent: Micros, arrival: Micros, now: Micros) -> Option<Delta> {
        let fresh = Group { first_sent: sent, sent, first_arrival: arrival, arrival, heard: now };
        let Some(mut current) = self.current else {
            self.current = Some(fresh);
            return None;
        };
        if sent < current.first_sent {
            return None;
        }
        if current.continues(sent, arrival) {
            current.sent = current.sent.max(sent);
            current.arrival = arrival;
            current.heard = now;
            self.current = Some(current);
            return None;
        }
        let delta = self.complete(current)?;
        self.previous = Some(current);
        self.current = Some(fresh);
        delta
    }

    // The outer `None` when all starts over or the group is left as it is.
    #[allow(clippy::option_option)]
    fn complete(&mut self, current: Group) -> Option<Option<Delta>> {
        let Some(previous) = self.previous else {
            return Some(None);
        };
        let arrived = current.first_arrival - previous.first_arrival;
        if arrived - (current.heard - previous.heard) >= JUMP {
            *self = Self::default();
            return None;
        }
        if arrived < 0 {
            self.reordered += 1;
            if self.reordered >= MOST_REORDERED {
                *self = Self::default();
            }
            return None;
        }
        self.reordered = 0;
        Some(Some(Delta { sent: current.first_sent - previous.first_sent, arrived }))
    }
}

impl Group {
    fn continues(&self, sent: Micros, arrival: Micros) -> bool {
        let (apart, waited) = (sent - self.sent, arrival - self.arrival);
        let burst =
            waited - apart < 0 && waited <= BURST && arrival - self.first_arrival < LONGEST_BURST;
        apart == 0 || burst || sent - self.first_sent <= GROUP
    }
}

#[cfg(test)]
mod tests {
    use super::{Delta, Groups, MS};

    #[test]
    fn packets_sent_together_are_one_group() {
        let mut groups = Groups::default();
        for at in 0..5 {
            assert_eq!(groups.packet(at * MS, (at + 50) * MS, 0), None);
        }
        assert_eq!(groups.packet(33 * MS, 83 * MS, 0), None, "nothing to compare with yet");
        let delta = groups.packet(66 * MS, 130 * MS, 0);
        assert_eq!(delta, Some(Delta { sent: 33 * MS, arrived: 33 * MS }));
        assert_eq!(groups.packet(67 * MS, 131 * MS, 0), None);
        let delta = groups.packet(99 * MS, 180 * MS, 0);
        assert_eq!(delta, Some(Delta { sent: 33 * MS, arrived: 47 * MS }));
    }

    #[test]
    fn a_large_picture_is_no_queue_when_the_next_one_finds_the_line_free() {
        let mut groups = Groups::default();
        for (picture, packets) in [(0, 2), (1, 2), (2, 20), (3, 20), (4, 20)] {
            let sent = picture * 33 * MS;
            for packet in 0..packets {
                if let Some(delta) = groups.packet(sent, sent + (50 + packet) * MS, 0) {
                    assert_eq!(delta.sent, delta.arrived);
                }
            }
        }
    }

    #[test]
    fn what_was_held_up_together_arrives_as_one() {
        let mut groups = Groups::default();
        groups.packet(0, 50 * MS, 0);
        groups.packet(20 * MS, 70 * MS, 0);
        for at in 2..6 {
            groups.packet(at * 20 * MS, 170 * MS + at, 0);
        }
        let delta = groups.packet(140 * MS, 195 * MS, 0);
        assert_eq!(delta, Some(Delta { sent: 20 * MS, arrived: 100 * MS + 2 }));
    }

    #[test]
    fn a_clock_that_jumps_starts_all_over() {
        let mut groups = Groups::default();
        for at in 0..3 {
            groups.packet(at * 20 * MS, at * 20 * MS, at * 20 * MS);
        }
        assert_eq!(
            groups.packet(60 * MS, 9_000 * MS, 60 * MS),
            Some(Delta { sent: 20_000, arrived: 20_000 })
        );
        assert_eq!(groups.packet(80 * MS, 9_020 * MS, 80 * MS), None);
        assert_eq!(groups.packet(100 * MS, 9_040 * MS, 100 * MS), None);
    }
}
