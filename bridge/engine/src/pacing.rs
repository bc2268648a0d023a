//! How often one receiver may have a keyframe asked for.

const APART_NS: u64 = 200_000_000;
const WINDOW_NS: u64 = 10_000_000_000;
const IN_WINDOW: usize = 3;
const WAITING_NS: u64 = 300_000_000;

/// Keyframe requests of one receiver about one source.
#[derive(Clone, Debug, Default)]
pub struct Pacing {
    /// When the last ones were granted, oldest first.
    granted: [Option<u64>; IN_WINDOW],
    waited_ns: Option<u64>,
}

impl Pacing {
    /// Whether a request the receiver made may go on now; taking the chance.
    pub fn take_request(&mut self, now_ns: u64) -> bool {
        let [oldest, .., newest] = self.granted;
        if newest.is_some_and(|at| now_ns < at + APART_NS)
            || oldest.is_some_and(|at| now_ns < at + WINDOW_NS)
        {
            return false;
        }
        self.granted.rotate_left(1);
        self.granted[IN_WINDOW - 1] = Some(now_ns);
        true
    }

    /// Whether to ask now because the downtrack waits for a keyframe; taking the chance.
    pub fn take_waiting(&mut self, now_ns: u64) -> bool {
        let due = self.waited_ns.is_none_or(|at| now_ns >= at + WAITING_NS);
        if due {
            self.waited_ns = Some(now_ns);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::Pacing;

    const MS: u64 = 1_000_000;

    #[test]
    fn three_in_ten_seconds_and_200_ms_apart() {
        let mut pacing = Pacing::default();
        let granted: Vec<_> =
            (0..20_000).filter(|at| pacing.take_request((100 + at) * MS)).collect();
        assert_eq!(granted, [0, 200, 400, 10_000, 10_200, 10_400]);
    }

    #[test]
    fn one_who_waits_asks_every_300_ms() {
        let mut pacing = Pacing::default();
        let granted: Vec<_> = (0..1_000).filter(|at| pacing.take_waiting(at * MS)).collect();
        assert_eq!(granted, [0, 300, 600, 900]);
    }
}
