//! Timestamps across switches: continuous in capture time where known, and never going back.

/// A sender report's pair of times: wall clock (32.32 NTP) and the stream's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderTime {
    pub ntp: u64,
    pub timestamp: u32,
}

/// Further than this from what the clock on the wall says, a timestamp isn't believed, seconds.
const BELIEVED_S: i64 = 2;

/// What is known of the stretch before: which stream it was, and how it was shifted.
#[derive(Clone, Copy, Debug)]
pub struct Before {
    pub ssrc: u32,
    pub epoch: u32,
    pub shift: u32,
    pub sender_time: Option<SenderTime>,
}

/// The newest timestamp sent, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Newest {
    pub timestamp: u32,
    pub at_ns: u64,
}

impl Newest {
    /// The timestamp that this moment should have.
    fn now(&self, now_ns: u64, rate: u32) -> u32 {
        let ticks = u128::from(now_ns.saturating_sub(self.at_ns)) * u128::from(rate);
        self.timestamp.wrapping_add((ticks / 1_000_000_000) as u32)
    }
}

/// The outgoing timestamp of the first packet of a stretch.
///
/// `first` is that packet.
pub fn start(
    newest: &Newest,
    before: Option<&Before>,
    first: &First,
    rate: u32,
    now_ns: u64,
) -> u32 {
    let expected = newest.now(now_ns, rate);
    let known = before.and_then(|before| align(before, first, rate));
    let believed = known.filter(|&known| {
        i64::from(known.wrapping_sub(expected) as i32).abs() <= BELIEVED_S * i64::from(rate)
    });
    let wanted = believed.unwrap_or(expected);
    // The same picture may have gone out in another encoding: two frames must not share a time.
    if (wanted.wrapping_sub(newest.timestamp) as i32) < 1 {
        newest.timestamp.wrapping_add(1)
    } else {
        wanted
    }
}

/// The first packet of a stretch.
pub struct First {
    pub ssrc: u32,
    pub epoch: u32,
    pub timestamp: u32,
    pub sender_time: Option<SenderTime>,
}

// The first packet's time on the outgoing clock of the stretch before.
fn align(before: &Before, first: &First, rate: u32) -> Option<u32> {
    if (before.ssrc, before.epoch) == (first.ssrc, first.epoch) {
        return Some(first.timestamp.wrapping_add(before.shift));
    }
    let (theirs, ours) = (before.sender_time?, first.sender_time?);
    let captured = first.timestamp.wrapping_sub(ours.timestamp) as i32;
    let between = i128::from(ours.ntp) - i128::from(theirs.ntp);
    let ticks = (between * i128::from(rate)) >> 32;
    let apart = i128::from(captured) + ticks;
    Some(theirs.timestamp.wrapping_add(apart as u32).wrapping_add(before.shift))
}

#[cfg(test)]
mod tests {
    use super::{Before, First, Newest, SenderTime, start};

    const SECOND: u64 = 1_000_000_000;

    fn before(sender_time: Option<SenderTime>) -> Before {
        Before { ssrc: 0, epoch: 1, shift: 500, sender_time }
    }

    fn first(timestamp: u32, sender_time: Option<SenderTime>) -> First {
        First { ssrc: 1, epoch: 1, timestamp, sender_time }
    }

    #[test]
    fn sender_reports_align_encodings() {
        let newest = Newest { timestamp: 90_500, at_ns: SECOND };
        let theirs = SenderTime { ntp: 10 << 32, timestamp: 90_000 };
        // Half a second later by the sender's clock; its own timestamps have another start.
        let ours = SenderTime { ntp: (10 << 32) + (1 << 31), timestamp: 7_000_000 };
        let at = start(
            &newest,
            Some(&before(Some(theirs))),
            &first(7_000_090, Some(ours)),
            90_000,
            SECOND * 3 / 2,
        );
        assert_eq!(at, 90_500 + 45_000 + 90);
    }

    #[test]
    fn without_reports_the_wall_clock_counts() {
        let newest = Newest { timestamp: u32::MAX - 10, at_ns: SECOND };
        let at = start(&newest, Some(&before(None)), &first(5, None), 90_000, SECOND + SECOND / 10);
        assert_eq!(at, (u32::MAX - 10).wrapping_add(9_000));
    }

    #[test]
    fn time_never_goes_back_and_lies_are_not_believed() {
        let newest = Newest { timestamp: 90_500, at_ns: SECOND };
        let same = SenderTime { ntp: 10 << 32, timestamp: 90_000 };
        let at =
            start(&newest, Some(&before(Some(same))), &first(90_000, Some(same)), 90_000, SECOND);
        assert_eq!(at, 90_501);
        let lie = SenderTime { ntp: 99 << 32, timestamp: 0 };
        let at =
            start(&newest, Some(&before(Some(same))), &first(0, Some(lie)), 90_000, SECOND * 2);
        assert_eq!(at, 180_500);
    }

    #[test]
    fn a_stream_that_pauses_keeps_its_own_clock() {
        let newest = Newest { timestamp: 90_500, at_ns: SECOND };
        let again = First { ssrc: 0, epoch: 1, timestamp: 180_123, sender_time: None };
        let at = start(&newest, Some(&before(None)), &again, 90_000, SECOND * 2);
        assert_eq!(at, 180_623);
    }
}
