//! How long datagrams waited in a socket, and which media waited too long.
//!
//! Without CPU a socket's buffer holds seconds of what a few people send. Sent on late it would
//! be of no use to anybody, and would keep whatever comes after it late as well.

/// Media that waited longer comes too late: nobody talks across such a delay, and whoever misses
/// it doesn't get it from a cache any more, which keeps a second.
const TOO_LATE_NS: u64 = 1_000_000_000;
/// Once some is too late, what is still older than this goes with it. A picture with a hole in it
/// needs a keyframe however long the hole is; one long hole and no delay beat many short ones
/// in a stream that stays a second late.
const FRESH_NS: u64 = 200_000_000;
/// How long a wait is remembered: those who look come once a second.
const REMEMBERED_NS: u64 = 2_000_000_000;

/// What waited in one socket.
#[derive(Debug, Default)]
pub struct Backlog {
    /// The last datagrams were too late.
    skipping: bool,
    longest_ns: u64,
    noted_ns: u64,
}

impl Backlog {
    /// How many of the `count` datagrams just taken, from the first on, are too late for media.
    ///
    /// `waited_ns` tells how long one of them waited. The first waited longest: a socket is a queue.
    #[inline]
    pub fn too_late(
        &mut self,
        count: usize,
        now_ns: u64,
        waited_ns: impl Fn(usize) -> u64,
    ) -> usize {
        let longest = if count == 0 { 0 } else { waited_ns(0) };
        if longest >= self.longest_ns || now_ns >= self.noted_ns + REMEMBERED_NS {
            (self.longest_ns, self.noted_ns) = (longest, now_ns);
        }
        if longest <= if self.skipping { FRESH_NS } else { TOO_LATE_NS } {
            self.skipping = false;
            return 0;
        }
        let late = (0..count).position(|at| waited_ns(at) <= FRESH_NS);
        self.skipping = late.is_none();
        late.unwrap_or(count)
    }

    /// The longest wait of the last seconds, as a fraction of what media may wait.
    pub fn fill(&self, now_ns: u64) -> f64 {
        if now_ns >= self.noted_ns + REMEMBERED_NS {
            return 0.0;
        }
        (self.longest_ns as f64 / TOO_LATE_NS as f64).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Backlog;

    const MS: u64 = 1_000_000;

    fn taken(backlog: &mut Backlog, waited_ms: &[u64]) -> usize {
        backlog.too_late(waited_ms.len(), 0, |at| waited_ms[at] * MS)
    }

    #[test]
    fn what_waited_less_than_a_second_goes_on() {
        let mut backlog = Backlog::default();
        assert_eq!(taken(&mut backlog, &[]), 0);
        assert_eq!(taken(&mut backlog, &[1_000, 900, 0]), 0);
    }

    #[test]
    fn once_some_is_too_late_all_goes_that_isnt_fresh() {
        let mut backlog = Backlog::default();
        assert_eq!(taken(&mut backlog, &[1_001, 900, 201, 200, 150]), 3);
        assert_eq!(taken(&mut backlog, &[140, 0]), 0);
        assert_eq!(taken(&mut backlog, &[900]), 0, "it caught up, and a second is allowed again");
    }

    #[test]
    fn dropping_goes_on_from_batch_to_batch() {
        let mut backlog = Backlog::default();
        assert_eq!(taken(&mut backlog, &[1_500, 1_200]), 2);
        assert_eq!(taken(&mut backlog, &[800, 500]), 2);
        assert_eq!(taken(&mut backlog, &[300, 190]), 1);
        assert_eq!(taken(&mut backlog, &[300, 190]), 0);
    }

    #[test]
    fn an_empty_socket_ends_it() {
        let mut backlog = Backlog::default();
        assert_eq!(taken(&mut backlog, &[1_500]), 1);
        assert_eq!(taken(&mut backlog, &[]), 0);
        assert_eq!(taken(&mut backlog, &[500]), 0);
    }

    #[test]
    fn the_longest_wait_is_told_for_as_long_as_somebody_may_look() {
        let mut backlog = Backlog::default();
        assert_eq!(backlog.fill(0), 0.0);
        backlog.too_late(1, 5_000 * MS, |_| 250 * MS);
        backlog.too_late(1, 5_010 * MS, |_| MS);
        assert_eq!(backlog.fill(6_900 * MS), 0.25);
        assert_eq!(backlog.fill(7_000 * MS), 0.0);
        backlog.too_late(1, 7_500 * MS, |_| 9_000 * MS);
        assert_eq!(backlog.fill(7_500 * MS), 1.0);
        backlog.too_late(1, 9_500 * MS, |_| 100 * MS);
        assert_eq!(backlog.fill(9_500 * MS), 0.1);
    }
}
